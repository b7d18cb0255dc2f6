"""Products and indexed access: matmul, conv, gather, scatter_add."""

from __future__ import annotations

from typing import Any

from graphc.compiler.graph.checks import SizeChecks, fail
from graphc.compiler.graph.dim import Size
from graphc.compiler.graph.ops.pointwise import FLOATS, NUMBERS
from graphc.compiler.graph.ops.table import Attrs, DTypeRule, Inputs, define, refuse_dtype
from graphc.compiler.graph.ops.traits import EACH, FIRST, SECOND, Traits

INDICES = ("int32", "int64", "uint32")
"""The dtypes of indices. None is cast to another: 2**32 would name row 0."""


def _product_dtype(op: str) -> DTypeRule:
    def rule(inputs: Inputs, attrs: Attrs) -> str:
        left, right = inputs
        if left.dtype != right.dtype or left.dtype not in FLOATS:
            refuse_dtype(op, "two of one dtype, float32 or float64", inputs)
        return left.dtype

    return rule


def _matmul(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    """(..., m, k) by (..., k, n) gives (..., m, n); the leading axes are equal."""
    left, right = (node.shape for node in inputs)
    if len(left) != len(right) or len(left) < 2:
        fail(f"matmul: needs two of one rank of at least 2, received shapes {left} and {right}")
    batch = tuple(
        checks.equal(a, b, "matmul of {} by {}: axis {}", left, right, axis)
        for axis, (a, b) in enumerate(zip(left[:-2], right[:-2], strict=True))
    )
    what = "matmul of {} by {}: the last axis of the left, the last but one of the right"
    checks.equal(left[-1], right[-2], what, left, right)
    return (*batch, left[-2], right[-1])


def dilated(size: Size, dilation: int) -> Size:
    """The extent of `size` elements with `dilation - 1` holes between neighbours."""
    return (size - 1) * dilation + 1


def _conv(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    """Cross-correlation of (n, c, *spatial) with (f, c, *kernel): (n, f, *windows).

    `padding` holds (low, high) a spatial axis; a negative number crops.
    """
    image, kernel = (node.shape for node in inputs)
    if len(image) != len(kernel) or not 3 <= len(image) <= 5:
        fail(f"conv: needs two of rank 3, 4 or 5, received shapes {image} and {kernel}")
    what = "conv of {} with {}: channels (axis 1 of both)"
    checks.equal(image[1], kernel[1], what, image, kernel)
    windows = []
    for axis, (size, extent, stride, (low, high), hole, kernel_hole) in enumerate(
        zip(
            image[2:],
            kernel[2:],
            attrs["strides"],
            attrs["padding"],
            attrs["input_dilation"],
            attrs["kernel_dilation"],
            strict=True,
        )
    ):
        span = dilated(size, hole) + low + high
        reach = dilated(extent, kernel_hole)
        what = "conv of {} with {}: spatial axis {}, padded, holds no window"
        checks.at_least(span, reach, what, image, kernel, axis)
        windows.append((span - reach) // stride + 1)
    return (image[0], kernel[0], *windows)


def _index_dtype(op: str, values: int, indices: int) -> DTypeRule:
    def rule(inputs: Inputs, attrs: Attrs) -> str:
        allowed = ("bool", *NUMBERS) if op == "gather" else NUMBERS
        if inputs[indices].dtype not in INDICES or inputs[values].dtype not in allowed:
            refuse_dtype(op, f"indices of {', '.join(INDICES)} and numbers", inputs)
        return inputs[values].dtype

    return rule


def _gather(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    """Rows of `values` along `axis` by `indices` (any rank), like numpy.take."""
    values, indices = (node.shape for node in inputs)
    axis = attrs["axis"]
    if not 0 <= axis < len(values):
        fail(f"gather: axis {axis} does not exist in the shape {values}")
    return (*values[:axis], *indices, *values[axis + 1 :])


def _scatter_add(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    """Zeros of `size` along `axis`, plus `updates` at `indices`: gather transposed."""
    indices, updates = (node.shape for node in inputs)
    axis = attrs["axis"]
    if not 0 <= axis <= len(updates) - len(indices):
        fail(f"scatter_add: axis {axis}, indices {indices} do not fit the updates {updates}")
    for k, size in enumerate(indices):
        what = "scatter_add: axis {} of the indices {}, axis {} of {}"
        checks.equal(size, updates[axis + k], what, k, indices, axis + k, updates)
    return (*updates[:axis], attrs["size"], *updates[axis + len(indices) :])


_PRODUCT = Traits(keeps_zero=True, linear=EACH)

define("matmul", "contraction", 2, _product_dtype("matmul"), _matmul, (), _PRODUCT)
define(
    "conv",
    "contraction",
    2,
    _product_dtype("conv"),
    _conv,
    ("strides", "padding", "input_dilation", "kernel_dilation"),
    _PRODUCT,
)
# (values, indices), an index outside of the axis is an IndexRangeError
_TAKEN = Traits(keeps_zero=True, linear=FIRST)
define("gather", "index", 2, _index_dtype("gather", 0, 1), _gather, ("axis",), _TAKEN)
# (indices, updates)
_SCATTER = _index_dtype("scatter_add", 1, 0)
_ADDED = Traits(keeps_zero=True, linear=SECOND)
define("scatter_add", "index", 2, _SCATTER, _scatter_add, ("axis", "size"), _ADDED)
