"""One specialisation of a function: its graph after the passes, on a device."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import cast

import numpy as np

from graphc.compiler.cards import Card
from graphc.compiler.function.comparison import check
from graphc.compiler.function.guards import FiniteGuard, PassChecker
from graphc.compiler.function.loop_programs import LoopPrograms, loop_programs
from graphc.compiler.function.prints import Prints
from graphc.compiler.function.report import CompileReport
from graphc.compiler.function.step_memory import GraphMemory, graph_memory
from graphc.compiler.graph import (
    CallStep,
    Node,
    State,
    Symbol,
    assign_together,
    every_node,
    size_claims,
)
from graphc.compiler.graph.checks import SizeClaim
from graphc.compiler.graph.equations import values
from graphc.compiler.passes import PassObserver, PassRecord, PassReport, optimize, recorded_passes
from graphc.compiler.passes.dump import Dump
from graphc.compiler.passes.unify_sizes import unify_sizes
from graphc.compiler.program.launch import DeviceProgram
from graphc.compiler.runtime.cpu.bound_shards import BoundShards
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.compiler.runtime.device import choose_executor, most_shared, select_device
from graphc.compiler.runtime.executor import Executor, KernelExecutor, Observer
from graphc.compiler.runtime.pending import Pending
from graphc.compiler.runtime.programs import Programs
from graphc.compiler.shards import RowDivision
from graphc.compiler.targets.cpu.facts import this_machine, thread_count
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS, CPU_MAPPINGS_OF_ROWS
from graphc.compiler.targets.cpu.passes import CPU_PASSES
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.mappings import CUDA_MAPPINGS
from graphc.compiler.targets.cuda.passes import cuda_passes
from graphc.compiler.targets.passes import TargetPass
from graphc.errors import KernelError


class Prepared:
    """A graph that is ready to run for all sizes; the passes run once.

    Attributes:
        inputs: the inputs as the graph reads them: sizes that have to be equal are one symbol.
        given: the graph before the passes.
        outputs: the graph after the passes.
    """

    def __init__(
        self,
        inputs: Sequence[Node],
        outputs: Sequence[Node],
        states: Sequence[State],
        claims: Iterable[SizeClaim],
        mode: str,
        name: str,
        once: bool,
        calls: float | None,
        call_step: CallStep,
        counted: bool = False,
    ):
        """`outputs` are the fetched values, then one new value for each of `states`; `claims` are
        size claims in addition to those of the nodes; `counted` is that of `Function`; the other
        arguments are those of `function`."""
        started = time.perf_counter()
        self._device = select_device()
        self._name, self._mode = name, mode
        self._prints = Prints(outputs, name)
        fetched = len(outputs) - len(states)
        outputs = [*outputs[:fetched], *self._prints.values, *outputs[fetched:]]
        draws = counted
        self._claims = dict.fromkeys(claims)
        for node in every_node(outputs):
            draws = draws or node.op == "random"
            self._claims.update(dict.fromkeys(size_claims(node)))
        # Calls that draw nothing advance a counter that nothing reads.
        self._call_step = call_step if draws else CallStep()
        unified = unify_sizes(outputs, inputs, self._claims)
        outputs, self.inputs, self._sizes = unified.outputs, unified.inputs, unified.sizes
        self._checker = PassChecker() if mode == "DebugMode" else None
        self.given = tuple(outputs)
        self._pipeline = "FAST_COMPILE" if mode == "FAST_COMPILE" else "FAST_RUN"
        observer = self._checker.observe if self._checker is not None else None
        self._states = tuple(states)
        dump = Dump(name)
        self.outputs, self._passes = optimize(outputs, self._pipeline, dump=dump, observer=observer)
        self._programs = Programs(self.outputs, states, _target_observer(dump, self._checker))
        self._chosen = choose_executor(self._device, self._programs, name, mode, once, calls)
        self._target = self._chosen.target
        self._observer = FiniteGuard(self.outputs) if mode == "NanGuardMode" else None
        self._seconds = time.perf_counter() - started

    @property
    def target(self) -> str | None:
        """The target whose generated kernels run, 'cuda' or 'cpu'; None if the interpreter runs the
        graph, as it also does once the compiler has failed."""
        return self._target

    @cached_property
    def _executor(self) -> Executor:
        """The executor, made at the first call: a compiler may take seconds, for which listings of
        the graph or the kernels do not wait."""
        started = time.perf_counter()
        executor = self._chosen.make()
        self._target = executor.target
        self._seconds += time.perf_counter() - started
        return executor

    def make(self) -> None:
        """Make the executor now; otherwise the first call does."""
        _ = self._executor

    @property
    def threads(self) -> int:
        """The number of threads that native code runs on: that of the native executor if it was
        made; else that with which it would start."""
        made = vars(self).get("_executor")
        return made.threads if isinstance(made, NativeExecutor) else thread_count()

    @cached_property
    def report(self) -> CompileReport:
        """The report of compiling; makes the executor if there was no call yet."""
        summary = self._executor.summary
        passes = tuple(self._passes)
        if self.target is not None:
            passes += self._programs.passes(self.program(self.target))
        return CompileReport(self._name, self._device, self._mode, passes, self._seconds, summary)

    def recorded_passes(self, target: str, card: Card | None = None) -> list[PassRecord]:
        """Run the passes again, those of the target last, and return a record of each; arguments as
        of `program`."""
        table = self.target_passes(target, card)
        passes = [(one.name, one.run) for one in table]
        return recorded_passes(self.given, self._pipeline, passes, target)

    def target_passes(self, target: str, card: Card | None = None) -> Sequence[TargetPass]:
        """Return the passes of a target; arguments as of `program`."""
        return CPU_PASSES if target == "cpu" else cuda_passes(self._most_shared(card))

    def program(self, target: str, card: Card | None = None) -> DeviceProgram:
        """The generated code for 'cuda' or 'cpu', whatever a call runs; made at the first use. CUDA
        code is for the GPU `card`; by default for the one that `device` selects, or for any
        supported one if that is the CPU."""
        if target == "cpu":
            return self._programs.native().program
        return self._programs.cuda(self._most_shared(card))

    def _most_shared(self, card: Card | None) -> int | None:
        return most_shared(self._device) if card is None else card.most_shared

    def loop_programs(
        self, target: str, card: Card | None, bindings: Mapping[Symbol, int], title: str
    ) -> LoopPrograms:
        """Return the kernels of `program` as loop programs, measured at the sizes of `bindings`."""
        program = self.program(target, card)
        if target == "cpu":
            machine, tables = this_machine(), [CPU_MAPPINGS, CPU_MAPPINGS_OF_ROWS]
        else:
            machine, tables = any_card(None if card is None else card.most_shared), [CUDA_MAPPINGS]
        return loop_programs(program, self._states, bindings, title, machine, tables)

    def memory(self, bindings: Mapping[Symbol, int]) -> GraphMemory:
        """Return the memory that a run takes on one thread."""
        program = None if self.target is None else self.program(self.target)
        what = self.outputs, self._states, program, self.target
        return graph_memory(*what, bindings, self._name)

    def sizes(self, bound: Mapping[Symbol, int]) -> dict[Symbol, int]:
        """The values of all symbols, given those of the inputs' shapes.

        Raises:
            ShapeError: sizes that have to agree do not.
        """
        bindings = values(self._sizes, bound)
        for claim in self._claims:
            claim.test(bindings)
        return bindings

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        observer: Observer | None = None,
        into: Mapping[int, np.ndarray] = MappingProxyType({}),
    ) -> list[np.ndarray]:
        """Return the fetched values, set the states, and count the call if it draws random numbers.
        An error changes neither.

        Args:
            feeds: an array for each of `inputs`.
            bindings: the values of all symbols, from `sizes`.
            observer: called with each node, its value and its time.
            into: arrays for some of the fetched values, by position, which are written there.
        """
        executor = self._executor
        if self._checker is not None:  # which knows the target's passes now
            self._checker.check(feeds, bindings, self._call_step.value)
        if self._checker is not None and self.target is not None:
            fetched = self._compared(feeds, bindings, observer)
        elif into and isinstance(executor, NativeExecutor):
            watched = observer or self._observer
            fetched = executor.run(feeds, bindings, self._call_step, watched, into)
        else:
            fetched = executor.run(feeds, bindings, self._call_step, observer or self._observer)
        for number, array in into.items():
            if fetched[number] is not array:
                array[...] = fetched[number]
                fetched[number] = array
        return self._prints.printed(fetched) if self._prints.values else fetched

    def start(self, feeds: Mapping[Node, np.ndarray], bindings: Mapping[Symbol, int]) -> Pending:
        """As `run`, without waiting for the fetched values if the mode allows that."""
        if self._observer is not None or self._checker is not None or self._prints.values:
            return Pending.done(self.run(feeds, bindings))
        return self._executor.start(feeds, bindings, self._call_step)

    def bound_shards(
        self,
        division: RowDivision,
        bindings: Sequence[Mapping[Symbol, int]],
        sums: int,
        same: Collection[int],
    ) -> BoundShards | None:
        """Return the result of `NativeExecutor.bound_shards`. None where each shard takes a call of
        its own: on other devices, in modes that observe each value, and if values are printed."""
        if self._observer is not None or self._checker is not None or self._prints.values:
            return None
        executor = self._executor
        if not isinstance(executor, NativeExecutor) or not executor.can_sum_shards(sums):
            return None
        return executor.bound_shards(division, self.inputs, bindings, sums, same)

    def run_shards(
        self,
        bound: BoundShards,
        arrays: Sequence[np.ndarray],
        into: Sequence[np.ndarray] | None = None,
    ) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
        """Return the result of `NativeExecutor.run_shards`."""
        executor = self._executor
        assert isinstance(executor, NativeExecutor)
        return executor.run_shards(bound, arrays, self._call_step, into)

    def _compared(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        observer: Observer | None,
    ) -> list[np.ndarray]:
        """As `run`, but compare each kernel's results with the interpreter's.

        Raises:
            KernelError: they differ.
        """
        kept, count = [(state, state.get()) for state in self._states], self._call_step
        number = count.value
        executor = cast(KernelExecutor, self._executor)
        fetched, checked = check(executor, self._states, feeds, bindings, count, observer)
        if checked.failures:
            assign_together(kept, (count, number))
            raise KernelError(
                f"{self._name}: generated code differs from the interpreter. This is an error of "
                "graphc, please report it; no parameter was changed, and cpu=numpy on device=cpu "
                "runs without generated code\n" + "\n".join(checked.failures)
            )
        return fetched


def _target_observer(dump: Dump, checker: PassChecker | None) -> PassObserver | None:
    """Return what observes the passes of a target; None for nothing. It refers to no function: one
    that is dropped is freed at once."""
    if dump.folder is None and checker is None:
        return None

    def observe(report: PassReport, before: list[Node], after: list[Node]) -> None:
        dump.write(report.title, after)
        if checker is not None:
            checker.observe(report, before, after)

    return observe
