"""Gradients of reductions. c is the cotangent, in the shape without the reduced axes."""

from __future__ import annotations

from graphc.compiler import graph as g
from graphc.compiler.grad.table import define
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import product


def _spread(reduced: Node, x: Node, axes: tuple[int, ...]) -> Node:
    """Repeat a value that lacks the reduced axes along them: in x's shape."""
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    return g.make("broadcast", reduced, shape=x.shape, axes=kept)


def _to_first(c: Node, x: Node, axes: tuple[int, ...], position: Node) -> Node:
    """Return c where x's position in the reduced axes, in C order, is `position`; else 0."""
    sizes = [x.shape[axis] for axis in axes]
    positions = g.reshape(g.iota(product(sizes)), sizes)
    positions = g.make("broadcast", positions, shape=x.shape, axes=axes)
    return g.where(g.equal(positions, _spread(position, x, axes)), _spread(c, x, axes), 0.0)


def _max(c: Node, node: Node, x: Node) -> Node:
    axes = node.attrs["axes"]
    return _to_first(c, x, axes, g.argmax(x, axes))


def _min(c: Node, node: Node, x: Node) -> Node:
    axes = node.attrs["axes"]
    return _to_first(c, x, axes, g.argmin(x, axes))


def _products_before(factors: Node, reverse: bool) -> Node:
    """For each slice along axis 0 the product of those before it (after it, if reversed)."""
    ones = g.full(factors.shape[1:], 1.0, factors.dtype)
    _, (before,) = g.scan(
        lambda carries, slices: ((carries[0] * slices[0],), (carries[0],)),
        init=[ones],
        sequences=[factors],
        reverse=reverse,
    )
    return before


def _prod(c: Node, node: Node, x: Node) -> Node:
    """c times the product of the others, made without a division: right with any zeros in x."""
    if 0 in x.shape:
        return g.zeros(x.shape, x.dtype)
    axes = node.attrs["axes"]
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    order = [*axes, *kept]
    moved = g.transpose(x, order)
    factors = g.reshape(moved, (product(moved.shape[: len(axes)]), *moved.shape[len(axes) :]))
    others = _products_before(factors, reverse=False) * _products_before(factors, reverse=True)
    others = g.reshape(others, moved.shape)
    others = g.transpose(others, [order.index(axis) for axis in range(x.ndim)])
    return _spread(c, x, axes) * others


define("sum", lambda c, node, x: _spread(c, x, node.attrs["axes"]))
define("max", _max)
define("min", _min)
define("prod", _prod)
