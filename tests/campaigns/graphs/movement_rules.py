"""Movement and indexed access, from their definitions, with error bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tests.campaigns.graphs.bounded import EXTENDED, Bounded, Rounding, exactly, is_float
from tests.campaigns.graphs.reduction_rules import summed


def broadcast(x: Bounded, shape: Sequence[int], axes: Sequence[int]) -> Bounded:
    """Return x with its axes at `axes` of a shape, repeated along the others."""
    spread = [1] * len(shape)
    for axis, size in zip(axes, x.shape, strict=True):
        spread[axis] = size
    return x.moved(lambda a: np.broadcast_to(a.reshape(spread), shape).copy())


def sliced(x: Bounded, start: Sequence[int], stop: Sequence[int], step: Sequence[int]) -> Bounded:
    """Return each axis from start below stop by step."""
    key = tuple(map(slice, start, stop, step))
    return x.moved(lambda a: a[key].copy())


def padded(
    x: Bounded,
    low: Sequence[int],
    high: Sequence[int],
    interior: Sequence[int],
    fill: float,
) -> Bounded:
    """Return x with a number before, behind and between its elements."""
    shape = [
        before + size + (size - 1) * between + behind
        for size, before, behind, between in zip(x.shape, low, high, interior, strict=True)
    ]
    number = np.asarray(fill).astype(x.dtype)
    if is_float(x.dtype):
        number = number.astype(EXTENDED)
    if not x.value.size:
        return Bounded(x.dtype, np.full(shape, number), np.zeros(shape))
    key = tuple(
        slice(before, before + (size - 1) * (between + 1) + 1, between + 1)
        for size, before, between in zip(x.shape, low, interior, strict=True)
    )

    def placed(array: np.ndarray, around: object) -> np.ndarray:
        found = np.full(shape, around, array.dtype)
        found[key] = array
        return found

    return Bounded(x.dtype, placed(x.value, number), placed(x.error, 0.0))


def stacked(parts: Sequence[Bounded], axis: int) -> Bounded:
    """Return values joined along an axis that they have."""
    return Bounded(
        parts[0].dtype,
        np.concatenate([part.value for part in parts], axis),
        np.concatenate([part.error for part in parts], axis),
    )


def counted(size: int, dtype: str) -> Bounded:
    """Return 0, 1, 2, ... below a size."""
    return exactly(np.arange(size).astype(dtype))


# ---- indexed access ----------------------------------------------------------------------------


def gathered(x: Bounded, indices: Bounded, axis: int) -> Bounded:
    """Return the rows of an axis at indices."""
    found = x.moved(lambda a: np.take(a, indices.value, axis))
    after = x.value.ndim - axis - 1
    known = indices.known.reshape(indices.shape + (1,) * after)
    error = np.where(np.broadcast_to(known, found.shape), found.error, np.inf)
    return Bounded(x.dtype, found.value, error)


def scattered(
    indices: Bounded, updates: Bounded, axis: int, size: int, rounding: Rounding
) -> Bounded:
    """Return zeros with each update added at its index of an axis."""
    rank = indices.value.ndim
    before, after = updates.shape[:axis], updates.shape[axis + rank :]
    rows = updates.moved(lambda a: a.reshape(*before, math.prod(indices.shape), *after))
    rows = rows.moved(lambda a: np.moveaxis(a, axis, 0))
    positions = indices.value.ravel()
    lines = []
    for k in range(size):
        chosen = rows.moved(lambda a, k=k: np.moveaxis(a[positions == k], 0, -1))
        lines.append(summed(chosen, rounding))
    shape = (size, *before, *after)
    value = np.array([line.value for line in lines], rows.value.dtype).reshape(shape)
    error = np.array([line.error for line in lines], float).reshape(shape)
    if not indices.known.all():
        error = np.full(shape, np.inf)
    return Bounded(
        updates.dtype, np.moveaxis(value, 0, axis).copy(), np.moveaxis(error, 0, axis).copy()
    )
