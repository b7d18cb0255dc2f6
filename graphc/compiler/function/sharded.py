"""Functions that compute a batch shard by shard: in the memory of one shard, with the values of the
whole batch."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from graphc.compiler.function.api import MOST_BOUND, Function
from graphc.compiler.function.arguments import Arguments, checked_arguments
from graphc.compiler.function.divided_step import DividedStep, StepGraph
from graphc.compiler.function.feeds import checked_feed
from graphc.compiler.function.givens import Pairs
from graphc.compiler.function.loop_programs import LoopPrograms
from graphc.compiler.function.own_rows import Feed, OwnRows, rows_between
from graphc.compiler.function.pass_list import PassList
from graphc.compiler.function.report import CompileReport
from graphc.compiler.function.roots import Specialised
from graphc.compiler.function.shard_pass import (
    Bindings,
    ShardedBatch,
    ShardPass,
    ShardResults,
    batch_layouts,
    layout_of,
)
from graphc.compiler.function.step_memory import StepMemory, nbytes_of, of_shapes, step_memory
from graphc.compiler.graph import (
    BATCH,
    CallStep,
    Node,
    State,
    Symbol,
    every_node,
    label,
    learning_phase,
    size_claims,
    state_of,
)
from graphc.compiler.graph.binding import bind
from graphc.compiler.graph.dim import evaluate, symbols
from graphc.compiler.graph.equations import values
from graphc.compiler.passes import decide
from graphc.compiler.passes.unify_sizes import unify_sizes
from graphc.compiler.program.kernel_list import KernelList
from graphc.compiler.program.memory_report import MemoryReport
from graphc.compiler.program.time_report import TimeReport
from graphc.compiler.runtime.device import select_device
from graphc.compiler.runtime.pending import Pending
from graphc.compiler.shards import FIRST, joined_rows, shard_ranges
from graphc.compiler.shards.batch_axis import batch_axes
from graphc.compiler.shards.from_rows import max_rows
from graphc.compiler.shards.spread import Moved
from graphc.errors import ArgumentError
from graphc.parallel.meeting import meet
from graphc.parallel.summing import KeptMemory, gather_rows
from graphc.parallel.transport import OneRank, Transport
from graphc.parallel.tree import shards_of_rank

(_BATCH,) = symbols(BATCH)


@dataclass(frozen=True)
class SizedStep:
    """The facts that follow from the sizes of a call, kept for further calls of these sizes.

    Attributes:
        step: the division of the step.
        batch: the division of the batch.
        first, shard: the first pass over the shards and the one that computes them, if there are.
        rows_are_returned_only: the root reads no rows of all shards.
        specialised: what the functions of the root run at these sizes.
    """

    step: DividedStep
    batch: ShardedBatch
    first: ShardPass | None
    shard: ShardPass | None
    rows_are_returned_only: bool
    specialised: Specialised = field(default_factory=dict)


_KNOWN = (
    "shards divide a batch whose size each call decides, and the graph itself has a number for it. "
    "Leave the batch open: no batch_input_shape or batch_shape with a number, no "
    "stateful=True, and random draws of the size of a tensor, K.random_normal(K.shape(x)), not "
    "(100, d). Or train with shards=1"
)


def sharded_function(
    inputs: Sequence[Node],
    outputs: Node | Sequence[Node] | None = None,
    updates: Pairs | None = None,
    givens: Pairs | None = None,
    mode: str | None = None,
    name: str = "function",
    on_unused_input: str = "raise",
    call_step: CallStep | None = None,
    calls: float | None = None,
    *,
    shards: int,
    ranks: Transport[np.ndarray] | None = None,
    spread: Sequence[Node] = (),
) -> ShardedFunction:
    """Compile a graph into a function that divides its batch into `shards` consecutive ranges.

    The values are those of `function` up to rounding: sums over the batch are added in another
    order. Inputs with an axis of the size `BATCH` are divided along it, and every shard reads the
    others whole. The other arguments are those of `function`.

    With several ranks, each rank computes some of the shards. All ranks call the function with the
    same arrays, or each with its own `OwnRows`; the results have the same bits as on one rank that
    computes all shards. The updates are divided among the ranks, too: if the graph allows it, each
    rank keeps only the part that it updates of the shared variables in `spread`. `get_value` of
    such a variable gathers the whole from all ranks; meanwhile each other rank has to read it, too,
    or to call the function.

    Raises:
        ArgumentError: as `function`; or the learning phase is an input, the batch size is a number
            in the graph, or the batch axis is used in a way that cannot be divided.
    """
    given = checked_arguments(inputs, outputs, updates, givens, mode, name, on_unused_input)
    if learning_phase() in given.inputs:
        raise ArgumentError(
            f"{name}: shards: the learning phase is an input; fix it with "
            "givens=[(learning_phase(), True)], and make one function for each phase"
        )
    return ShardedFunction(
        given,
        name,
        CallStep() if call_step is None else call_step,
        calls,
        shards,
        OneRank() if ranks is None else ranks,
        [state_of(variable) for variable in spread],
    )


class ShardedFunction:
    """A compiled graph that takes its batch in shards; used as a `Function`. Made by
    `sharded_function`.

    Attributes:
        name, call_step, calls, shards, ranks: the arguments of `sharded_function`.
    """

    def __init__(
        self,
        given: Arguments,
        name: str,
        call_step: CallStep,
        calls: float | None,
        shards: int,
        ranks: Transport[np.ndarray],
        spread: Sequence[State] = (),
    ):
        self.name, self.call_step, self.calls, self.shards = name, call_step, calls, shards
        self.ranks = ranks
        shards_of_rank(shards, ranks.size, ranks.rank)  # an error where there are too few
        self._single, self._inputs = given.single, given.inputs
        # Read ahead of `decide`, as `Function` does: draws in branches that are not taken count.
        self._draws = any(node.op == "random" for node in every_node(given.roots))
        roots = decide(given.roots)
        self._claims = dict.fromkeys(given.claims)
        for node in every_node(roots):
            self._claims.update(dict.fromkeys(size_claims(node)))
        unified = unify_sizes(roots, given.inputs, self._claims)
        self._fed, self._sizes = unified.inputs, unified.sizes
        self._axes = {node: axes[0] for node in self._fed if (axes := batch_axes(node.shape))}
        if not self._axes:
            raise ArgumentError(f"{name}: {_KNOWN}")
        fetched = len(unified.outputs) - len(given.states)
        self._graph = StepGraph(
            name,
            given.mode,
            call_step,
            calls,
            shards,
            ranks,
            unified.outputs[:fetched],
            list(zip(given.states, unified.outputs[fetched:], strict=True)),
            self._axes,
            spread,
            self._draws,
        )
        self._lock = threading.RLock()  # calls share the memory of their sums
        # On a GPU a product's number of rows, which differs between ranks, decides the order of its
        # sum.
        step = DividedStep(self._graph, from_rows=select_device() == "cpu")
        self._steps = {bool(step.divided.from_rows): step}
        self._sized: dict[tuple[Any, ...], SizedStep] = {}
        self._kept: dict[Function, KeptMemory] = {}  # what moves between ranks

    def _step(self, rows: int | None) -> DividedStep:
        """Return the division of the step for a batch of so many rows."""
        from_rows = True in self._steps and (rows is None or rows <= max_rows(self.shards))
        if from_rows not in self._steps:
            self._steps[from_rows] = DividedStep(self._graph, from_rows)
        return self._steps[from_rows]

    # ---- inspection ------------------------------------------------------------------------------

    @property
    def parts(self) -> list[Function]:
        """The functions that it consists of, in the order in which they run: a shard's first pass,
        a shard, norms over all elements, and the root, which has the sums over all shards; those
        that the graph needs. If sums are computed from rows, large batches have other functions."""
        return self._step(None).parts

    def graph(self) -> list[Node]:
        """The outputs and new values before they are divided among ranks: equal on all ranks; for
        tests."""
        divided = self._step(None).divided
        return [*divided.first, *divided.shard, *divided.from_rows.values(), *divided.root]

    @property
    def reports(self) -> tuple[CompileReport, ...]:
        """The report of compiling each of `parts`."""
        return tuple(one.report for one in self.parts)

    def make(self, training: bool = False) -> None:
        """Compile what a call runs, which the first call would do otherwise."""
        for one in self.parts:
            one.make(training)

    def target(self, training: bool = False) -> str | None:
        """The target of the generated kernels that a call runs; see `Function.target`."""
        return self.parts[0].target(training)

    def kernels(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        target: str | None = None,
        card: str | None = None,
    ) -> KernelList:
        """The kernels of a shard of a batch of so many samples; see `Function.kernels`."""
        function, rows = self._of_shard(batch)
        return function.kernels(rows, sizes, target=target, card=card)

    def loop_programs(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        target: str | None = None,
        card: str | None = None,
    ) -> LoopPrograms:
        """Return the loop programs of a shard of a batch of so many samples; see
        `Function.loop_programs`."""
        function, rows = self._of_shard(batch)
        return function.loop_programs(rows, sizes, target=target, card=card)

    def passes(self, target: str | None = None, card: str | None = None) -> PassList:
        """Return what each pass changes in the graph of a shard; see `Function.passes`."""
        step = self._step(None)
        return (step.shard or step.parts[0]).passes(target=target, card=card)

    def memory_report(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        target: str | None = None,
        card: str | None = None,
    ) -> MemoryReport:
        """Return the device memory of a call for a batch of so many samples: that of the one of
        `parts` with the largest arena, which all of them share."""
        step, (function, rows) = self._step(batch), self._of_shard(batch)
        reports = [function.memory_report(rows, sizes, target=target, card=card)]
        for one in step.parts:
            if one is not function:
                rows, known = step.sizes_of(one, batch, self.shards, sizes)
                reports.append(one.memory_report(rows, known, target=target, card=card))
        return max(reports, key=lambda report: report.arena)

    def time_report(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        *,
        card: str,
        nvcc: bool = True,
    ) -> TimeReport:
        """Estimate the time of a shard of a batch; see `Function.time_report`."""
        function, rows = self._of_shard(batch)
        return function.time_report(rows, sizes, card=card, nvcc=nvcc)

    def divided_in(self, shards: int) -> ShardedFunction:
        """Return the same function with another number of shards; both run the same code."""
        shards_of_rank(shards, self.ranks.size, self.ranks.rank)
        found = copy.copy(self)
        found.shards, found._sized = shards, {}
        return found

    def step_memory(self, shapes: Sequence[Sequence[int]]) -> StepMemory:
        """Return the memory that a call on arrays of these shapes takes in a process that computes
        all shards; see `StepMemory`."""
        bindings = values(self._sizes, bind(self._inputs, of_shapes(shapes)))
        ranges = shard_ranges(bindings[_BATCH], self.shards)
        of_shard = {**bindings, _BATCH: ranges[0][1]}
        step = self._step(bindings[_BATCH])
        divided, root = step.divided, step.root
        graphs = [
            one.graph_memory(_bound(one, of_shard if one in (step.first, step.shard) else bindings))
            for one in step.parts
        ]
        kept = len(ranges).bit_length()  # partial sums of the tree, and those of the current shard
        summed = [nbytes_of(nodes, bindings) for nodes in (divided.first_sums, divided.sums)]
        rows = nbytes_of(list(divided.rows), bindings)  # held twice: by shard, and joined
        # Rows along another axis than the first are copied for native code.
        copied = [node for node, axis in self._axes.items() if axis]
        copied_rows = nbytes_of(copied, of_shard)
        fed = nbytes_of(self._inputs, bindings)
        added_up = nbytes_of(root.of_totals, bindings)
        sums = kept * max(summed) + min(summed) + 2 * rows + copied_rows + added_up
        return step_memory(graphs, self.target(), self.shards, fed, sums)

    def _of_shard(self, batch: int | None) -> tuple[Function, int | None]:
        """Return the function that each shard runs, with its rows in a batch of so many samples.
        If all is computed for the whole batch at once, return that function with all rows."""
        step = self._step(batch)
        function = step.shard or step.parts[0]
        return function, step.sizes_of(function, batch, self.shards, None)[0]

    # ---- calls ----------------------------------------------------------------------------------

    def __call__(self, *arrays: object) -> np.ndarray | list[np.ndarray]:
        """Run once; see `Function`. An error or an interrupt in any shard leaves all shared
        variables as they were."""
        fetched = self._run(arrays)
        return fetched[0] if self._single else fetched

    def start(self, *arrays: object) -> Pending:
        """Run once; unlike `Function.start`, this returns when the values are computed."""
        return Pending.done(self._run(arrays))

    def start_for_first(self, *arrays: object) -> Pending:
        """Run once and return the values on rank 0 alone; other ranks get an empty list, and rows
        that are only returned are not sent to them."""
        return Pending.done(self._run(arrays, first_only=True))

    def _run(self, given: Sequence[object], first_only: bool = False) -> list[np.ndarray]:
        with self._lock:
            return self._run_locked(given, first_only)

    def _run_locked(self, given: Sequence[object], first_only: bool) -> list[np.ndarray]:
        feeds, sized, has_all = self._feeds(given)
        meet(self.ranks, self.name if has_all else f"{self.name} on own rows")
        step, number = sized.step, self.call_step.value
        divided, root = step.divided, step.root
        if sized.first is not None:
            feeds.update(zip(divided.first_sums, sized.first(feeds, number), strict=True))
        if sized.shard is not None:
            to = 0 if first_only and sized.rows_are_returned_only else None
            feeds.update(root.fed(sized.shard(feeds, number, to)))
        if not has_all:
            self._complete(feeds, sized)
        step.drawn.value = number
        computed = root(feeds, sized.specialised)
        if step.last is None and self._draws:
            self.call_step.value = number + 1
        return [] if first_only and self.ranks.rank else self._in_order(computed, feeds, step)

    def _complete(self, feeds: dict[Node, Feed], sized: SizedStep) -> None:
        """Gather the inputs that the root reads itself and of which each rank has its own rows."""
        divided = [node for node in sized.step.root.inputs if isinstance(feeds.get(node), OwnRows)]
        if not divided:
            return
        own, batch = shards_of_rank(self.shards, self.ranks.size, self.ranks.rank), sized.batch
        given = [
            [rows_between(feeds[node], self._axes[node], *rows) for node in divided]
            for rows in batch.ranges[own.start : own.stop]
        ]
        gathered = gather_rows(self.ranks, batch_layouts(divided, batch), self.shards, given)
        for node, several in zip(divided, zip(*gathered, strict=True), strict=True):
            feeds[node] = joined_rows(several, self._axes[node], 1)

    def _in_order(
        self, computed: Sequence[np.ndarray], feeds: Mapping[Node, Feed], step: DividedStep
    ) -> list[np.ndarray]:
        """Return the outputs in order: values that the root computed, and rows of all shards."""
        if not step.returned_rows:
            return list(computed)
        ahead, given, fetched = iter(computed), set[Node](), []
        for node in step.outputs:
            if node not in step.divided.rows:
                fetched.append(next(ahead))
            else:
                value = feeds[node]
                assert isinstance(value, np.ndarray)
                fetched.append(value.copy() if node in given else value)
                given.add(node)
        return fetched

    def _feeds(self, given: Sequence[object]) -> tuple[dict[Node, Feed], SizedStep, bool]:
        """Return the feeds of a call, with the sizes of the whole batch; the facts that follow from
        these sizes; and True if no argument is the rank's own rows alone."""
        if len(given) != len(self._inputs):
            names = ", ".join(label(node) for node in self._inputs)
            raise ArgumentError(
                f"{self.name} takes {len(self._inputs)} arguments ({names}), received {len(given)}"
            )
        arrays = [
            self._checked(node, fed, value)
            for node, fed, value in zip(self._inputs, self._fed, given, strict=True)
        ]
        shown = [one for one in arrays if isinstance(one, np.ndarray)]
        has_all = len(shown) == len(arrays)
        if not has_all:
            shown = self._shown(arrays)
        key = has_all, *[array.shape for array in shown]
        sized = self._sized.get(key)
        if sized is None:
            if len(self._sized) >= MOST_BOUND:
                self._sized.clear()
            bindings = values(self._sizes, bind(self._inputs, shown))
            sized = self._sized[key] = self._of_sizes(bindings, has_all)
        return {**dict(zip(self._fed, arrays, strict=True)), **sized.batch.feeds}, sized, has_all

    def _shown(self, arrays: Sequence[Feed]) -> list[np.ndarray]:
        """Return arrays of the whole batch's shapes."""
        ranges = {(one.first, one.total) for one in arrays if isinstance(one, OwnRows)}
        if len(ranges) > 1:
            raise ArgumentError(
                f"{self.name}: expected the same rows of all arguments, received those from "
                f"{' and '.join(f'{first} on of {total}' for first, total in sorted(ranges))}"
            )
        return [
            one.whole(self._axes[node]) if isinstance(one, OwnRows) else one
            for node, one in zip(self._fed, arrays, strict=True)
        ]

    def _of_sizes(self, bindings: Bindings, has_all: bool) -> SizedStep:
        for claim in self._claims:
            claim.test(bindings)
        rows = bindings[_BATCH]
        step = self._step(rows)
        divided, root = step.divided, step.root
        feeds = {
            **{
                node: np.array(evaluate(size, bindings), np.int64)
                for node, size in divided.sizes.items()
            },
            **{
                node: np.arange(rows, dtype=np.int64) * evaluate(size, bindings)
                for node, size in divided.starts.items()
            },
        }
        axes = {**self._axes, **dict.fromkeys(divided.starts, FIRST)}
        batch = ShardedBatch(bindings, self.shards, shard_ranges(rows, self.shards), axes, feeds)
        first, shard = None, None
        if step.first is not None:
            sums = divided.first_sums
            unmoved = {node: Moved(node, ()) for node in sums}
            results = ShardResults(sums, unmoved, layout_of(sums, bindings), {})
            ranks = OneRank() if has_all and step.counts_at_once else self.ranks
            first = self._pass(step.first, results, batch, ranks, step.counts_at_once)
        if step.shard is not None:
            results = ShardResults(
                divided.sums,
                root.sums,
                root.layout(layout_of(root.sums, bindings)),
                divided.rows,
                step.returned_rows,
            )
            shard = self._pass(step.shard, results, batch, self.ranks)
        returned_only = not any(node in divided.rows for node in root.inputs)
        return SizedStep(step, batch, first, shard, returned_only)

    def _pass(
        self,
        function: Function,
        results: ShardResults,
        batch: ShardedBatch,
        ranks: Transport[np.ndarray],
        at_once: bool = False,
    ) -> ShardPass:
        kept = self._kept.setdefault(function, KeptMemory())
        return ShardPass(function, results, batch, ranks, kept, at_once)

    def _checked(self, node: Node, fed: Node, value: object) -> Feed:
        if isinstance(value, OwnRows) and fed in self._axes:
            return replace(value, array=checked_feed(node, value.array, self.name))
        return checked_feed(node, value, self.name)


def _bound(function: Function, bindings: Mapping[Symbol, int]) -> dict[Symbol, int]:
    """Return the values of the symbols in the shapes of a function's inputs."""
    shapes = [[evaluate(size, bindings) for size in node.shape] for node in function.inputs]
    return bind(function.inputs, of_shapes(shapes))
