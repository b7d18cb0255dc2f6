"""The loop: `scan` steps a prepared body in Python, `item` reads one of its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from graphc.compiler.interpret.signature import Attrs, Function


class Step(Protocol):
    """One step of a loop: the body's outputs from its arguments."""

    def __call__(self, arguments: Sequence[Any], call_step: int) -> Sequence[Any]: ...


def _scan(attrs: Attrs, *inputs: np.ndarray) -> tuple[Any, ...]:
    """Final carries, then stacks; ``attrs["body"]`` is a `Step`."""
    step: Step = attrs["body"]
    carries, length, call_step = attrs["carries"], attrs["length"], attrs["call_step"]
    sliced = carries + attrs["sequences"]
    sequences, constants = inputs[carries:sliced], inputs[sliced:]
    state: Sequence[Any] = inputs[:carries]
    stacks: list[np.ndarray] = []
    for i in reversed(range(length)) if attrs["reverse"] else range(length):
        outputs = step((*state, *(sequence[i] for sequence in sequences), *constants), call_step)
        state = outputs[:carries]
        if not stacks:
            values = map(np.asarray, outputs[carries:])
            stacks = [np.empty((length, *value.shape), value.dtype) for value in values]
        for stack, value in zip(stacks, outputs[carries:], strict=True):
            stack[i] = value
    return (*state, *stacks)


def _item(attrs: Attrs, values: tuple[Any, ...]) -> np.ndarray:
    value: np.ndarray = values[attrs["index"]]
    return value


LOOP: dict[str, Function] = {"scan": _scan, "item": _item}
