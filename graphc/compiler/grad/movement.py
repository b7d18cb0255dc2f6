"""Gradients of movement and of indexed access: each op's transpose. c is the cotangent."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler import graph as g
from graphc.compiler.grad.table import define, define_whole
from graphc.compiler.graph import Node

define("reshape", lambda c, node, x: g.reshape(c, x.shape))
define("flip", lambda c, node, x: g.flip(c, node.attrs["axes"]))


def _transpose(c: Node, node: Node, x: Node) -> Node:
    order = node.attrs["order"]
    return g.transpose(c, [order.index(axis) for axis in range(len(order))])


def _broadcast(c: Node, node: Node, x: Node) -> Node:
    added = [axis for axis in range(node.ndim) if axis not in node.attrs["axes"]]
    return g.sum(c, added)


def _slice(c: Node, node: Node, x: Node) -> Node:
    """Each element back to its place, zeros between and around."""
    if 0 in c.shape:
        return g.zeros(x.shape, x.dtype)
    start, step = node.attrs["start"], node.attrs["step"]
    after = tuple(
        size - first - ((count - 1) * stride + 1)
        for size, first, count, stride in zip(x.shape, start, c.shape, step, strict=True)
    )
    holes = tuple(stride - 1 for stride in step)
    return g.make("pad", c, low=start, high=after, interior=holes, value=0.0)


def _pad(c: Node, node: Node, x: Node) -> Node:
    """The elements that are x's."""
    if 0 in x.shape:
        return g.zeros(x.shape, x.dtype)
    low, interior = node.attrs["low"], node.attrs["interior"]
    step = tuple(holes + 1 for holes in interior)
    stop = tuple(
        first + (size - 1) * stride + 1
        for first, size, stride in zip(low, x.shape, step, strict=True)
    )
    return g.make("slice", c, start=low, stop=stop, step=step)


def _concat(c: Node, node: Node, wanted: Sequence[bool]) -> tuple[Node | None, ...]:
    axis = node.attrs["axis"]
    cotangents: list[Node | None] = []
    first: g.Size = 0
    for x, needed in zip(node.inputs, wanted, strict=True):
        last = first + x.shape[axis]
        start = tuple(first if k == axis else 0 for k in range(c.ndim))
        stop = tuple(last if k == axis else size for k, size in enumerate(c.shape))
        step = (1,) * c.ndim
        own = g.make("slice", c, start=start, stop=stop, step=step) if needed else None
        cotangents.append(own)
        first = last
    return tuple(cotangents)


define("transpose", _transpose)
define("broadcast", _broadcast)
define("slice", _slice)
define("pad", _pad)
define_whole("concat", _concat)
define(
    "gather",
    lambda c, node, x, indices: g.scatter_add(
        indices, c, x.shape[node.attrs["axis"]], node.attrs["axis"]
    ),
    None,
)
define("scatter_add", None, lambda c, node, indices, x: g.take(c, indices, node.attrs["axis"]))
