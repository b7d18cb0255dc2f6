"""Movement: the same elements at other positions. Views where NumPy has them."""

from __future__ import annotations

import numpy as np

from graphc.compiler.interpret.pointwise import cast
from graphc.compiler.interpret.signature import Attrs, Function


def _reshape(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    return np.reshape(x, attrs["shape"])


def _transpose(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    return x.transpose(attrs["order"])


def _broadcast(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    """A view with stride 0 along new axes, made directly: numpy.broadcast_to takes 3 times as long,
    which counts in the body of a loop."""
    elements = np.asarray(x, order="C")
    strides = [0] * len(attrs["shape"])
    for axis, stride in zip(attrs["axes"], elements.strides, strict=True):
        strides[axis] = stride
    return np.ndarray(attrs["shape"], elements.dtype, elements, 0, strides)


def _slice(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    bounds = zip(attrs["start"], attrs["stop"], attrs["step"], strict=True)
    return x[tuple(slice(start, stop, step) for start, stop, step in bounds)]


def pad(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    """`low` before, `high` after and `interior` between the elements of each axis, all `value`."""
    shape, slices = [], []
    for size, low, high, interior in zip(
        np.shape(x), attrs["low"], attrs["high"], attrs["interior"], strict=True
    ):
        extent = size + (size - 1) * interior
        shape.append(low + extent + high)
        slices.append(slice(low, low + extent, interior + 1))
    value = cast({"dtype": x.dtype}, np.asarray(attrs["value"]))
    padded = np.full(shape, value, x.dtype)
    padded[tuple(slices)] = x
    return padded


def _concat(attrs: Attrs, *arrays: np.ndarray) -> np.ndarray:
    return np.concatenate(arrays, axis=attrs["axis"])


def _flip(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    axes = attrs["axes"]
    return x[tuple(slice(None, None, -1 if k in axes else 1) for k in range(x.ndim))]


def _iota(attrs: Attrs) -> np.ndarray:
    return np.arange(attrs["size"]).astype(attrs["dtype"])


def _dim(attrs: Attrs) -> np.ndarray:
    return np.asarray(attrs["size"], np.int64)


MOVEMENT: dict[str, Function] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast": _broadcast,
    "slice": _slice,
    "pad": pad,
    "concat": _concat,
    "flip": _flip,
    "iota": _iota,
    "dim": _dim,
}
