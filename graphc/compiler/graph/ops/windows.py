"""Pooling over windows of (n, c, *spatial): elements of the padding take no part.

Closed under gradients. `max_pool` is the maximum of each window, and `argmax_pool` the number, in C
order within the window, of its first maximum; NaN is above all numbers. `gather_pool(argmax, x)`
reads one element of each window, and `max_unpool(argmax, y)` is its transpose: it adds each
window's y there. `sum_pool` and `sum_unpool` are the same pair for sums.
"""

from __future__ import annotations

from typing import Any

from graphc.compiler.graph.checks import SizeChecks, fail
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops.pointwise import FLOATS
from graphc.compiler.graph.ops.table import (
    Attrs,
    DTypeRule,
    Inputs,
    ShapeRule,
    define,
    refuse_dtype,
)
from graphc.compiler.graph.ops.traits import FIRST, SECOND, Traits


def _dtype(op: str) -> DTypeRule:
    def rule(inputs: Inputs, attrs: Attrs) -> str:
        if inputs[0].dtype not in FLOATS or any(x.dtype != inputs[0].dtype for x in inputs):
            refuse_dtype(op, "float32 or float64", inputs)
        return inputs[0].dtype

    return rule


def pooled_shape(
    op: str, shape: tuple[Any, ...], attrs: Attrs, checks: SizeChecks
) -> tuple[Any, ...]:
    """The shape of one value a window."""
    if len(shape) != len(attrs["window"]) + 2:
        fail(f"{op}: a window {attrs['window']} needs rank {len(attrs['window']) + 2}, not {shape}")
    windows = []
    for axis, (size, extent, stride, (low, high)) in enumerate(
        zip(shape[2:], attrs["window"], attrs["strides"], attrs["padding"], strict=True)
    ):
        if max(low, high) >= extent:
            fail(
                f"{op} over {shape}: spatial axis {axis}: padding {(low, high)} leaves windows of "
                f"{extent} with no element"
            )
        what = "{} over {}: spatial axis {}, padded, holds no window"
        checks.at_least(size + low + high, extent, what, op, shape, axis)
        windows.append((size + low + high - extent) // stride + 1)
    return (*shape[:2], *windows)


def _pool(op: str) -> ShapeRule:
    def rule(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
        return pooled_shape(op, inputs[0].shape, attrs, checks)

    return rule


def _equal(op: str, left: tuple[Any, ...], right: tuple[Any, ...], checks: SizeChecks) -> None:
    if len(left) != len(right):
        fail(f"{op}: ranks differ, shapes {left} and {right}")
    for axis, (a, b) in enumerate(zip(left, right, strict=True)):
        checks.equal(a, b, "{}: axis {} of {} and {}", op, axis, left, right)


def _argmax_dtype(inputs: Inputs, attrs: Attrs) -> str:
    _dtype("argmax_pool")(inputs, attrs)
    return "int32"


def _gathered_dtype(inputs: Inputs, attrs: Attrs) -> str:
    argmax, values = inputs
    if argmax.dtype != "int32":
        refuse_dtype("gather_pool", "int32 argmax and values", inputs)
    return values.dtype


def _gather_pool(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    argmax, values = inputs
    shape = pooled_shape("gather_pool", values.shape, attrs, checks)
    _equal("gather_pool", shape, argmax.shape, checks)
    return shape


def _unpooled_dtype(inputs: Inputs, attrs: Attrs) -> str:
    argmax, cotangents = inputs
    if argmax.dtype != "int32" or cotangents.dtype not in FLOATS:
        refuse_dtype("max_unpool", "int32 argmax and float32 or float64", inputs)
    return cotangents.dtype


def _max_unpool(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    """`size` is the spatial shape before pooling."""
    argmax, cotangents = inputs
    _equal("max_unpool", argmax.shape, cotangents.shape, checks)
    return _unpooled("max_unpool", cotangents, attrs, checks)


def _sum_unpool(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    """`size` is the spatial shape before pooling."""
    return _unpooled("sum_unpool", inputs[0], attrs, checks)


def _unpooled(op: str, cotangents: Node, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    shape = (*cotangents.shape[:2], *attrs["size"])
    _equal(op, pooled_shape(op, shape, attrs, checks), cotangents.shape, checks)
    return shape


_WINDOW = ("window", "strides", "padding")

_POOLS = Traits(pools=True, keeps_zero=True)
_SUMS = Traits(pools=True, keeps_zero=True, linear=FIRST)
_SPREADS = Traits(keeps_zero=True, linear=FIRST)
# (argmax, values)
_GATHERS = Traits(pools=True, keeps_zero=True, linear=SECOND)
_SCATTERS = Traits(keeps_zero=True, linear=SECOND)

define("max_pool", "window", 1, _dtype("max_pool"), _pool("max_pool"), _WINDOW, _POOLS)
_ARGMAX = Traits(pools=True, has_gradient=False)
define("argmax_pool", "window", 1, _argmax_dtype, _pool("argmax_pool"), _WINDOW, _ARGMAX)
define("gather_pool", "window", 2, _gathered_dtype, _gather_pool, _WINDOW, _GATHERS)
define("sum_pool", "window", 1, _dtype("sum_pool"), _pool("sum_pool"), _WINDOW, _SUMS)
define("max_unpool", "window", 2, _unpooled_dtype, _max_unpool, (*_WINDOW, "size"), _SCATTERS)
_SUM = _dtype("sum_unpool")
define("sum_unpool", "window", 1, _SUM, _sum_unpool, (*_WINDOW, "size"), _SPREADS)
