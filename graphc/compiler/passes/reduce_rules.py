"""Rules of simplify for reductions: reduce less, once, and never what is known to be 1."""

from __future__ import annotations

from graphc.compiler import graph as g
from graphc.compiler.graph import OPS, Node
from graphc.compiler.graph.dim import minimum_value, product
from graphc.compiler.graph.expressions.reduce import element_count
from graphc.compiler.passes.constants import scalar_value
from graphc.compiler.passes.match import Rule

# Their gradient goes to the first of ties, so the order of the elements has to stay.
_ORDERED = frozenset({"max", "min"})

_NESTING = [name for name, op in OPS.items() if op.traits.nests]


def _over(op: str, x: Node, axes: list[int]) -> Node:
    return g.make(op, x, axes=tuple(sorted(axes))) if axes else x


def _nested(node: Node) -> Node | None:
    """sum(sum(x, a), b) = sum(x, a and b)"""
    (x,) = node.inputs
    if x.op != node.op:
        return None
    inner = x.inputs[0]
    left = [axis for axis in range(inner.ndim) if axis not in x.attrs["axes"]]
    outer = [left[axis] for axis in node.attrs["axes"]]
    if node.op in _ORDERED and max(outer, default=0) > min(x.attrs["axes"], default=0):
        return None
    return _over(node.op, inner, [*x.attrs["axes"], *outer])


def _of_single(node: Node) -> Node | None:
    """Along an axis of size 1 there is nothing to reduce."""
    (x,), axes = node.inputs, node.attrs["axes"]
    single = [axis for axis in axes if x.shape[axis] == 1]
    if not single and axes:
        return None
    kept = [axis for axis in range(x.ndim) if axis not in single]
    squeezed = g.reshape(x, [x.shape[axis] for axis in kept])
    return _over(node.op, squeezed, [kept.index(axis) for axis in axes if axis not in single])


def _of_broadcast(node: Node) -> Node | None:
    """sum(broadcast(x)) = n * sum(x); of the others the repeats change nothing."""
    (x,), axes = node.inputs, node.attrs["axes"]
    if x.op != "broadcast" or node.op == "prod":
        return None
    source, positions = x.inputs[0], x.attrs["axes"]
    repeated = [axis for axis in axes if axis not in positions]
    count = product(x.shape[axis] for axis in repeated)
    if not repeated or (minimum_value(count) or 0) < 1:
        return None
    reduced = _over(
        node.op, source, [k for k, position in enumerate(positions) if position in axes]
    )
    if node.op == "sum":
        reduced = g.mul(reduced, element_count(x, tuple(repeated), node.dtype))
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    placed = tuple(kept.index(position) for position in positions if position not in axes)
    if len(placed) == node.ndim:
        return reduced
    return g.make("broadcast", reduced, shape=node.shape, axes=placed)


def _of_moved(node: Node) -> Node | None:
    """The order of the elements does not matter: reduce before they are moved."""
    (x,), axes = node.inputs, node.attrs["axes"]
    if x.op == "reshape" and len(axes) == x.ndim:
        return _over(node.op, x.inputs[0], [*range(x.inputs[0].ndim)])
    if x.op == "flip" and node.op not in _ORDERED and set(x.attrs["axes"]) <= set(axes):
        return _over(node.op, x.inputs[0], [*axes])
    if x.op != "transpose":
        return None
    order = x.attrs["order"]
    reduced_axes = [order[axis] for axis in axes]
    if node.op in _ORDERED and reduced_axes != sorted(reduced_axes):
        return None
    kept = [order[axis] for axis in range(x.ndim) if axis not in axes]
    reduced = _over(node.op, x.inputs[0], reduced_axes)
    return g.transpose(reduced, [sorted(kept).index(axis) for axis in kept])


def _of_negated(node: Node) -> Node | None:
    """sum(-x) = -sum(x)"""
    (x,) = node.inputs
    return g.neg(_over("sum", x.inputs[0], [*node.attrs["axes"]])) if x.op == "neg" else None


def reduced_along(op: str, node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """(x, axes) of a node that is a reduction of x over axes, as sum(x, axes), stretched back to
    x's shape, else None."""
    if node.op != "broadcast" or node.inputs[0].op != op:
        return None
    (reduced,) = node.inputs
    (x,), axes = reduced.inputs, reduced.attrs["axes"]
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    return (x, axes) if node.attrs["axes"] == kept and node.shape == x.shape else None


def _renormalised(node: Node) -> Node | None:
    """p / sum(p) = p where p is e / sum(e) along the same axes, as a softmax is.

    The sum alone is not replaced by 1: it is NaN where p is.
    """
    p, total = node.inputs
    if p.op != "div":
        return None
    again, once = reduced_along("sum", _unguarded(total)), reduced_along("sum", p.inputs[1])
    if again is None or once is None:
        return None
    return p if (again[0], once[0]) == (p, p.inputs[0]) and again[1] == once[1] else None


def _unguarded(node: Node) -> Node:
    """t of broadcast(where(t == 0, 1, t)), which keeps a division from 0 / 0, as broadcast(t)."""
    if node.op != "broadcast" or node.inputs[0].op != "where":
        return node
    condition, yes, no = node.inputs[0].inputs
    if condition.op != "equal" or scalar_value(yes) != 1:
        return node
    at_zero = any(
        left is no and scalar_value(right) == 0
        for left, right in (condition.inputs, condition.inputs[::-1])
    )
    return g.make("broadcast", no, **node.attrs) if at_zero else node


REDUCE_RULES: list[tuple[str, Rule]] = [
    *((op, rule) for op in _NESTING for rule in (_nested, _of_single, _of_moved)),
    *((op, _of_broadcast) for op in _NESTING),
    ("sum", _of_negated),
    ("div", _renormalised),
]
