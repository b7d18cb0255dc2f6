"""Pooling over windows of (n, c, *spatial): what lies in the padding takes no part.

Closed under gradients. `max_pool` is the maximum of each window, and `max_place` the number, in C
order within the window, of its first maximum; NaN stands above all numbers. `pick(places, x)` reads
each window at its place, and `unpool(places, y)` is its transpose: it adds each window's y there.
`sum_pool` and `sum_unpool` are the same pair for sums. Places are what `max_place` gives.
"""

from __future__ import annotations

from graphc.compiler.graph.checks import SizeChecks, fail
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops.pointwise import FLOATS
from graphc.compiler.graph.ops.table import Attrs, Inputs, define, refuse_dtype


def _dtype(op: str):
    def rule(inputs: Inputs, attrs: Attrs) -> str:
        if inputs[0].dtype not in FLOATS or any(x.dtype != inputs[0].dtype for x in inputs):
            refuse_dtype(op, "float32 or float64", inputs)
        return inputs[0].dtype

    return rule


def pooled_shape(op: str, shape: tuple, attrs: Attrs, checks: SizeChecks) -> tuple:
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


def _pool(op: str):
    def rule(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple:
        return pooled_shape(op, inputs[0].shape, attrs, checks)

    return rule


def _equal(op: str, left: tuple, right: tuple, checks: SizeChecks) -> None:
    if len(left) != len(right):
        fail(f"{op}: ranks differ, shapes {left} and {right}")
    for axis, (a, b) in enumerate(zip(left, right, strict=True)):
        checks.equal(a, b, "{}: axis {} of {} and {}", op, axis, left, right)


def _place_dtype(inputs: Inputs, attrs: Attrs) -> str:
    _dtype("max_place")(inputs, attrs)
    return "int32"


def _picked_dtype(inputs: Inputs, attrs: Attrs) -> str:
    places, values = inputs
    if places.dtype != "int32":
        refuse_dtype("pick", "int32 places and values", inputs)
    return values.dtype


def _pick(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple:
    places, values = inputs
    shape = pooled_shape("pick", values.shape, attrs, checks)
    _equal("pick", shape, places.shape, checks)
    return shape


def _unpooled_dtype(inputs: Inputs, attrs: Attrs) -> str:
    places, cotangents = inputs
    if places.dtype != "int32" or cotangents.dtype not in FLOATS:
        refuse_dtype("unpool", "int32 places and float32 or float64", inputs)
    return cotangents.dtype


def _unpool(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple:
    """`size` is the spatial shape of what was pooled."""
    places, cotangents = inputs
    _equal("unpool", places.shape, cotangents.shape, checks)
    return _unpooled("unpool", cotangents, attrs, checks)


def _sum_unpool(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple:
    """`size` is the spatial shape of what was pooled."""
    return _unpooled("sum_unpool", inputs[0], attrs, checks)


def _unpooled(op: str, cotangents: Node, attrs: Attrs, checks: SizeChecks) -> tuple:
    shape = (*cotangents.shape[:2], *attrs["size"])
    _equal(op, pooled_shape(op, shape, attrs, checks), cotangents.shape, checks)
    return shape


_WINDOW = ("window", "strides", "padding")

define("max_pool", "window", 1, _dtype("max_pool"), _pool("max_pool"), _WINDOW)
define("max_place", "window", 1, _place_dtype, _pool("max_place"), _WINDOW)
define("pick", "window", 2, _picked_dtype, _pick, _WINDOW)
define("unpool", "window", 2, _unpooled_dtype, _unpool, (*_WINDOW, "size"))
define("sum_pool", "window", 1, _dtype("sum_pool"), _pool("sum_pool"), _WINDOW)
define("sum_unpool", "window", 1, _dtype("sum_unpool"), _sum_unpool, (*_WINDOW, "size"))
