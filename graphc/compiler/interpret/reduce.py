"""Reductions over ``attrs["axes"]``."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphc.compiler.interpret.signature import Attrs, Function


def _reduction(function: np.ufunc) -> Function:
    def row(attrs: Attrs, x: np.ndarray) -> np.ndarray:
        # The dtype is given because NumPy would widen the sum of int32 to int64.
        reduced: np.ndarray = function.reduce(x, axis=attrs["axes"], dtype=x.dtype)
        return reduced

    return row


def _position(function: Callable[..., np.ndarray]) -> Function:
    def row(attrs: Attrs, x: np.ndarray) -> np.ndarray:
        """NumPy's argmax and argmin take the first of ties, and the first NaN before all."""
        axes, shape = attrs["axes"], np.shape(x)
        kept = [axis for axis in range(len(shape)) if axis not in axes]
        count = math.prod(shape[axis] for axis in axes)
        rows = np.transpose(x, (*kept, *axes)).reshape(*(shape[axis] for axis in kept), count)
        positions: np.ndarray = function(rows, axis=-1)
        return positions.astype(np.int32)

    return row


REDUCE: dict[str, Function] = {
    "sum": _reduction(np.add),
    "prod": _reduction(np.multiply),
    "max": _reduction(np.maximum),
    "min": _reduction(np.minimum),
    "any": _reduction(np.logical_or),
    "all": _reduction(np.logical_and),
    "argmax": _position(np.argmax),
    "argmin": _position(np.argmin),
}
