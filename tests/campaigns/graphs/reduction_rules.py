"""Reductions, from their definitions, with error bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tests.campaigns.graphs.bounded import (
    EXTENDED,
    Bounded,
    Rounding,
    certain,
    is_float,
    unit,
    whole,
)


def reduced(op: str, x: Bounded, axes: Sequence[int], rounding: Rounding) -> Bounded:
    """Return a reduction over axes, which leave the shape."""
    kept = [axis for axis in range(x.value.ndim) if axis not in axes]
    rows = x.moved(
        lambda a: a.transpose(*kept, *axes).reshape(
            *(a.shape[axis] for axis in kept), math.prod(a.shape[axis] for axis in axes)
        )
    )
    return reduce_last(op, rows, rounding)


def reduce_last(op: str, x: Bounded, rounding: Rounding) -> Bounded:
    """Return a reduction over the last axis."""
    if op == "sum":
        return summed(x, rounding)
    if op == "prod":
        return _product(x, rounding)
    if op in ("max", "min"):
        return _extreme(op, rounding.compared(x) if is_float(x.dtype) else x)
    if op in ("argmax", "argmin"):
        return _place_of_extreme(op, rounding.compared(x) if is_float(x.dtype) else x)
    function = np.any if op == "any" else np.all
    decided = (x.value & x.known).any(-1) if op == "any" else (~x.value & x.known).any(-1)
    return whole("bool", function(x.value, -1), x.known.all(-1) | decided)


def summed(x: Bounded, rounding: Rounding) -> Bounded:
    """Return the sum over the last axis, in any order."""
    if not is_float(x.dtype):
        return whole(x.dtype, x.value.sum(-1, dtype=x.dtype), x.known.all(-1))
    finite = np.isfinite(x.value)
    size = np.where(finite, np.abs(x.value), 0).sum(-1)
    count = x.shape[-1]
    steps = np.where(finite, x.value * 2.0**10, 0)
    limit = 2.0**24 if x.dtype == "float32" else 2.0**53
    exact = x.exact.all(-1) & finite.all(-1) & (steps == np.floor(steps)).all(-1)
    exact &= (np.abs(steps).sum(-1) < limit) | (count == 1)
    error = np.where(exact, 0, x.error.sum(-1) + (count + 4) * unit(x.dtype) * size)
    if count == 1:
        error = x.error[..., 0]
    # A partial sum may overflow where the sum does not.
    error = np.where(size + error > np.finfo(x.dtype).max, np.inf, certain(error))
    return rounding(x.dtype, x.value.sum(-1), error)


def in_one_pass(found: Bounded, x: Bounded, difference: Bounded, axes: Sequence[int]) -> Bounded:
    """Return a sum of squared differences of `x` from a mean as one that is summed by the count,
    the mean and the squares so far: means of some of the terms are rounded, and their differences
    are squared (Chan, Golub and LeVeque, 1979)."""
    count = math.prod(x.shape[axis] for axis in axes)
    if not is_float(found.dtype) or count <= 1:
        return found
    axes = tuple(axes)
    far = np.abs(difference.value)
    largest = np.abs(x.value).max(axes)
    size = (count + 8) * (far * far).sum(axes) + 8 * far.sum(axes) * largest
    error = np.where(np.isfinite(size), unit(found.dtype) * size, 0)
    return Bounded(found.dtype, found.value, certain(found.error + error))


def _product(x: Bounded, rounding: Rounding) -> Bounded:
    if not is_float(x.dtype):
        return whole(x.dtype, x.value.prod(-1, dtype=x.dtype), x.known.all(-1))
    value, size = x.value.prod(-1), np.abs(x.value).prod(-1)
    finite = np.isfinite(x.value).all(-1)
    most = (np.abs(x.value) + x.error).prod(-1)
    # Of some of the factors alone, in an order that nobody knows: it may overflow or vanish.
    logs = np.log2(np.maximum(np.abs(x.value), EXTENDED(1e-300)))
    widest = np.maximum(np.maximum(logs, 0).sum(-1), -np.minimum(logs, 0).sum(-1))
    far = widest > np.log2(np.finfo(x.dtype).max) - 4
    error = np.where(finite, certain(most - size), 0)
    unsure = far | (~finite & ~x.exact.all(-1))
    return rounding(x.dtype, value, np.where(unsure, np.inf, error), 4 + x.shape[-1])


def _extreme(op: str, x: Bounded) -> Bounded:
    function = np.max if op == "max" else np.min
    if not is_float(x.dtype):
        return whole(x.dtype, function(x.value, -1), x.known.all(-1))
    value = function(x.value, -1)
    error = np.zeros(value.shape)
    for sign in (-1, 1):
        found = function(x.value + sign * x.error, -1)
        same = (found == value) | (np.isnan(found) & np.isnan(value))
        error = np.maximum(error, np.where(same, 0, certain(np.abs(found - value))))
    return Bounded(x.dtype, value, np.where(x.known.all(-1), error, np.inf))


def _place_of_extreme(op: str, x: Bounded) -> Bounded:
    """Return the position of the first extreme, or of the first NaN."""
    value = x.value
    if is_float(x.dtype):
        value = -value if op == "argmin" else value
        nan = np.isnan(value)
        found = np.where(nan.any(-1), nan.argmax(-1), np.where(nan, -np.inf, value).argmax(-1))
        best = np.take_along_axis(value, found[..., None], -1)
        error = np.take_along_axis(x.error, found[..., None], -1)
        distinct = (best - error > value + x.error) | ((x.error == 0) & (error == 0))
        here = np.arange(x.shape[-1]) == found[..., None]
        sure = x.known.all(-1) & (nan.any(-1) | (distinct | here).all(-1))
        return whole("int32", found, sure)
    function = np.argmax if op == "argmax" else np.argmin
    return whole("int32", function(value, -1), x.known.all(-1))
