"""Multiply by a reciprocal that is computed once instead of dividing each element.

    x / broadcast(y)  ->  x * broadcast(1 / y)

A division takes several times as long as a product, on a CPU as on a GPU. Behind the passes that
recognise quotients (the logarithm of a softmax), and only where 1 / y is a normal number whenever y
is one: there x / y and x * (1 / y) differ by one rounding more, and in nothing else. So the divisor
is a square root, of which nothing but zero is below 2^-75, at most with a constant added, or the
sum of a softmax, which is at least 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler import graph as g
from graphc.compiler.graph import Node, ops_with
from graphc.compiler.passes.constants import scalar_value
from graphc.compiler.passes.reduce_rules import reduced_along
from graphc.compiler.passes.rewrite import index_rules, rewrite

_FORMATS = frozenset({"float32", "float64"})
"""Those in which the reciprocal of a sum of up to 2^126 numbers of at most 1 is a normal number."""

_MOVES = ops_with(lambda traits: traits.is_view)

_MOST_ADDED = 1e18
"""The most that is added to a root, which is below 2^64; its reciprocal is the least."""


def hoist_reciprocals(outputs: Sequence[Node]) -> list[Node]:
    """Return the outputs with products for divisions by what is broadcast."""
    return rewrite(outputs, _RULES)


def _by_reciprocal(node: Node) -> Node | None:
    """x / broadcast(y) = x * broadcast(1 / y), where 1 / y is a normal number"""
    numerator, divisor = node.inputs
    if node.dtype not in _FORMATS or divisor.op != "broadcast":
        return None
    (fewer,) = divisor.inputs
    if not (_is_root(fewer) or _is_sum_of_softmax(divisor)):
        return None
    inverse = g.make("broadcast", _reciprocal(fewer), **divisor.attrs)
    return g.make("mul", numerator, inverse)


def _reciprocal(x: Node) -> Node:
    if x.op in _MOVES:
        return g.make(x.op, _reciprocal(x.inputs[0]), **x.attrs)
    return g.rsqrt(x.inputs[0]) if x.op == "sqrt" else g.div(g.constant(1, x.dtype), x)


def _is_root(x: Node) -> bool:
    """Return True for a square root, or one and a positive constant."""
    x = _behind_moves(x)
    if x.op == "add":
        return any(
            _is_small_and_positive(constant) and _behind_moves(root).op == "sqrt"
            for root, constant in (x.inputs, x.inputs[::-1])
        )
    return x.op == "sqrt"


def _is_small_and_positive(x: Node) -> bool:
    number = scalar_value(x)
    return number is not None and 1 / _MOST_ADDED < number < _MOST_ADDED


def _is_sum_of_softmax(divisor: Node) -> bool:
    """Return True for sum(exp(z - max(z))), of which one term at least is 1."""
    weights, axes = reduced_along("sum", divisor) or (None, ())
    if weights is None or weights.op != "exp" or weights.inputs[0].op != "sub":
        return False
    z, largest = weights.inputs[0].inputs
    return reduced_along("max", largest) == (z, axes)


def _behind_moves(x: Node) -> Node:
    while x.op in _MOVES:
        x = x.inputs[0]
    return x


_RULES = index_rules([("div", _by_reciprocal)])
