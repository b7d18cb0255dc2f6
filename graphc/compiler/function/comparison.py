"""The results of generated code beside the interpreter's, kernel by kernel.

Each kernel's results are compared with what the interpreter makes of *the values that this kernel
read*. So rounding does not add up from kernel to kernel, the zero of a ReLU is on the
same side for both, and a difference names the kernel that made it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.function.guards import own_rounding, perturbed, rounding_noise, running_sums
from graphc.compiler.graph import CallStep, Node, State, Symbol
from graphc.compiler.interpret import SUPPLIED, Program
from graphc.compiler.program.launch import DeviceLoop, DeviceStep, layouts
from graphc.compiler.runtime.executor import KernelExecutor, Observer
from graphc.compiler.schedule.packed_bools import unpacked

# Sums of up to some million terms, in another order; for float64 as many bits fewer than it has.
LIMITS = {"float32": 1e-4, "float64": 1e-12}
# Where a bool or an int comes from a comparison, two that are equal up to rounding may differ.
MOST_FLIPPED = 1e-3


@dataclass(frozen=True)
class Checked:
    """The results of a run beside the interpreter's.

    Attributes:
        values: how many were compared.
        largest: the largest difference of a float, relative to the largest element of its value.
        failures: what differs by more than `limit`, a line for each.
        unchecked: what could not be compared, a line for each.
    """

    values: int
    largest: float
    limit: float
    failures: tuple[str, ...]
    unchecked: tuple[str, ...]


def check(
    executor: KernelExecutor,
    states: Sequence[State],
    feeds: Mapping[Node, np.ndarray],
    bindings: Mapping[Symbol, int],
    call_step: CallStep,
    observer: Observer | None = None,
) -> tuple[list[np.ndarray], Checked]:
    """Run a program once and compare each value that a kernel leaves in memory.

    The states are as after one run. Arguments as of the executor and its `run`.
    What is off by more than the limits, but by no more than the interpreter's results are for
    values off by rounding, agrees.

    Returns:
        What is fetched, and what was compared.
    """
    found: dict[Node, np.ndarray] = {}

    def observe(node: Node, value: np.ndarray, seconds: float) -> None:
        found[node] = np.array(value)
        if observer is not None:
            observer(node, value, seconds)

    number = call_step.value
    fetched = executor.run(feeds, bindings, call_step, observe)
    comparison = _Comparison(found, bindings, number)
    program = executor.program
    outputs = program.outputs
    for node, state in zip(outputs[len(outputs) - len(states) :], states, strict=True):
        comparison.add_state(node, state)
    for name, layers, stored in _groups(program.steps, outputs):
        comparison.add(name, layers, stored)
    return fetched, comparison.result()


class _Comparison:
    """Collects what `check` reports."""

    def __init__(
        self, found: dict[Node, np.ndarray], bindings: Mapping[Symbol, int], call_step: int
    ):
        self._found = found
        self._bindings = bindings
        self._call_step = call_step
        self._compared: set[Node] = set()
        self._largest = 0.0
        self._limit = 0.0
        self._failures: list[str] = []
        self._unchecked: list[str] = []

    def add_state(self, node: Node, state: State) -> None:
        """Compare the value that a state holds now with `node`, bit by bit if that is in memory
        elsewhere too."""
        value = state.get()
        known = self._found.setdefault(node, value)
        if known.tobytes() != value.tobytes():
            name = state.name or "a shared variable"
            self._failures.append(f"{name}: it does not hold its new value, {g.label(node)}")

    def add(self, name: str, layers: Sequence[str], stored: Sequence[Node]) -> None:
        """Compare what one kernel stores."""
        # A kernel that copies stores what another one has made, or a leaf.
        new = [node for node in stored if node not in self._compared and node.op not in SUPPLIED]
        made = [node for node in new if node in self._found]
        self._compared.update(made)
        where = f"{name} ({', '.join(layers)})" if layers else name
        if len(made) < len(new):
            count = len(new) - len(made)
            self._unchecked.append(
                f"{where}: {count} of its values, not whole in memory at its end"
            )
        if not made:
            return
        # The interpreter's results of the values that were in memory.
        own = set(made)
        leaves = {
            node: node if node.op == "input" else g.input(node.shape, node.dtype)
            for node in self._found
            if node not in own
        }
        values = g.substitute(made, leaves)
        program = Program(values)
        feeds = {leaf: self._found[node] for node, leaf in leaves.items()}
        run = (feeds, self._bindings, self._call_step)
        expected = program.run(*run)
        problems = [
            self._problem(self._found[node], value, None)
            for node, value in zip(made, expected, strict=True)
        ]
        if any(problems):
            slack = _slack(values, expected, program, *run)
            problems = [
                self._problem(self._found[node], value, more)
                for node, value, more in zip(made, expected, slack, strict=True)
            ]
        for node, problem in zip(made, problems, strict=True):
            if problem:
                self._failures.append(f"{where}: {g.label(node)}: {problem}")

    def _problem(self, ours: np.ndarray, theirs: np.ndarray, slack: np.ndarray | None) -> str:
        """Return what is wrong with a value, or nothing; `slack` is how far it may be off by
        rounding alone."""
        if ours.dtype.kind != "f":
            differs = ours != theirs
            differing = int(np.count_nonzero(differs if slack is None else differs & ~slack))
            if differing <= MOST_FLIPPED * ours.size:
                return ""
            return f"{differing:,} of {ours.size:,} elements differ"
        limit = LIMITS[ours.dtype.name]
        self._limit = max(self._limit, limit)
        finite = np.isfinite(theirs)
        if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
            return "NaN or infinities at other positions"
        if not finite.any():
            return ""
        scale = float(np.abs(theirs[finite]).max())
        error = np.abs(ours[finite].astype(np.float64) - theirs[finite])
        if np.isnan(error).any():
            return "NaN or infinities at other positions"
        if slack is not None and float(error.max()) <= float(slack):
            return ""
        largest = float(error.max()) / scale if scale else float(error.max())
        if largest <= limit:
            self._largest = max(self._largest, largest)
            return ""
        return (
            f"differs by {largest:.1e} of its largest element, {scale:.3g}; expected at most "
            f"{limit:.0e}"
        )

    def result(self) -> Checked:
        if not self._compared:
            self._failures.append("no value of any kernel could be compared")
        return Checked(
            len(self._compared),
            self._largest,
            self._limit,
            tuple(self._failures),
            tuple(self._unchecked),
        )


def _slack(
    values: Sequence[Node],
    expected: Sequence[np.ndarray],
    program: Program,
    feeds: Mapping[Node, np.ndarray],
    bindings: Mapping[Symbol, int],
    call_step: int,
) -> list[np.ndarray]:
    """Return the tolerance of each result for rounding: of floats one number, of others a mask of
    the elements that may differ.

    The tolerance comes from runs of the interpreter with inputs perturbed by rounding errors. For
    terms that cancel and come from ints or constants, it comes from the error against wider floats,
    with the interpreter's order of sums and with running sums.
    """
    run = (feeds, bindings, call_step)
    noise = rounding_noise(program, expected, *run)
    exact = Program(values, wide=True).run(*run)
    running = list(zip(*running_sums(values, *run), strict=True))
    slack = [
        np.array(max(one, own_rounding(value, orders, wide)))
        if value.dtype.kind == "f"
        else np.logical_or.reduce([other != wide for other in (value, *orders)])
        for one, value, orders, wide in zip(noise, expected, running, exact, strict=True)
    ]
    for results in perturbed(program, *run):
        for k, moved in enumerate(results):
            if moved.dtype.kind != "f":
                slack[k] |= moved != expected[k]
    return slack


def _groups(
    steps: Sequence[DeviceStep], outputs: Sequence[Node]
) -> Iterator[tuple[str, tuple[str, ...], Sequence[Node]]]:
    """For each kernel, and each loop as a whole: its name, its layers and what it stores of the
    graph."""
    order = g.toposort(outputs)
    graph = set(order)
    seen = set(layouts(steps))
    for step in steps:
        if isinstance(step, DeviceLoop):
            items = [node for node in order if node.op == "item" and node.inputs[0] is step.scan]
            origin = g.origin_of(step.scan)
            yield "a loop", () if origin is None else (str(origin),), items
        elif step.kernel not in seen:  # several launches may serve one kernel
            seen.add(step.kernel)
            yield step.name, step.kernel.layers, unpacked(step.kernel.stores, graph)
