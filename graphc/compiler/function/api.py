"""`function`: the API from graphs to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler.cards import Card, card_named
from graphc.compiler.function.arguments import Arguments, checked_arguments
from graphc.compiler.function.feeds import checked_feed
from graphc.compiler.function.givens import Pairs
from graphc.compiler.function.inspection import chosen_sizes
from graphc.compiler.function.loop_programs import LoopPrograms
from graphc.compiler.function.pass_list import PassList, pass_list
from graphc.compiler.function.prepared import Prepared
from graphc.compiler.function.report import CompileReport
from graphc.compiler.function.step_memory import (
    GraphMemory,
    StepMemory,
    nbytes_of,
    of_shapes,
    step_memory,
)
from graphc.compiler.graph import (
    CallStep,
    Node,
    Symbol,
    as_node,
    label,
    learning_phase,
    substitute,
)
from graphc.compiler.graph.binding import bind
from graphc.compiler.passes import PassRecord
from graphc.compiler.program.describe import describe
from graphc.compiler.program.kernel_list import KernelList
from graphc.compiler.program.launch import DeviceProgram
from graphc.compiler.program.memory_report import MemoryReport, memory_report
from graphc.compiler.program.time_report import TimeReport, time_report
from graphc.compiler.runtime.executor import Observer
from graphc.compiler.runtime.gpu import ptxas
from graphc.compiler.runtime.pending import Pending
from graphc.errors import ArgumentError, CompilerError

# The number of sets of input shapes whose symbols are cached: those of training and validation
# batches, of their last batches, and a few more.
MOST_BOUND = 16

TARGETS = ("cuda", "cpu")
"""The targets for which code is generated."""


def function(
    inputs: Sequence[Node],
    outputs: Node | Sequence[Node] | None = None,
    updates: Pairs | None = None,
    givens: Pairs | None = None,
    mode: str | None = None,
    name: str = "function",
    on_unused_input: str = "raise",
    call_step: CallStep | None = None,
    once: bool = False,
    calls: float | None = None,
) -> Function:
    """Compile a graph into a function.

    Args:
        inputs: the input nodes, in the order of the call's arguments. `learning_phase()` may be
            one: its value at each call picks the specialisation for training or for testing.
        outputs: what a call returns: one node (an array), several (a list of arrays), or None.
        updates: (shared variable, new value) pairs. All are computed from the old values, then set
            at once.
        givens: (node, replacement) pairs, put into the graph before anything else. Sizes that a
            node left open are those of its replacement.
        mode: FAST_RUN, FAST_COMPILE, DebugMode or NanGuardMode; the flag `mode` by default.
        name: the name in reports and errors.
        on_unused_input: 'raise', 'warn' or 'ignore' if an input is not needed.
        call_step: the counter of random draws, to share it between functions.
        once: True for a function that is called once; a CPU then interprets it.
        calls: the expected number of calls, if it is known, or `ALWAYS`. Under ``cpu=auto`` a small
            graph is compiled only if there are enough calls to repay the compiler's time.

    The passes run here; the program for the device is made at the first call.

    Raises:
        ArgumentError: an input that is missing, not needed, given twice or not an input.
        DTypeError, ShapeError: an update or a replacement of another type.
        DeviceError: the flag `device` asks for a GPU that cannot be used, or ``cpu=native`` for a
            compiler.
    """
    given = checked_arguments(inputs, outputs, updates, givens, mode, name, on_unused_input)
    counter = CallStep() if call_step is None else call_step
    return Function(given, name, counter, once, calls)


class Function:
    """A compiled graph, called with one array for each input. Made by `function`.

    Attributes:
        name, call_step, calls: the arguments of `function`.
        shards: the number of shards of a batch: always 1; a `ShardedFunction` has more.
    """

    shards = 1

    def __init__(
        self,
        given: Arguments,
        name: str,
        call_step: CallStep,
        once: bool = False,
        calls: float | None = None,
        counted: bool = False,
    ):
        """`counted`: a call advances the call step even if the graph draws no random numbers."""
        self.name = name
        self.call_step = call_step
        self._inputs = inputs = given.inputs
        self._roots = given.roots
        self._single = given.single
        self._states = given.states
        self._claims = given.claims
        self._mode = given.mode
        self._counted = counted
        self.calls = calls
        self._once = once
        phase = learning_phase()
        self._phase = inputs.index(phase) if phase in inputs else None
        self._data_inputs = [node for node in inputs if node is not phase]
        self._prepared: dict[bool | None, Prepared] = {}
        # The values of symbols by the phase and the shapes of the arguments.
        self._bound: dict[tuple[bool | None, tuple[tuple[int, ...], ...]], dict[Symbol, int]] = {}
        if self._phase is None:
            self._specialise(None)

    def _specialise(self, phase: bool | None) -> Prepared:
        """Return the specialisation for training (True) or for testing (False), or the graph as it
        is (None); each is made once."""
        if phase not in self._prepared:
            roots, name = self._roots, self.name
            if phase is not None:
                roots = substitute(roots, {learning_phase(): as_node(phase)})
                name = f"{name} ({'training' if phase else 'testing'})"
            self._prepared[phase] = Prepared(
                self._data_inputs,
                roots,
                self._states,
                self._claims,
                self._mode,
                name,
                self._once,
                self.calls,
                self.call_step,
                self._counted,
            )
        return self._prepared[phase]

    @property
    def inputs(self) -> list[Node]:
        """The inputs, in the order of a call's arguments."""
        return self._inputs

    @property
    def reports(self) -> tuple[CompileReport, ...]:
        """The report of compiling, as a tuple of one."""
        return (self.report,)

    @property
    def report(self) -> CompileReport:
        """The report of compiling; of the latest specialisation, if there are two."""
        if not self._prepared:
            self._specialise(False)
        return list(self._prepared.values())[-1].report

    def make(self, training: bool = False) -> None:
        """Compile the program of this phase; otherwise its first call does."""
        self._specialise(None if self._phase is None else training).make()

    def graph(self, training: bool = False) -> list[Node]:
        """The outputs and updates after the passes, for dumps and tests."""
        return self._specialise(None if self._phase is None else training).outputs

    def fetched(self, training: bool = False) -> int:
        """The number of values that a call fetches. They come first in `graph` and `given`; the
        others are new values of states."""
        return len(self.given(training)) - len(self._states)

    def given(self, training: bool = False) -> tuple[Node, ...]:
        """The outputs and updates before the passes."""
        return self._specialise(None if self._phase is None else training).given

    def recorded_passes(
        self, training: bool = False, target: str | None = None, card: str | None = None
    ) -> list[PassRecord]:
        """Run the passes again, those of the target last, and return a record of each: the graph
        after it, and the rules that fired; `target` and `card` as in `kernels`."""
        prepared = self._specialise(None if self._phase is None else training)
        return prepared.recorded_passes(self._target(target, training, card), self._card(card))

    def passes(
        self, training: bool = False, target: str | None = None, card: str | None = None
    ) -> PassList:
        """Return what each pass changes, those of the target last; `target` and `card` as in
        `kernels`."""
        prepared = self._specialise(None if self._phase is None else training)
        chosen, found = self._target(target, training, card), self._card(card)
        records = prepared.recorded_passes(chosen, found)
        table = prepared.target_passes(chosen, found)
        return pass_list(self._title(card), chosen, records, table)

    def target(self, training: bool = False) -> str | None:
        """The target whose generated kernels a call runs, 'cuda' or 'cpu'; None if the interpreter
        runs it."""
        return self._specialise(None if self._phase is None else training).target

    def program(
        self, training: bool = False, target: str | None = None, card: str | None = None
    ) -> DeviceProgram:
        """The generated code, also of a target that this machine cannot run; `target` and `card` as
        in `kernels`."""
        prepared = self._specialise(None if self._phase is None else training)
        return prepared.program(self._target(target, training, card), self._card(card))

    def kernels(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        training: bool = False,
        target: str | None = None,
        card: str | None = None,
    ) -> KernelList:
        """The kernels of the generated code: FLOPs, bytes, source, and for CUDA the launches.
        Neither a GPU nor a compiler is needed.

        Args:
            batch: the number of samples, if the inputs' batch is symbolic.
            sizes: numbers for other symbolic sizes, by name.
            training: the learning phase, if it is an input.
            target: 'cuda', or 'cpu' (native code); by default the target that a call runs, and
                'cuda' if the interpreter runs it, which has no kernels.
            card: a name of `graphc.compiler.cards.CARDS`, for the CUDA kernels that this GPU would
                run. By default they are those of the GPU that `device` selects; without one, they
                run on each card that graphc supports, with the least shared memory of any.

        Raises:
            ArgumentError: a symbolic size without a number, another target, or a card that is not
                known or given for native code.
            ShapeError: sizes that have to agree and do not.
        """
        program, bindings = self._at(batch, sizes, training, target, card)
        chosen = self._target(target, training, card)
        return describe(program, bindings, self._title(card), chosen)

    def loop_programs(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        training: bool = False,
        target: str | None = None,
        card: str | None = None,
    ) -> LoopPrograms:
        """Return the kernels as loop programs: what each computes, as loops over elements of
        arrays; arguments and errors as of `kernels`."""
        prepared = self._specialise(None if self._phase is None else training)
        chosen = self._target(target, training, card)
        bindings = self.bindings(batch, sizes, training)
        return prepared.loop_programs(chosen, self._card(card), bindings, self._title(card))

    def memory_report(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        training: bool = False,
        target: str | None = None,
        card: str | None = None,
    ) -> MemoryReport:
        """Return the device memory that a call takes, buffer by buffer; arguments as in
        `kernels`."""
        program, bindings = self._at(batch, sizes, training, target, card)
        chosen = self._target(target, training, card)
        prepared = self._specialise(None if self._phase is None else training)
        threads = prepared.threads if chosen == "cpu" else 1
        return memory_report(program, bindings, self._title(card), target=chosen, threads=threads)

    def time_report(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        training: bool = False,
        *,
        card: str,
        nvcc: bool = True,
    ) -> TimeReport:
        """Estimate the time of a call on a GPU, launch by launch; no GPU is needed, and none has
        checked the estimate.

        Args:
            batch, sizes, training, card: as of `kernels`.
            nvcc: compile the source for the registers of each kernel, which takes seconds, where
                nvcc is on PATH; else the estimate is made without them, and says so.

        Raises what `kernels` does.
        """
        kernels = self.kernels(batch, sizes, training, card=card)
        found = card_named(card, self.name)
        if not nvcc:
            return time_report(kernels, found)
        try:
            return time_report(kernels, found, ptxas.assigned(kernels.source, found.arch))
        except CompilerError as error:
            return time_report(kernels, found, without=str(error))

    def step_memory(self, shapes: Sequence[Sequence[int]]) -> StepMemory:
        """Return the memory that a call on arrays of these shapes takes; see `StepMemory`."""
        bindings = bind(self._data_inputs, of_shapes(shapes))
        fed = nbytes_of(self._data_inputs, bindings)
        return step_memory([self.graph_memory(bindings)], self.target(), 1, fed)

    def graph_memory(self, bindings: Mapping[Symbol, int]) -> GraphMemory:
        """Return the memory of a call, given the symbols of the inputs' shapes."""
        prepared = self._specialise(None if self._phase is None else False)
        return prepared.memory(prepared.sizes(bindings))

    def _title(self, card: str | None) -> str:
        found = self._card(card)
        return self.name if found is None else f"{self.name} on {found.title}"

    def _card(self, card: str | None) -> Card | None:
        return None if card is None else card_named(card, self.name)

    def _target(self, target: str | None, training: bool, card: str | None) -> str:
        if card is not None:
            if target not in (None, "cuda"):
                raise ArgumentError(
                    f"{self.name}: card: expected a GPU's name with target 'cuda' alone, received "
                    f"card {card!r} with target {target!r}"
                )
            return "cuda"
        if target is None:
            return self.target(training) or TARGETS[0]
        if target not in TARGETS:
            raise ArgumentError(
                f"{self.name}: target: expected 'cuda' (a GPU) or 'cpu' (native code), received "
                f"{target!r}"
            )
        return target

    def bindings(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        training: bool = False,
    ) -> dict[Symbol, int]:
        """The values of all symbols at these sizes; arguments and errors as in `kernels`."""
        chosen = chosen_sizes(self._data_inputs, batch, sizes, self.name)
        return self._specialise(None if self._phase is None else training).sizes(chosen)

    def _at(
        self,
        batch: int | None,
        sizes: Mapping[str, int] | None,
        training: bool,
        target: str | None,
        card: str | None,
    ) -> tuple[DeviceProgram, dict[Symbol, int]]:
        bindings = self.bindings(batch, sizes, training)
        return self.program(training, target, card), bindings

    def __call__(self, *values: object) -> np.ndarray | list[np.ndarray]:
        """Run once. Values have to be of the inputs' dtypes and shapes; see `function`.

        Returns new arrays that alias nothing. An error leaves all shared variables as they were.
        """
        return self._run(values, None)

    def start(self, *values: object) -> Pending:
        """Run once without waiting for the fetched values: `Pending.get` returns them, as a list.

        Otherwise the same as a call. On a CPU the values are computed when this returns. On a GPU
        they may not be, and other calls may start before they are.
        """
        prepared, feeds, bindings = self._fed(values)
        return prepared.start(feeds, bindings)

    def bound(self, values: Sequence[object]) -> tuple[Prepared, dict[Symbol, int]]:
        """Return the specialisation that a call on these arguments runs, and the values of
        symbols."""
        prepared, _, bindings = self._fed(values)
        return prepared, bindings

    def profile(self, observer: Observer, *values: object) -> np.ndarray | list[np.ndarray]:
        """Run once, and call `observer(node, value, seconds)` for each node."""
        return self._run(values, observer)

    def _run(
        self, values: Sequence[object], observer: Observer | None
    ) -> np.ndarray | list[np.ndarray]:
        prepared, feeds, bindings = self._fed(values)
        fetched = prepared.run(feeds, bindings, observer)
        return fetched[0] if self._single else fetched

    def _fed(
        self, values: Sequence[object]
    ) -> tuple[Prepared, dict[Node, np.ndarray], dict[Symbol, int]]:
        """The specialisation, the arrays and the values of symbols of a call with these
        arguments."""
        if len(values) != len(self._inputs):
            names = ", ".join(label(node) for node in self._inputs)
            raise ArgumentError(
                f"{self.name} takes {len(self._inputs)} arguments ({names}), received {len(values)}"
            )
        phase = None
        if self._phase is not None:
            phase = bool(values[self._phase])
            values = [value for k, value in enumerate(values) if k != self._phase]
        prepared = self._prepared.get(phase) or self._specialise(phase)
        feeds: dict[Node, np.ndarray] = {}
        shapes: list[tuple[int, ...]] = []
        for node, own, value in zip(self._data_inputs, prepared.inputs, values, strict=True):
            array = feeds[own] = checked_feed(node, value, self.name)
            shapes.append(array.shape)
        key = (phase, tuple(shapes))
        bindings = self._bound.get(key)
        if bindings is None:
            if len(self._bound) >= MOST_BOUND:
                self._bound.clear()
            bindings = self._bound[key] = prepared.sizes(
                bind(self._data_inputs, list(feeds.values()))
            )
        return prepared, feeds, bindings
