"""A graph that is divided into shards and a root, and the functions that compute its parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compiler.function.api import Function
from graphc.compiler.function.arguments import Arguments
from graphc.compiler.function.roots import Root
from graphc.compiler.graph import OPS, CallStep, Node, State, is_float, toposort
from graphc.compiler.graph.dim import symbols
from graphc.compiler.runtime.interpreting import ALWAYS
from graphc.compiler.shards import divide
from graphc.compiler.shards.batch_axis import batch_axes
from graphc.parallel.transport import Transport


@dataclass(frozen=True)
class StepGraph:
    """A graph that takes its batch in shards, with the options that it is compiled with.

    Attributes:
        name, mode, call_step, calls, shards, ranks: as of `sharded_function`.
        fetched: the nodes whose values a call returns.
        updates: states and their new values.
        axes: the batch axes of inputs with rows.
        spread: the states of which a rank may keep only its own blocks.
        draws: True if a call advances the count of calls that drew random numbers.
    """

    name: str
    mode: str
    call_step: CallStep
    calls: float | None
    shards: int
    ranks: Transport[np.ndarray]
    fetched: Sequence[Node]
    updates: Sequence[tuple[State, Node]]
    axes: dict[Node, int]
    spread: Sequence[State]
    draws: bool


class DividedStep:
    """A division of a graph, with the functions of its parts.

    Attributes:
        divided: the graphs of the first pass, of a shard and of the root.
        outputs: what a call returns: values of the root, or rows that it gathers.
        returned_rows: those of the rows that it gathers which a call returns.
        root: the root of the division.
        first, shard: the functions of a shard's first pass and of a shard; None for one without
            outputs.
        last: the function of the root; None for one without outputs.
        parts: all functions that there are, in the order in which they run.
        counts_at_once: True if the first pass takes the rows of several shards at once. It only
            counts then: sums of integers have the same bits in any order, and its elementwise
            operands are smaller than activations.
        drawn: the count of draws in a shard; the root alone, which runs last, counts the call.
    """

    def __init__(self, graph: StepGraph, from_rows: bool) -> None:
        """`from_rows`: see `divide`."""
        self._graph = graph
        new = [value for _, value in graph.updates]
        self.divided = divided = divide(graph.fetched, new, graph.name, from_rows)
        fetched = len(graph.fetched)
        self.outputs = divided.root[:fetched]
        # Rows of all shards that are fetched as they are need no root.
        computed = [node for node in self.outputs if node not in divided.rows]
        self.returned_rows = [node for node in divided.rows if node in self.outputs]
        states = [state for state, _ in graph.updates]
        updates = list(zip(states, divided.root[fetched:], strict=True))
        read = toposort([*divided.first, *divided.shard])
        read_by_shards = {node.attrs["state"] for node in read if node.op == "shared"}
        spread = [state for state in graph.spread if state not in read_by_shards]
        self.root = root = Root(computed, updates, divided, spread, graph.ranks, graph.name)
        self.drawn = CallStep()
        made = self._made(divided.first, divided.shard, root.of_totals, root.outputs)
        self.first, self.shard, norms, self.last = made
        root.made_of(norms, self.last)
        self.parts = [one for one in made if one is not None]
        self.counts_at_once = all(_is_counting(node) for node in toposort(divided.first))

    def sizes_of(
        self, part: Function, batch: int | None, shards: int, sizes: Mapping[str, int] | None
    ) -> tuple[int | None, dict[str, int]]:
        """Return the number of rows that a part takes in a call, and its other sizes by name.

        Args:
            part: one of `parts`.
            batch: the number of rows of the batch.
            shards: the number of shards that it is taken in.
            sizes: further sizes by name; those that the part does not have are left out.

        The number of rows is None if the part has no input with rows.
        """
        named = {one.name: one for x in part.inputs for size in x.shape for one in symbols(size)}
        known = {name: value for name, value in (sizes or {}).items() if name in named}
        if batch is None or not any(batch_axes(node.shape) for node in part.inputs):
            return None, known
        if part is self.shard or (part is self.first and not self.counts_at_once):
            return math.ceil(batch / shards), known
        return batch, known

    def _made(self, *graphs: Sequence[Node]) -> list[Function | None]:
        """Make the functions of the four graphs; None for one without outputs.

        Either all of them run natively or none does, so that the bits of a step do not depend on
        the expected number of calls, by which each function would choose for itself.
        """
        made = self._functions(graphs, self._graph.calls)
        targets = {one.target() for one in made if one is not None}
        return made if len(targets) < 2 else self._functions(graphs, ALWAYS)

    def _functions(
        self, graphs: Sequence[Sequence[Node]], calls: float | None
    ) -> list[Function | None]:
        *of_shards, norms, root = graphs
        each = None if calls is None else calls * self._graph.shards
        names = ("the first pass of a shard", "a shard")
        found = [
            self._function(outputs, what, [], self.drawn, each)
            for outputs, what in zip(of_shards, names, strict=True)
        ]
        return [
            *found,
            self._function(norms, "sums over all elements", [], self.drawn, calls),
            self._function(root, "all shards", self.root.updated, self._graph.call_step, calls),
        ]

    def _function(
        self,
        outputs: Sequence[Node],
        what: str,
        states: list[State],
        call_step: CallStep,
        calls: float | None,
    ) -> Function | None:
        if not outputs:
            return None
        graph = self._graph
        inputs = [node for node in toposort(outputs) if node.op == "input"]
        if "a shard" in what and not any(node in graph.axes for node in inputs):
            inputs.append(next(iter(graph.axes)))  # gives the shard's number of rows
        given = Arguments(inputs, list(outputs), False, states, [], graph.mode)
        name = f"{graph.name} ({what})"
        counted = graph.draws and call_step is graph.call_step
        return Function(given, name, call_step, calls=calls, counted=counted)


def _is_counting(node: Node) -> bool:
    """Return True for what is computed element by element from inputs, and its sums of ints."""
    if node.op == "sum":
        return not is_float(node.dtype)
    if node.op == "broadcast":
        return node.inputs[0].ndim == 0
    return not node.inputs or OPS[node.op].family == "pointwise"
