"""DebugMode and NanGuardMode: what they check, and the errors they raise."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from graphc.compiler.graph import OPS, Node, Symbol, is_float, label, toposort
from graphc.compiler.interpret import BodyObserver, Program, sequential
from graphc.errors import NotFiniteError, PassError

# A pass may reorder sums, so values agree to rounding: this much of the largest value of an output.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}

# How often the inputs are nudged where that is exceeded, and how much further than the outputs
# moved then a pass may move them: another order of many terms rounds in every one of them.
_NUDGES = 4
_NOISE_FACTOR = 30.0

# How many orders of a sum's terms are tried, and how much further than the worst of them another
# may be off. Of 4,000 sums that cancel, at each of 7 numbers of terms from 8 to 4,096, at most 5
# were further off in lanes of 16.
_ORDERS = 4
_ORDER_FACTOR = 4.0

_ROUNDING_SHARE = 1e-3
"""The share of a difference that is left in the next wider floats where it is rounding: float64
rounds 2e-9 of what float32 does, and the root of that, 4e-5, is left of a root. A difference that a
pass makes is left whole."""


class _GraphAfterPass:
    """A graph as it is behind a pass."""

    def __init__(self, name: str, outputs: Sequence[Node]):
        self.name = name
        self._outputs = tuple(outputs)

    @cached_property
    def program(self) -> Program:
        """It, to be run."""
        return Program(self._outputs)

    @cached_property
    def wide(self) -> Program:
        """It in wider floats."""
        return Program(self._outputs, wide=True)


class PassChecker:
    """Runs the graph as it was before and after each pass, on the values of a real call.

    Where terms cancel, rounding is all that is left, or is made large by what follows. So outputs
    that differ are right if they differ by no more than inputs off by rounding make of them, or if
    little of the difference is left in wider floats.
    """

    def __init__(self, outputs: Sequence[Node]):
        self._stages = [_GraphAfterPass("input", outputs)]

    def observe(self, name: str, before: Sequence[Node], after: Sequence[Node]) -> None:
        """Remember what a pass made of the graph; called by the pipeline."""
        self._stages.append(_GraphAfterPass(name, after))

    def check(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
    ) -> None:
        """Raise PassError for the first pass whose result differs from the graph before it."""
        run = (feeds, bindings, call_step)
        before = self._stages[0]
        expected = before.program.run(*run)
        for stage in self._stages[1:]:
            received = stage.program.run(*run)
            if not all(map(_agree, expected, received)):
                noise = rounding_noise(before.program, expected, *run)
                exact = zip(before.wide.run(*run), stage.wide.run(*run), strict=True)
                for k, (old, new, wide) in enumerate(zip(expected, received, exact, strict=True)):
                    _compare(stage.name, k, old, new, noise[k], wide)
            before, expected = stage, received


def _agree(old: np.ndarray, new: np.ndarray) -> bool:
    same_type = old.dtype == new.dtype and old.shape == new.shape
    return same_type and not np.any(_differs(old, new, 0.0))


def _differs(old: np.ndarray, new: np.ndarray, noise: float) -> np.ndarray:
    """Where an output changed by more than rounding; what was not finite may change."""
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
    """Where more of the difference of two values is left in wider floats than rounding leaves."""
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
    """Return how far each output may move by rounding alone: a multiple of what inputs off by it
    cause.

    An output whose terms cancel, such as the gradient of a bias that has no effect, is nothing but
    rounding, so its own size is no measure for it.
    """
    noise = [0.0] * len(values)
    for results in nudged(program, feeds, bindings, call_step):
        for k, moved in enumerate(results):
            if is_float(moved.dtype.name):
                with np.errstate(invalid="ignore"):
                    change = np.abs(moved - values[k])
                change = np.max(change, where=np.isfinite(change), initial=0.0)
                noise[k] = max(noise[k], _NOISE_FACTOR * float(change))
    return noise


def own_rounding(value: np.ndarray, running: Sequence[np.ndarray], exact: np.ndarray) -> float:
    """Return how far a value may move by rounding alone: a multiple of the error, against wider
    floats, of the value as it is and with running sums.

    Running sums round most, so their errors are a measure of what any order of the same terms may
    come to, however many they are. A bound from their number alone allows terms of both signs a
    thousand times as much, or too little to equal ones, which are all rounded in one direction.

    Args:
        value: as the interpreter computes it.
        running: with running sums, of several orders: the errors of one may happen to cancel.
        exact: in wider floats.
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


def nudged(
    program: Program,
    feeds: Mapping[Node, np.ndarray],
    bindings: Mapping[Symbol, int],
    call_step: int,
) -> Iterator[list[np.ndarray]]:
    """The outputs for inputs that are off by rounding, several times."""
    for seed in range(_NUDGES):
        generator = np.random.default_rng(seed)
        moved = {node: _nudge(value, generator) for node, value in feeds.items()}
        yield program.run(moved, bindings, call_step)


def _nudge(value: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    if not is_float(value.dtype.name):
        return value
    steps = generator.choice(np.array([-2, 2], value.dtype), value.shape)
    nudged: np.ndarray = value * (1 + steps * np.finfo(value.dtype).eps)
    return nudged


def _compare(
    pass_name: str,
    output: int,
    old: np.ndarray,
    new: np.ndarray,
    noise: float,
    wide: tuple[np.ndarray, np.ndarray],
) -> None:
    if old.dtype != new.dtype or old.shape != new.shape:
        raise PassError(
            f"pass {pass_name!r} changed output {output} from {old.dtype}{list(old.shape)} to "
            f"{new.dtype}{list(new.shape)}"
        )
    wrong = _differs(old, new, noise)
    if np.any(wrong) and np.any(wrong := wrong & _is_left(old, new, *wide)):
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise PassError(
            f"pass {pass_name!r} changed the value of output {output} at {where}: "
            f"{old[where]} before, {new[where]} after. This is an error of graphc; "
            "GRAPHC_FLAGS=dump=FOLDER writes the graphs, mode=FAST_COMPILE leaves most passes out"
        )


class FiniteGuard(BodyObserver):
    """Raises NotFiniteError at the first node whose value is not finite.

    It sees what its executor shows: each node where the interpreter runs, those of loops' bodies
    too; what kernels store where generated code does. A NaN that a kernel makes and drops again (in
    the branch of a `where` that is not taken) is seen by the interpreter alone.

    Nodes that depend on constants alone may be infinite (a bound of -inf is no accident).
    """

    def __init__(self, outputs: Sequence[Node]):
        self._varying: dict[Node, bool] = {}
        self._within = ""
        self._learn(outputs)

    def __call__(self, node: Node, value: object, seconds: float) -> None:
        if node not in self._varying:  # of a body, or of a graph that was rewritten for a device
            self._learn([node])
        if not self._varying[node] or node.op == "arg":  # an argument is known from outside
            return
        for part in value if isinstance(value, tuple | list) else (value,):
            if part.dtype.kind == "f" and not np.isfinite(part).all():
                _refuse(node, part, self._within)

    def of_step(self, scan: Node, step: int, index: int) -> FiniteGuard:
        """Return the guard of a step, which names it."""
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
