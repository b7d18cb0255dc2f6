"""Move arithmetic on the gradient of a max pooling before its unpooling: once for each window
instead of once for each element.

In the result of `max_unpool` all but one element of each window are zeros. If windows do not
overlap, arithmetic that maps zeros to zeros moves before it:

    max_unpool(p, y) * m          ->  max_unpool(p, y * gather_pool(p, m))   if m is finite
    where(c, max_unpool(p, y), 0) ->  max_unpool(p, where(gather_pool(p, c), y, 0))
    sum(max_unpool(p, y))         ->  sum(y)                                 over all spatial axes

So the masks of dropout and relu are needed only at the maxima. The forward pass gathers them when
it finds the maximum, and the backward pass reads nothing of the size of the pooling's input.
Transposes in between are followed. If the argmax is computed anyway, the maximum is gathered, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import Node, ops_with
from graphc.compiler.passes.constants import scalar_value
from graphc.compiler.passes.rewrite import index_rules, rewrite

# Ops whose elements are those of the input, at most of another type or with another sign.
_SAME_MAGNITUDE = ops_with(lambda traits: traits.is_view) | {"cast", "neg", "abs"}
_LARGEST = {"bool": 1.0, "int32": 2.0**31, "uint32": 2.0**32, "int64": 2.0**63}


def narrow_pooling(outputs: Sequence[Node]) -> list[Node]:
    """Return the outputs with less arithmetic on results of `max_unpool`."""
    return _with_gathered_maxima(rewrite(outputs, _RULES))


class _Unpooling:
    """A `max_unpool` whose result is read through transposes.

    Attributes:
        node: the `max_unpool`.
        order: the order of its axes in the transposed value.
    """

    def __init__(self, node: Node, order: tuple[int, ...]):
        self.node = node
        self.order = order

    def has_same_positions(self, other: _Unpooling) -> bool:
        """Return True if both write their values to the same elements."""
        mine, theirs = self.node, other.node
        same = mine.inputs[0] is theirs.inputs[0] and _windows(mine) == _windows(theirs)
        return same and self.order == other.order

    def at_argmax(self, x: Node) -> Node:
        """Return the elements of a value of the result's shape at each window's argmax."""
        number = scalar_value(x)
        argmax = self.node.inputs[0]
        if number is not None:
            return g.full(argmax.shape, number, x.dtype)
        inverse = [self.order.index(axis) for axis in range(len(self.order))]
        attrs = {name: self.node.attrs[name] for name in ("window", "strides", "padding")}
        return g.make("gather_pool", argmax, g.transpose(x, inverse), **attrs)

    def unpool(self, values: Node) -> Node:
        """Return the unpooling of other values, one for each window, transposed in the same way."""
        unpooled = g.make("max_unpool", self.node.inputs[0], values, **self.node.attrs)
        return g.transpose(unpooled, self.order)


def _windows(node: Node) -> tuple[Any, ...]:
    return tuple(node.attrs[name] for name in ("window", "strides", "padding"))


def _unpooling_of(node: Node) -> _Unpooling | None:
    """Return the unpooling that a node transposes, or None."""
    order = tuple(range(node.ndim))
    while node.op == "transpose":
        order = tuple(node.attrs["order"][axis] for axis in order)
        node = node.inputs[0]
    return _Unpooling(node, order) if node.op == "max_unpool" else None


def _narrow(node: Node) -> Node | None:
    unpoolings = [_unpooling_of(x) for x in node.inputs]
    first = next((found for found in unpoolings if found is not None), None)
    if first is None or not _are_disjoint(first.node):
        return None
    alike = [found is not None and first.has_same_positions(found) for found in unpoolings]
    if not _MAPS_ZEROS_TO_ZEROS[node.op](node, alike):
        return None
    operands = [
        found.node.inputs[1] if same and found is not None else first.at_argmax(x)
        for x, found, same in zip(node.inputs, unpoolings, alike, strict=True)
    ]
    return first.unpool(g.make(node.op, *operands, **node.attrs))


def _are_disjoint(unpool: Node) -> bool:
    pairs = zip(unpool.attrs["window"], unpool.attrs["strides"], strict=True)
    return all(extent <= stride for extent, stride in pairs)


def _product_stays(node: Node, alike: Sequence[bool]) -> bool:
    return all(same or _bound(x) < math.inf for x, same in zip(node.inputs, alike, strict=True))


def _quotient_stays(node: Node, alike: Sequence[bool]) -> bool:
    divisor = scalar_value(node.inputs[1])
    return alike[0] and divisor is not None and divisor != 0 and math.isfinite(divisor)


def _choice_stays(node: Node, alike: Sequence[bool]) -> bool:
    pairs = zip(node.inputs[1:], alike[1:], strict=True)
    return all(same or scalar_value(x) == 0 for x, same in pairs)


def _all_alike(node: Node, alike: Sequence[bool]) -> bool:
    return all(alike)


# For each op, a predicate: the result is zero wherever the operands that are unpooled to the same
# positions are zero.
_MAPS_ZEROS_TO_ZEROS = {
    "neg": _all_alike,
    "add": _all_alike,
    "sub": _all_alike,
    "mul": _product_stays,
    "div": _quotient_stays,
    "where": _choice_stays,
}


def _bound(node: Node, depth: int = 8) -> float:
    """Return an upper bound of the magnitude of a node's elements; inf if none is found within
    `depth` nodes."""
    if depth == 0:
        return math.inf
    if node.dtype in _LARGEST:
        return _LARGEST[node.dtype]
    if node.op == "constant":
        largest = float(np.max(np.abs(node.attrs["value"]), initial=0.0))
        return largest if largest <= float(np.finfo(node.dtype).max) else math.inf  # NaN too
    if node.op in _SAME_MAGNITUDE:
        bound = _bound(node.inputs[0], depth - 1)
    elif node.op == "where":
        bound = max(_bound(x, depth - 1) for x in node.inputs[1:])
    elif node.op == "mul":
        bound = math.prod(_bound(x, depth - 1) for x in node.inputs)
    else:
        return math.inf
    return bound if bound <= float(np.finfo(node.dtype).max) else math.inf


def _sum(node: Node) -> Node | None:
    found = _unpooling_of(node.inputs[0])
    if found is None:
        return None
    axes = node.attrs["axes"]
    kept = [k for axis, k in enumerate(found.order) if axis not in axes]
    if any(k > 1 for k in kept):
        return None
    return g.make("sum", g.transpose(found.node.inputs[1], found.order), axes=axes)


def _gather_pool(node: Node) -> Node | None:
    """Rewrite a gather from a value that is constant over each channel to that value: any element
    will do."""
    argmax, x = node.inputs
    if x.op != "broadcast" or any(axis > 1 for axis in x.attrs["axes"]):
        return None
    return g.make("broadcast", x.inputs[0], shape=argmax.shape, axes=x.attrs["axes"])


_RULES = index_rules(
    ((op, _narrow) for op in _MAPS_ZEROS_TO_ZEROS),
    [("sum", _sum), ("gather_pool", _gather_pool)],
)


def _with_gathered_maxima(outputs: Sequence[Node]) -> list[Node]:
    """max_pool(x) -> gather_pool(argmax_pool(x), x), if a program computes the argmax anyway."""
    order = g.toposort(outputs)
    located = {(x.inputs[0], _windows(x)) for x in order if x.op == "argmax_pool"}
    if not located:
        return list(outputs)
    new: dict[Node, Node] = {}
    for node in order:
        inputs = tuple(new[x] for x in node.inputs)
        if node.op == "max_pool" and (node.inputs[0], _windows(node)) in located:
            with g.origin(g.origin_of(node)):
                argmax = g.make("argmax_pool", *inputs, **node.attrs)
                made = g.make("gather_pool", argmax, *inputs, **node.attrs)
        else:
            made = g.remake(node, inputs)
        new[node] = g.inherit(made, node)
    return [new[node] for node in outputs]
