"""Limits of a model that is made from a description: a short text may ask for any number of
weights, and, by models inside of models, for any number of uses of layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from graphc import backend as K
from graphc.amounts import amount
from graphc.config import config
from graphc.errors import ArgumentError

_MOST_USES = 10_000


@dataclass
class _Taken:
    weight_bytes: int = 0
    uses: int = 0


_taken: ContextVar[_Taken | None] = ContextVar("graphc_taken", default=None)


@contextmanager
def bounded() -> Iterator[None]:
    """Count weights and uses of layers inside the block; a nested `bounded` counts towards the
    outer one."""
    if _taken.get() is not None:
        yield
        return
    reset = _taken.set(_Taken())
    try:
        yield
    finally:
        _taken.reset(reset)


def take_weight(place: str, shape: Sequence[int]) -> None:
    """Count a weight, or a state, before it is made. ArgumentError if `bounded` and too large."""
    taken = _taken.get()
    if taken is None:
        return
    size = math.prod(shape) * (8 if K.floatx() == "float64" else 4)
    taken.weight_bytes += size
    limit = config.described_weights
    most = amount(limit)
    if most is not None and taken.weight_bytes > most:
        raise ArgumentError(
            f"{place}: shape {tuple(shape)}: {size} bytes, and with them the weights of the model "
            f"would take {taken.weight_bytes}; expected at most {limit}, which the flag "
            "described_weights sets for models that a file or a config describes"
        )


def take_uses(place: str, count: int = 1) -> None:
    """Count uses of a layer, or copies of its step. ArgumentError if `bounded` and too many."""
    taken = _taken.get()
    if taken is None:
        return
    taken.uses += count
    if taken.uses > _MOST_USES:
        raise ArgumentError(
            f"{place}: the description uses layers more than {_MOST_USES} times, those in models "
            "inside of models at each use, and an unrolled layer at each step; build the model in "
            "Python"
        )
