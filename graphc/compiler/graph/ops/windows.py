"""Pooling over windows of (n, c, *spatial): what lies in the padding takes no part.

Four ops, closed under gradients: `max_pool(x, values)` reads `values` where each window of x has
its first maximum (max pooling proper passes x twice), `max_unpool(x, cotangents)` adds there;
`sum_pool` and `sum_unpool` are the same pair for sums.
"""

from __future__ import annotations

from graphc.compiler.graph.checks import SizeChecks, fail
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
        what = f"{op} over {shape}: spatial axis {axis}"
        if max(low, high) >= extent:
            fail(f"{what}: padding {(low, high)} leaves windows of {extent} with no element")
        checks.at_least(size + low + high, extent, f"{what}, padded, holds no window")
        windows.append((size + low + high - extent) // stride + 1)
    return (*shape[:2], *windows)


def _pool(op: str):
    def rule(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple:
        shape = inputs[0].shape
        for other in inputs[1:]:
            _equal(op, shape, other.shape, checks)
        return pooled_shape(op, shape, attrs, checks)

    return rule


def _equal(op: str, left: tuple, right: tuple, checks: SizeChecks) -> None:
    if len(left) != len(right):
        fail(f"{op}: ranks differ, shapes {left} and {right}")
    for axis, (a, b) in enumerate(zip(left, right, strict=True)):
        checks.equal(a, b, f"{op}: axis {axis} of {left} and {right}")


def _max_unpool(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple:
    x, cotangents = inputs
    _equal(
        "max_unpool", pooled_shape("max_unpool", x.shape, attrs, checks), cotangents.shape, checks
    )
    return x.shape


def _sum_unpool(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple:
    """`size` is the spatial shape of what was pooled."""
    shape = (*inputs[0].shape[:2], *attrs["size"])
    _equal("sum_unpool", pooled_shape("sum_unpool", shape, attrs, checks), inputs[0].shape, checks)
    return shape


_WINDOW = ("window", "strides", "padding")

define("max_pool", "window", 2, _dtype("max_pool"), _pool("max_pool"), _WINDOW)
define("max_unpool", "window", 2, _dtype("max_unpool"), _max_unpool, _WINDOW)
define("sum_pool", "window", 1, _dtype("sum_pool"), _pool("sum_pool"), _WINDOW)
define("sum_unpool", "window", 1, _dtype("sum_unpool"), _sum_unpool, (*_WINDOW, "size"))
