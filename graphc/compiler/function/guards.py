"""The checks of DebugMode and NanGuardMode."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from graphc.compiler.graph import OPS, Node, Symbol, is_float, label, toposort
from graphc.compiler.interpret import BodyObserver, Program, sequential
from graphc.compiler.passes import PassReport
from graphc.errors import NotFiniteError, PassError

# A pass may reorder sums, so values agree to rounding: this much of the largest value of an output.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}

# If that is exceeded, the inputs are perturbed by rounding errors so many times, and a pass may
# change outputs by so many times the change that this causes: a sum in another order rounds
# differently at every term.
_PERTURBATIONS = 4
_NOISE_FACTOR = 30.0

# The number of orders in which the terms of a sum are added, and the factor by which the error of
# another order may exceed the largest of them. Of 4,000 sums that cancel, at each of 7 numbers of
# terms from 8 to 4,096, at most 5 had a larger error in lanes of 16.
_ORDERS = 4
_ORDER_FACTOR = 4.0

_ROUNDING_SHARE = 1e-3
"""The largest share of a difference that may remain in the next wider floats if it comes from
rounding. The rounding of float64 is 2e-9 of that of float32, and after a square root 4e-5 remains.
A difference that a wrong pass makes remains whole."""


class _Graph:
    """The graph between two passes."""

    def __init__(self, outputs: Sequence[Node]):
        self._outputs = tuple(outputs)

    @cached_property
    def program(self) -> Program:
        """The graph as a program of the interpreter."""
        return Program(self._outputs)

    @cached_property
    def wide(self) -> Program:
        """The same program in wider floats."""
        return Program(self._outputs, wide=True)


class _Change(NamedTuple):
    """A pass that changed the graph."""

    report: PassReport
    before: _Graph
    after: _Graph


class PassChecker:
    """Runs the graph before and after each pass on the arguments of a call, and compares results.

    Where terms cancel, the result consists of rounding errors, which later operations may enlarge.
    So outputs may differ by as much as rounding errors of the inputs would change them, and by
    differences that nearly vanish in wider floats.
    """

    def __init__(self) -> None:
        self._changes: list[_Change] = []
        self._graphs: dict[tuple[Node, ...], _Graph] = {}

    def observe(self, report: PassReport, before: Sequence[Node], after: Sequence[Node]) -> None:
        """Keep the graphs before and after a pass, if it changed anything; called after each."""
        if list(before) != list(after):
            self._changes.append(_Change(report, self._graph(before), self._graph(after)))

    def _graph(self, outputs: Sequence[Node]) -> _Graph:
        return self._graphs.setdefault(tuple(outputs), _Graph(outputs))

    def check(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
    ) -> None:
        """Raise PassError for the first pass whose result differs from the graph before it."""
        run = (feeds, bindings, call_step)
        latest, received = None, list[np.ndarray]()
        for report, before, after in self._changes:
            expected = received if before is latest else before.program.run(*run)
            latest, received = after, after.program.run(*run)
            if not all(map(_agree, expected, received)):
                noise = rounding_noise(before.program, expected, *run)
                exact = zip(before.wide.run(*run), after.wide.run(*run), strict=True)
                for k, (old, new, wide) in enumerate(zip(expected, received, exact, strict=True)):
                    _compare(report, k, old, new, noise[k], wide)


def _agree(old: np.ndarray, new: np.ndarray) -> bool:
    same_type = old.dtype == new.dtype and old.shape == new.shape
    return same_type and not np.any(_differs(old, new, 0.0))


def _differs(old: np.ndarray, new: np.ndarray, noise: float) -> np.ndarray:
    """Return a mask of the elements that differ by more than rounding; those that were not finite
    may change."""
    if not is_float(old.dtype.name):
        changed: np.ndarray = old != new
        return changed
    finite = np.isfinite(old)
    scale = np.max(np.abs(old), where=finite, initial=0.0)
    allowed = max(TOLERANCE[old.dtype.name] * max(scale, 1e-30), noise)
    with np.errstate(invalid="ignore"):
        differs: np.ndarray = finite & ~(np.abs(old - new) <= allowed)
        return differs


def _is_left(
    old: np.ndarray, new: np.ndarray, old_wide: np.ndarray, new_wide: np.ndarray
) -> np.ndarray:
    """Return a mask of the elements whose difference in wider floats exceeds the share that remains
    of rounding errors."""
    if not is_float(old.dtype.name):
        changed: np.ndarray = old_wide != new_wide
        return changed
    with np.errstate(invalid="ignore"):
        left, was = np.abs(old_wide - new_wide), np.abs(old.astype(old_wide.dtype) - new)
        largest = np.max(was, where=np.isfinite(was), initial=0.0)
        is_left: np.ndarray = ~(left <= _ROUNDING_SHARE * largest)
        return is_left


def rounding_noise(
    program: Program,
    values: Sequence[np.ndarray],
    feeds: Mapping[Node, np.ndarray],
    bindings: Mapping[Symbol, int],
    call_step: int,
) -> list[float]:
    """Return a bound for each output on changes by rounding: a multiple of the changes that
    rounding errors of the inputs cause.

    An output whose terms cancel, such as the gradient of a bias that has no effect, consists of
    rounding errors, so the bound cannot be a share of its own size.
    """
    noise = [0.0] * len(values)
    for results in perturbed(program, feeds, bindings, call_step):
        for k, moved in enumerate(results):
            if is_float(moved.dtype.name):
                with np.errstate(invalid="ignore"):
                    change = np.abs(moved - values[k])
                change = np.max(change, where=np.isfinite(change), initial=0.0)
                noise[k] = max(noise[k], _NOISE_FACTOR * float(change))
    return noise


def own_rounding(value: np.ndarray, running: Sequence[np.ndarray], exact: np.ndarray) -> float:
    """Return a bound on the rounding error of a value: a multiple of its error against wider
    floats, and of that with running sums.

    Running sums have the largest rounding errors, so these bound the error of any order of the
    same terms. A bound from the number of terms alone would be a thousand times too large for terms
    of both signs, and too small for equal terms, which are all rounded in one direction.

    Args:
        value: the value as the interpreter computes it.
        running: the value with running sums in several orders; the errors of one may cancel.
        exact: the value in wider floats.
    """
    orders = max((_off(other, exact) for other in running), default=0.0)
    return max(_NOISE_FACTOR * _off(value, exact), _ORDER_FACTOR * orders)


def _off(value: np.ndarray, exact: np.ndarray) -> float:
    with np.errstate(invalid="ignore"):
        error = np.abs(value - exact)
    return float(np.max(error, where=np.isfinite(error), initial=0.0))


def running_sums(
    values: Sequence[Node],
    feeds: Mapping[Node, np.ndarray],
    bindings: Mapping[Symbol, int],
    call_step: int,
) -> list[list[np.ndarray]]:
    """Return the values with each sum added one term after the other, in several orders."""
    return [
        Program(values, table=sequential(seed)).run(feeds, bindings, call_step)
        for seed in range(_ORDERS)
    ]


def perturbed(
    program: Program,
    feeds: Mapping[Node, np.ndarray],
    bindings: Mapping[Symbol, int],
    call_step: int,
) -> Iterator[list[np.ndarray]]:
    """Yield the outputs for inputs with rounding errors, several times."""
    for seed in range(_PERTURBATIONS):
        generator = np.random.default_rng(seed)
        moved = {node: _perturbed_input(value, generator) for node, value in feeds.items()}
        yield program.run(moved, bindings, call_step)


def _perturbed_input(value: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    if not is_float(value.dtype.name):
        return value
    steps = generator.choice(np.array([-2, 2], value.dtype), value.shape)
    perturbed_value: np.ndarray = value * (1 + steps * np.finfo(value.dtype).eps)
    return perturbed_value


def _compare(
    report: PassReport,
    output: int,
    old: np.ndarray,
    new: np.ndarray,
    noise: float,
    wide: tuple[np.ndarray, np.ndarray],
) -> None:
    name = f"pass {report.name!r}"
    if report.target:
        name += f" of the target {report.target}"
    if old.dtype != new.dtype or old.shape != new.shape:
        raise PassError(
            f"{name} changed output {output} from {old.dtype}{list(old.shape)} to "
            f"{new.dtype}{list(new.shape)}"
        )
    wrong = _differs(old, new, noise)
    if np.any(wrong) and np.any(wrong := wrong & _is_left(old, new, *wide)):
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise PassError(
            f"{name} changed the value of output {output} at {where}: "
            f"{old[where]} before, {new[where]} after. This is an error of graphc; "
            f"GRAPHC_FLAGS=dump=FOLDER writes the graphs, {_without(report)}"
        )


def _without(report: PassReport) -> str:
    """Return how to run without a pass."""
    if report.target:
        return "cpu=numpy on device=cpu runs without the passes of a target"
    return "mode=FAST_COMPILE leaves most passes out"


class FiniteGuard(BodyObserver):
    """Raises NotFiniteError at the first node whose value is not finite.

    The interpreter shows it each node, also of the bodies of loops; generated code shows it the
    values that kernels store. A NaN within a kernel that does not reach a stored value (in the
    branch of a `where` that is not taken) is found by the interpreter only.

    Nodes that depend only on constants may be infinite: a bound of -inf is intended.
    """

    def __init__(self, outputs: Sequence[Node]):
        self._varying: dict[Node, bool] = {}
        self._within = ""
        self._learn(outputs)

    def __call__(self, node: Node, value: object, seconds: float) -> None:
        if node not in self._varying:  # in a body, or in a graph rewritten for a device
            self._learn([node])
        if (
            not self._varying[node] or node.op == "arg"
        ):  # an `arg` has a value that was checked outside
            return
        for part in value if isinstance(value, tuple | list) else (value,):
            if part.dtype.kind == "f" and not np.isfinite(part).all():
                _refuse(node, part, self._within)

    def of_step(self, scan: Node, step: int, index: int) -> FiniteGuard:
        """Return a guard for a step of a loop, which names the step in its errors."""
        inner = copy.copy(self)
        where = f" (at {index} of its sequences)" if scan.attrs["reverse"] else ""
        inner._within = f", in step {step} of {label(scan)}{where}{self._within}"
        return inner

    def _learn(self, nodes: Sequence[Node]) -> None:
        varying = self._varying
        for node in toposort(nodes, stop=varying):
            if node not in varying:
                leaf = OPS[node.op].traits.external or node.op == "arg"
                varying[node] = leaf or any(varying[x] for x in node.inputs)


def _refuse(node: Node, value: np.ndarray, within: str) -> None:
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
    reads = "".join(f"\n    reads {label(x)}" for x in node.inputs)
    if not node.inputs:
        raise NotFiniteError(
            f"the value {value[index]} was given at index {index} of {label(node)}; expected "
            "finite numbers. No parameter was changed"
        )
    where = f"{label(node)}{within}{reads}"
    raise NotFiniteError(
        f"the value {value[index]} appeared first at index {index} of {where}\n"
        "What it reads is finite. Look for a division by zero, a log or sqrt of a number that is "
        "not positive, or an overflow (a learning rate that is too large); no parameter was changed"
    )
