"""Products, convolutions and pooling that a graph is drawn from."""

from __future__ import annotations

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from tests.campaigns.graphs.builder import FLOATS, Builder


def product(b: Builder) -> Node:
    x = b.tame(b.any_of(FLOATS, lambda s: len(s) > 1 and 0 not in s))
    if b.coin(0.3):
        x = g.swap_axes(x, -1, -2)
    kind = b.number(0, 3)
    inner = x.shape[-1]
    if kind == 0:
        y = b.shaped((inner,), x.dtype)
        return g.dot(x, y)
    if kind == 1:
        y = b.tame(b.shaped((inner, b.size()), x.dtype))
        return g.dot(x, y)
    y = b.tame(b.shaped((*x.shape[:-2], inner, b.size()), x.dtype))
    if kind == 2 and x.ndim > 2 and b.coin(0.5):
        y = b.tame(b.shaped((*([1] * (x.ndim - 2)), inner, b.size()), x.dtype))
    return g.matmul(x, y)


def contraction(b: Builder) -> Node:
    x = b.tame(b.any_of(FLOATS, lambda s: len(s) > 1 and 0 not in s))
    axis = b.number(1, x.ndim - 1)
    if b.coin(0.5):
        y = b.tame(b.shaped((x.shape[0], b.size(), x.shape[axis]), x.dtype))
        return g.batch_dot(x, y, (axis, 2))
    y = b.tame(b.shaped((x.shape[axis], b.size(), x.shape[0]), x.dtype))
    return g.tensordot(x, y, ([axis, 0], [0, 2]))


def _image(b: Builder, dims: int) -> Node:
    """A float value of (n, c, *spatial)."""
    found = b.values(FLOATS, lambda s: len(s) == dims + 2 and 0 not in s)
    if found and b.coin(0.7):
        return b.tame(b.taken(b.one_of(found)))
    flat = b.values(FLOATS, lambda s: 0 < len(s) < dims + 2 and 0 not in s)
    if flat and b.coin(0.5):
        x = b.taken(b.one_of(flat))
        while x.ndim < dims + 2:
            x = g.expand_dims(x, 0)
        return b.tame(x)
    shape = (b.size(), b.number(1, 3), *(b.size() for _ in range(dims)))
    return b.shaped(shape, b.one_of(FLOATS))


def conv(b: Builder) -> Node:
    dims = b.number(1, 3) if b.coin(0.4) else 2
    x = _image(b, dims)
    sizes = b.concrete(x.shape)
    kernel, strides, padding, holes, kernel_holes = [], [], [], [], []
    for size in sizes[2:]:
        hole = b.number(1, 2) if b.coin(0.2) else 1
        kernel_hole = b.number(1, 2) if b.coin(0.2) else 1
        extent = b.number(1, 3)
        low, high = (b.number(0, 2) if b.coin(0.5) else 0 for _ in range(2))
        if b.coin(0.1) and size > 2:
            low = -1
        span, reach = (size - 1) * hole + 1 + low + high, (extent - 1) * kernel_hole + 1
        if span < reach:
            high += reach - span
        kernel.append(extent)
        strides.append(b.number(1, 2) if b.coin(0.5) else 1)
        padding.append((low, high))
        holes.append(hole)
        kernel_holes.append(kernel_hole)
    weights = b.tame(b.shaped((b.number(1, 3), x.shape[1], *kernel), x.dtype))
    return g.conv(x, weights, strides, padding, holes, kernel_holes)


def pooling(b: Builder) -> Node:
    dims = b.number(1, 3) if b.coin(0.4) else 2
    x = _image(b, dims)
    window, strides, padding = [], [], []
    for size in b.concrete(x.shape)[2:]:
        extent = b.number(1, 3)
        low, high = (b.number(0, extent - 1) if b.coin(0.4) else 0 for _ in range(2))
        if size + low + high < extent:
            extent, low, high = min(extent, size), 0, 0
        window.append(extent)
        strides.append(b.number(1, 3))
        padding.append((low, high))
    op = g.max_pool if b.coin(0.6) else g.average_pool
    return op(x, window, strides, padding)
