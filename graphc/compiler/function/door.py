"""`function`: the one door from graphs to values."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler.codegen import DeviceProgram
from graphc.compiler.codegen.describe import describe
from graphc.compiler.codegen.kernel_list import KernelList
from graphc.compiler.codegen.memory_report import MemoryReport, memory_report
from graphc.compiler.function.feeds import checked_feed
from graphc.compiler.function.givens import Pairs, apply_givens, of_type, pairs_of
from graphc.compiler.function.inspection import chosen_sizes
from graphc.compiler.function.prepared import Prepared
from graphc.compiler.function.report import CompileReport
from graphc.compiler.graph import (
    CallStep,
    Node,
    State,
    Symbol,
    as_node,
    label,
    learning_phase,
    state_of,
    substitute,
    toposort,
)
from graphc.compiler.graph.binding import bind
from graphc.compiler.graph.checks import SizeChecks, SizeClaim
from graphc.compiler.runtime.pending import Pending
from graphc.config import FLAGS, config
from graphc.errors import ArgumentError, KeywordError, unknown_name

_log = logging.getLogger("graphc")

# Sets of shapes whose sizes are kept: batches of training and of validation, and their last ones.
_MOST_BOUND = 16

TARGETS = ("cuda", "cpu")
"""For what code is generated."""
MODES = next(flag.choices for flag in FLAGS if flag.name == "mode")


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
    """Compile a graph into something to call.

    Args:
        inputs: the input nodes, in the order of the call's arguments. `learning_phase()` may be
            one: its value at each call picks the specialisation for training or for testing.
        outputs: what a call returns: one node (an array), several (a list of arrays), or None.
        updates: (shared variable, new value) pairs. All are computed from the old values, then set
            at once.
        givens: (node, replacement) pairs, put into the graph before anything else. Sizes that a
            node left open are those of its replacement.
        mode: FAST_RUN, FAST_COMPILE, DebugMode or NanGuardMode; the flag `mode` by default.
        name: shown in reports and errors.
        on_unused_input: 'raise', 'warn' or 'ignore' where an input is not needed.
        call_step: the counter of random draws, to share it between functions.
        once: whether it is made for one call, for which a CPU runs no compiler.
        calls: how many calls will come, where that is known, or `ALWAYS`: under ``cpu=auto`` a
            graph that is small is compiled only for as many as repay the compiler's time.

    The graph is made ready here, the program for the device at the first call.

    Raises:
        ArgumentError: an input that is missing, not needed, named twice or not an input.
        DTypeError, ShapeError: an update or a replacement of another type.
        DeviceError: the flag `device` asks for a GPU that cannot be used, or ``cpu=native`` for a
            compiler.
    """
    single = outputs is not None and not isinstance(outputs, list | tuple)
    wanted = [outputs] if single else list(outputs or ())
    checks = SizeChecks()
    pairs = _update_pairs(updates, name, checks)
    roots = [as_node(node) for node in wanted] + [value for _, value in pairs]
    inputs = list(inputs)
    roots = apply_givens(roots, givens, name, checks)
    mode = config.mode if mode is None else mode
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)
    _check_inputs(inputs, roots, name, on_unused_input)
    states = [state_of(variable) for variable, _ in pairs]
    counter = CallStep() if call_step is None else call_step
    return Function(inputs, roots, single, states, checks.claims, mode, name, counter, once, calls)


def _update_pairs(updates: Pairs | None, name: str, checks: SizeChecks) -> list[tuple[Node, Node]]:
    checked: dict[Node, Node] = {}
    for variable, value in pairs_of(updates):
        state = state_of(variable)
        if variable in checked:
            raise ArgumentError(f"{name}: the shared variable {label(variable)} has two updates")
        what = f"{name}: the update of {label(variable)}"
        checked[variable] = of_type(value, state.shape, state.dtype, what, checks)
    return list(checked.items())


def _check_inputs(inputs: list[Node], roots: list[Node], name: str, on_unused_input: str) -> None:
    if on_unused_input not in ("raise", "warn", "ignore"):
        raise KeywordError(
            f"on_unused_input takes 'raise', 'warn' or 'ignore', received {on_unused_input!r}"
        )
    for k, node in enumerate(inputs):
        if not isinstance(node, Node) or node.op != "input":
            raise ArgumentError(
                f"{name}: argument {k} is {node!r}, not an input; to feed the value of an "
                "expression, replace it by an input through `givens`"
            )
    if len(set(inputs)) < len(inputs):
        raise ArgumentError(f"{name}: an input is listed twice")
    needed = [node for node in toposort(roots) if node.op == "input"]
    for node in needed:
        if node is learning_phase() and node not in inputs:
            raise ArgumentError(
                f"{name}: the graph behaves differently in training and testing; list "
                "learning_phase() (K.learning_phase()) among the inputs and feed 0 or 1, or fix it "
                "with givens=[(learning_phase(), False)]"
            )
        if node not in inputs:
            raise ArgumentError(f"{name}: the graph needs {label(node)}, which is not in `inputs`")
    for node in inputs:
        if node in needed or node is learning_phase():
            continue
        message = f"{name}: the input {label(node)} is not needed by any output or update"
        if on_unused_input == "raise":
            raise ArgumentError(f"{message}; remove it, or pass on_unused_input='ignore'")
        if on_unused_input == "warn":
            _log.warning(message)


class Function:
    """A compiled graph: call it with one array an input. Made by `function`.

    Attributes:
        name, call_step, calls: as it was given them.
    """

    def __init__(
        self,
        inputs: list[Node],
        roots: list[Node],
        single: bool,
        states: list[State],
        claims: list[SizeClaim],
        mode: str,
        name: str,
        call_step: CallStep,
        once: bool,
        calls: float | None,
    ):
        self.name = name
        self.call_step = call_step
        self._inputs = inputs
        self._roots = roots
        self._single = single
        self._states = states
        self._claims = claims
        self._mode = mode
        self.calls = calls
        self._once = once
        phase = learning_phase()
        self._phase = inputs.index(phase) if phase in inputs else None
        self._data_inputs = [node for node in inputs if node is not phase]
        self._prepared: dict[bool | None, Prepared] = {}
        # By the phase and the shapes of what is fed.
        self._bound: dict[tuple[bool | None, tuple[tuple[int, ...], ...]], dict[Symbol, int]] = {}
        if self._phase is None:
            self._specialise(None)

    def _specialise(self, phase: bool | None) -> Prepared:
        """The graph for training (True), testing (False), or as it is (None); made once."""
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
            )
        return self._prepared[phase]

    @property
    def report(self) -> CompileReport:
        """What compiling did; of the latest specialisation, if there are two."""
        if not self._prepared:
            self._specialise(False)
        return list(self._prepared.values())[-1].report

    def make(self, training: bool = False) -> None:
        """Compile what a call of this phase runs; the first such call would."""
        self._specialise(None if self._phase is None else training).make()

    def graph(self, training: bool = False) -> list[Node]:
        """The outputs and updates after the passes, for dumps and tests."""
        return self._specialise(None if self._phase is None else training).outputs

    def target(self, training: bool = False) -> str | None:
        """Whose generated kernels a call runs, 'cuda' or 'cpu'; None where the interpreter runs
        it."""
        return self._specialise(None if self._phase is None else training).target

    def program(self, training: bool = False, target: str | None = None) -> DeviceProgram:
        """The graph as generated code, whether it can run here or not; `target` as of `kernels`."""
        prepared = self._specialise(None if self._phase is None else training)
        return prepared.program(self._target(target, training))

    def kernels(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        training: bool = False,
        target: str | None = None,
    ) -> KernelList:
        """The kernels of the generated code: FLOPs, bytes, source; of a GPU's the launches. Neither
        a GPU nor a compiler is needed.

        Args:
            batch: how many samples, where the inputs' batch is symbolic.
            sizes: numbers for other symbolic sizes, by name.
            training: the learning phase, where it is an input.
            target: 'cuda', or 'cpu' (native code); by default what a call runs, and 'cuda' where
                the interpreter runs it, which has no kernels.

        Raises:
            ArgumentError: a symbolic size without a number, or another target.
            ShapeError: sizes that have to agree and do not.
        """
        program, bindings = self._at(batch, sizes, training, target)
        return describe(program, bindings, self.name, self._target(target, training))

    def memory_report(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        training: bool = False,
        target: str | None = None,
    ) -> MemoryReport:
        """What a call takes of its device's memory, buffer by buffer; arguments as of `kernels`."""
        program, bindings = self._at(batch, sizes, training, target)
        chosen = self._target(target, training)
        prepared = self._specialise(None if self._phase is None else training)
        threads = prepared.threads if chosen == "cpu" else 1
        return memory_report(program, bindings, self.name, target=chosen, threads=threads)

    def _target(self, asked: str | None, training: bool) -> str:
        if asked is None:
            return self.target(training) or TARGETS[0]
        if asked not in TARGETS:
            raise ArgumentError(
                f"{self.name}: target: expected 'cuda' (a GPU) or 'cpu' (native code), received "
                f"{asked!r}"
            )
        return asked

    def _at(
        self,
        batch: int | None,
        sizes: Mapping[str, int] | None,
        training: bool,
        target: str | None,
    ) -> tuple[DeviceProgram, dict[Symbol, int]]:
        bindings = chosen_sizes(self._data_inputs, batch, sizes, self.name)
        prepared = self._specialise(None if self._phase is None else training)
        return self.program(training, target), prepared.sizes(bindings)

    def __call__(self, *values: object) -> np.ndarray | list[np.ndarray]:
        """Run once. Values have to be of the inputs' dtypes and shapes; see `function`.

        Returns new arrays that alias nothing. An error leaves all shared variables as they were.
        """
        return self._run(values, None)

    def start(self, *values: object) -> Pending:
        """Run once, and do not wait for what is fetched: `Pending.get` gives it, as a list.

        Everything else is as in a call. On a CPU the values are there at once; on a GPU they come
        when the device has computed them, and another call may be made before.
        """
        prepared, feeds, bindings = self._fed(values)
        return prepared.start(feeds, bindings)

    def profile(self, observer, *values: object) -> np.ndarray | list[np.ndarray]:
        """Run once, telling `observer(node, value, seconds)` of each node."""
        return self._run(values, observer)

    def _run(self, values: Sequence[object], observer) -> np.ndarray | list[np.ndarray]:
        prepared, feeds, bindings = self._fed(values)
        fetched = prepared.run(feeds, bindings, observer)
        return fetched[0] if self._single else fetched

    def _fed(
        self, values: Sequence[object]
    ) -> tuple[Prepared, dict[Node, np.ndarray], dict[Symbol, int]]:
        """The specialisation that a call asks for, its arrays and its sizes."""
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
        arrays = [
            checked_feed(node, value, self.name)
            for node, value in zip(self._data_inputs, values, strict=True)
        ]
        key = (phase, tuple([array.shape for array in arrays]))
        bindings = self._bound.get(key)
        if bindings is None:
            if len(self._bound) >= _MOST_BOUND:
                self._bound.clear()
            bindings = self._bound[key] = prepared.sizes(bind(self._data_inputs, arrays))
        return prepared, dict(zip(prepared.inputs, arrays, strict=True)), bindings
