"""Products: matmul and convolution, both one call of the BLAS that NumPy is built with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from graphc.compiler.interpret.movement import pad
from graphc.compiler.interpret.signature import Attrs, Function


def _blas_operand(x: np.ndarray) -> np.ndarray:
    """x, or a copy where its strides (broadcast, flipped, ...) keep numpy.matmul from the BLAS.

    NumPy 2.4 makes that copy itself; in NumPy 2.0 a product took 200 times as long without it.
    """
    rows, columns = x.strides[-2:]
    item = x.itemsize
    by_rows = columns == item and rows >= item * x.shape[-1]
    by_columns = rows == item and columns >= item * x.shape[-2]
    return x if by_rows or by_columns else np.ascontiguousarray(x)


def _matmul(attrs: Attrs, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    product: np.ndarray = np.matmul(_blas_operand(x), _blas_operand(y))
    return product


Tensordot = Callable[[np.ndarray, np.ndarray, tuple[Sequence[int], Sequence[int]]], np.ndarray]


def conv(tensordot: Tensordot, attrs: Attrs, image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Windows as a view, then one product: an einsum over the same view runs outside of the BLAS.

    The product copies the windows into a matrix. The operand order puts the longer of the window
    axis and the kernel axis innermost in it: the first is longer in a forward convolution, the
    second in the gradient of its kernel.
    """
    dims = image.ndim - 2
    reach = [
        (extent - 1) * hole + 1
        for extent, hole in zip(kernel.shape[2:], attrs["kernel_dilation"], strict=True)
    ]
    windows = sliding_window_view(_padded(attrs, image), reach, axis=tuple(range(2, 2 + dims)))
    steps = (1, 1, *attrs["strides"], *attrs["kernel_dilation"])
    windows = windows[tuple(slice(None, None, step) for step in steps)]
    window_axes = (1, *range(2 + dims, 2 + 2 * dims))
    kernel_axes = tuple(range(1, 2 + dims))
    if windows.shape[1 + dims] >= kernel.shape[-1]:
        return tensordot(kernel, windows, (kernel_axes, window_axes)).swapaxes(0, 1)
    return np.moveaxis(tensordot(windows, kernel, (window_axes, kernel_axes)), -1, 1)


def _padded(attrs: Attrs, image: np.ndarray) -> np.ndarray:
    """The image with holes between its elements, zeros around it, and cropped where negative."""
    padding, holes = attrs["padding"], attrs["input_dilation"]
    if any(side > 0 for pair in padding for side in pair) or any(hole > 1 for hole in holes):
        frame = {
            "low": (0, 0, *(max(low, 0) for low, _ in padding)),
            "high": (0, 0, *(max(high, 0) for _, high in padding)),
            "interior": (0, 0, *(hole - 1 for hole in holes)),
            "value": 0.0,
        }
        image = pad(frame, image)
    crops = (
        slice(max(-low, 0), size - max(-high, 0))
        for (low, high), size in zip(padding, image.shape[2:], strict=True)
    )
    return image[(slice(None), slice(None), *crops)]


def _tensordot(
    x: np.ndarray, y: np.ndarray, axes: tuple[Sequence[int], Sequence[int]]
) -> np.ndarray:
    return np.tensordot(x, y, axes)


CONTRACTION: dict[str, Function] = {"matmul": _matmul, "conv": partial(conv, _tensordot)}
