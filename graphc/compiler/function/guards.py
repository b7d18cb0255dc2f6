"""DebugMode and NanGuardMode: what they check, and the errors they raise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from graphc.compiler.graph import Node, Symbol, is_float, label, toposort
from graphc.compiler.interpret import Program
from graphc.compiler.runtime.executor import Observer
from graphc.errors import NotFiniteError, PassError

# A pass may reorder sums, so values agree to rounding: this much of the largest value of an output.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}

# How often the inputs are nudged where that is exceeded, and how much further than the outputs
# moved then a pass may move them: another order of many terms rounds in every one of them.
_NUDGES = 4
_NOISE_FACTOR = 30.0


class PassChecker:
    """Runs the graph as it was before and after each pass, on the values of a real call."""

    def __init__(self, outputs: Sequence[Node]):
        self._stages: list[tuple[str, Program]] = [("input", Program(outputs))]

    def observe(self, name: str, before: Sequence[Node], after: Sequence[Node]) -> None:
        """Remember what a pass made of the graph; called by the pipeline."""
        self._stages.append((name, Program(after)))

    def check(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
    ) -> None:
        """Raise PassError for the first pass whose result differs from the graph before it."""
        before: Program | None = None
        expected: list[np.ndarray] = []
        for name, program in self._stages:
            received = program.run(feeds, bindings, call_step)
            if before is not None and not all(map(_agree, expected, received)):
                noise = rounding_noise(before, expected, feeds, bindings, call_step)
                for k, (old, new) in enumerate(zip(expected, received, strict=True)):
                    _compare(name, k, old, new, noise[k])
            before, expected = program, received


def _agree(old: np.ndarray, new: np.ndarray) -> bool:
    same_type = old.dtype == new.dtype and old.shape == new.shape
    return same_type and not np.any(_differs(old, new, 0.0))


def _differs(old: np.ndarray, new: np.ndarray, noise: float) -> np.ndarray:
    """Where an output changed by more than rounding; what was not finite may change."""
    if not is_float(old.dtype.name):
        return old != new
    finite = np.isfinite(old)
    scale = np.max(np.abs(old), where=finite, initial=0.0)
    allowed = max(TOLERANCE[old.dtype.name] * max(scale, 1e-30), noise)
    with np.errstate(invalid="ignore"):
        return finite & ~(np.abs(old - new) <= allowed)


def rounding_noise(
    program: Program,
    values: Sequence[np.ndarray],
    feeds: Mapping[Node, np.ndarray],
    bindings: Mapping[Symbol, int],
    call_step: int,
) -> list[float]:
    """How far each output may move by rounding alone: a multiple of what inputs off by it cause.

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
    return value * (1 + steps * np.finfo(value.dtype).eps)


def _compare(pass_name: str, output: int, old: np.ndarray, new: np.ndarray, noise: float) -> None:
    if old.dtype != new.dtype or old.shape != new.shape:
        raise PassError(
            f"pass {pass_name!r} changed output {output} from {old.dtype}{list(old.shape)} to "
            f"{new.dtype}{list(new.shape)}"
        )
    wrong = _differs(old, new, noise)
    if np.any(wrong):
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise PassError(
            f"pass {pass_name!r} changed the value of output {output} at {where}: "
            f"{old[where]} before, {new[where]} after. This is an error of graphc; "
            "GRAPHC_FLAGS=dump=FOLDER writes the graphs, mode=FAST_COMPILE leaves most passes out"
        )


def finite_guard(outputs: Sequence[Node]) -> Observer:
    """An observer that raises NotFiniteError at the first node whose value is not finite.

    It sees what its executor shows: each node where the interpreter runs, what kernels store where
    generated code does. A NaN that a kernel makes and drops again (in the branch of a `where` that
    is not taken) is seen by the interpreter alone.

    Nodes that depend on constants alone may be infinite (a bound of -inf is no accident).
    """
    varying: dict[Node, bool] = {}

    def learn(nodes: Sequence[Node]) -> None:
        for node in toposort(nodes, stop=varying):
            if node not in varying:
                leaf = node.op in ("input", "shared", "random")
                varying[node] = leaf or any(varying[x] for x in node.inputs)

    learn(outputs)

    def observe(node: Node, value: object, seconds: float) -> None:
        if node not in varying:  # of a graph that was rewritten for a device
            learn([node])
        if not varying[node]:
            return
        for part in value if isinstance(value, tuple | list) else (value,):
            if part.dtype.kind == "f" and not np.isfinite(part).all():
                _refuse(node, part)

    return observe


def _refuse(node: Node, value: np.ndarray) -> None:
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
    reads = "".join(f"\n    reads {label(x)}" for x in node.inputs)
    if not node.inputs:
        raise NotFiniteError(
            f"the value {value[index]} was given at index {index} of {label(node)}; expected "
            "finite numbers. No parameter was changed"
        )
    raise NotFiniteError(
        f"the value {value[index]} appeared first at index {index} of {label(node)}{reads}\n"
        "What it reads is finite. Look for a division by zero, a log or sqrt of a number that is "
        "not positive, or an overflow (a learning rate that is too large); no parameter was changed"
    )
