"""The expression surface: convolution and pooling over (n, c, *spatial), 1 to 3 dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.compiler.graph.checks import fail
from graphc.compiler.graph.dim import Size
from graphc.compiler.graph.expressions.movement import full
from graphc.compiler.graph.expressions.operands import as_node, cast, float_dtype, unify_dtypes
from graphc.compiler.graph.expressions.pointwise import div
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import make

Padding = Sequence[tuple[Size, Size]]


def _each(value: int | Sequence[int], dims: int, what: str) -> tuple[int, ...]:
    values = (value,) * dims if isinstance(value, int) else tuple(int(v) for v in value)
    if len(values) != dims or any(v < 1 for v in values):
        fail(f"{what}: expected {dims} numbers of at least 1, one a spatial axis, received {value}")
    return values


def _padding(padding: Padding | int, dims: int, what: str) -> tuple[tuple[Size, Size], ...]:
    pairs = ((padding, padding),) * dims if isinstance(padding, int) else padding
    pairs = tuple((low, high) for low, high in pairs)
    if len(pairs) != dims:
        fail(f"{what}: expected (low, high) for {dims} spatial axes, received {padding}")
    return pairs


def conv(
    x: object,
    kernel: object,
    strides: int | Sequence[int] = 1,
    padding: Padding | int = 0,
    input_dilation: int | Sequence[int] = 1,
    kernel_dilation: int | Sequence[int] = 1,
) -> Node:
    """Cross-correlation (the kernel is not flipped) of x (n, c, *spatial) with kernel (f, c, *k).

    Args:
        strides: the step from window to window, one number or one a spatial axis.
        padding: (low, high) zeros a spatial axis; negative numbers crop.
        input_dilation: 1 + the zeros put between neighbours of x.
        kernel_dilation: 1 + the zeros put between neighbours of the kernel.

    Returns:
        (n, f, *windows), windows = (padded size - dilated kernel) // stride + 1.
    """
    image, weights = unify_dtypes([x, kernel])
    dtype = float_dtype(image.dtype)
    dims = image.ndim - 2
    return make(
        "conv",
        cast(image, dtype),
        cast(weights, dtype),
        strides=_each(strides, dims, "conv: strides"),
        padding=_padding(padding, dims, "conv: padding"),
        input_dilation=_each(input_dilation, dims, "conv: input_dilation"),
        kernel_dilation=_each(kernel_dilation, dims, "conv: kernel_dilation"),
    )


def _pool_attrs(
    x: Node, window: Sequence[int], strides: Sequence[int] | int | None, padding: Padding | int
) -> dict[str, Any]:
    dims = x.ndim - 2
    return {
        "window": _each(window, dims, "pooling: window"),
        "strides": _each(window if strides is None else strides, dims, "pooling: strides"),
        "padding": _padding(padding, dims, "pooling: padding"),
    }


def max_pool(
    x: object,
    window: Sequence[int],
    strides: Sequence[int] | int | None = None,
    padding: Padding | int = 0,
) -> Node:
    """The largest real element of each window of x (n, c, *spatial); strides default to the window.

    NaN if there is one; the gradient goes to the first of ties.
    """
    node = as_node(x)
    return make("max_pool", node, **_pool_attrs(node, window, strides, padding))


def average_pool(
    x: object,
    window: Sequence[int],
    strides: Sequence[int] | int | None = None,
    padding: Padding | int = 0,
) -> Node:
    """The mean of the real elements of each window of x (n, c, *spatial)."""
    node = as_node(x)
    node = cast(node, float_dtype(node.dtype))
    attrs = _pool_attrs(node, window, strides, padding)
    total = make("sum_pool", node, **attrs)
    if all(side == 0 for pair in attrs["padding"] for side in pair):
        elements = 1
        for extent in attrs["window"]:
            elements *= extent
        return div(total, elements)
    ones = full((1, 1, *node.shape[2:]), 1, node.dtype)
    return div(total, make("sum_pool", ones, **attrs))
