"""simplify: the same values by less work.

Values stay as they were to rounding wherever they were finite; `x - x` and `x * 0` stay because of
NaN. What an identity would do to a NaN or an infinity that was there before is left open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import Node, ops_with
from graphc.compiler.passes.constants import STRETCHED, any_constant, scalar_value
from graphc.compiler.passes.match import Rewrite, operations, variables
from graphc.compiler.passes.movement_rules import MOVEMENT_RULES
from graphc.compiler.passes.reduce_rules import REDUCE_RULES
from graphc.compiler.passes.rewrite import index_rules, rewrite


def _is_float(node: Node) -> bool:
    return g.is_float(node.dtype)


def _is_size(node: Node) -> bool:
    """At least 1 and not infinite, so that it cancels."""
    number = scalar_value(node)
    if number is not None:
        return 1 <= number < math.inf
    while node.op in STRETCHED:
        node = node.inputs[0]
    return node.op == "dim"


x, y, condition = variables("x y condition")
(real,) = variables("real", _is_float)
(signed,) = variables("signed", lambda node: node.dtype != "uint32")
(size,) = variables("size", _is_size)
abs, equal, exp, log, maximum, minimum, neg, rsqrt, sqrt, where = operations(
    "abs equal exp log maximum minimum neg rsqrt sqrt where"
)

ROWS = [
    Rewrite(x + 0, x),
    Rewrite(x - 0, x),
    Rewrite(0 - x, -x),
    Rewrite(x * 1, x),
    Rewrite(x * -1, -x),
    Rewrite(x / 1, x),
    Rewrite(x / -1, -x),
    Rewrite(neg(neg(x)), x),
    Rewrite(-(x - y), y - x),
    Rewrite(x + -y, x - y),
    Rewrite(x - -y, x + y),
    Rewrite(-x * y, -(x * y)),
    Rewrite(-x / y, -(x / y)),
    Rewrite(x / -y, -(x / y)),
    Rewrite(x * size / size, x),
    Rewrite(x / size * size, x),
    Rewrite(x**0, 1),
    Rewrite(x**1, x),
    Rewrite(x**2, x * x),
    Rewrite(x**3, x * x * x),
    Rewrite(real**-1, 1 / real),
    # The square root of -inf is NaN, its power of one half inf.
    Rewrite(real**0.5, where(equal(real, -math.inf), math.inf, sqrt(real))),
    Rewrite(real**-0.5, where(equal(real, -math.inf), 0.0, rsqrt(real))),
    Rewrite(maximum(x, x), x),
    Rewrite(minimum(x, x), x),
    Rewrite(abs(abs(x)), abs(x)),
    Rewrite(abs(-signed), abs(signed)),
    Rewrite(log(exp(x)), x),
    Rewrite(where(True, x, y), x),
    Rewrite(where(False, x, y), y),
    Rewrite(where(condition, x, x), x),
    Rewrite(where(~condition, x, y), where(condition, y, x)),
    Rewrite(~(~x), x),
    Rewrite(x & True, x),
    Rewrite(x & False, False),
    Rewrite(x | True, True),
    Rewrite(x | False, x),
    Rewrite(x ^ True, ~x),
    Rewrite(x ^ False, x),
    Rewrite(x & x, x),
    Rewrite(x | x, x),
    Rewrite(x ^ x, False),
]


def _combine_factors(node: Node) -> object:
    """(x * a) * b = x * (a b), where no product leaves the range of normal numbers"""
    for product, last in (node.inputs, node.inputs[::-1]):
        if product.op != "mul" or not any_constant(last):
            continue
        for factor, rest in (product.inputs, product.inputs[::-1]):
            if any_constant(factor) and not any_constant(rest):
                kind = np.dtype(node.dtype).type
                with np.errstate(all="ignore"):
                    combined = kind(scalar_value(factor)) * kind(scalar_value(last))
                if _is_normal(combined, node.dtype):
                    return g.mul(rest, g.constant(combined, node.dtype))
    return None


def _is_normal(number: np.generic, dtype: str) -> bool:
    if not g.is_float(dtype):
        return True
    return bool(np.isfinite(number) and np.abs(number) >= np.finfo(dtype).tiny)


def _divide_by_power_of_two(node: Node) -> object:
    """x / 2^k = x * 2^-k, which is exact"""
    numerator, divisor = node.inputs
    number = scalar_value(divisor)
    if not number or not math.isfinite(number) or math.frexp(number)[0] not in (0.5, -0.5):
        return None
    inverse = 1.0 / number
    if not _is_normal(np.dtype(node.dtype).type(inverse), node.dtype):
        return None
    return g.mul(numerator, inverse)


def _add_negated_broadcast(node: Node) -> object:
    """x + broadcast(-y) = x - broadcast(y)"""
    for term, other in (node.inputs, node.inputs[::-1]):
        if term.op == "broadcast" and term.inputs[0].op == "neg":
            positive = g.make("broadcast", term.inputs[0].inputs[0], **term.attrs)
            return g.sub(other, positive)
    return None


def _without_mark(node: Node) -> Node:
    """Replace a mark of x by x: marks are read before the passes run. An alias, which
    distinguishes values of layers, is not read by a gradient either."""
    return node.inputs[0]


_FOR_GRADIENT = index_rules(
    ((row.pattern.op, row) for row in ROWS),
    [
        ("alias", _without_mark),
        ("mul", _combine_factors),
        ("div", _divide_by_power_of_two),
        ("add", _add_negated_broadcast),
    ],
    REDUCE_RULES,
    MOVEMENT_RULES,
)
_MARKS = ops_with(lambda traits: traits.identity)
_RULES = {**_FOR_GRADIENT, **dict.fromkeys(_MARKS, (_without_mark,))}


def simplify(outputs: Sequence[Node]) -> list[Node]:
    """The outputs by fewer and cheaper nodes, equal to rounding wherever they were finite."""
    return rewrite(outputs, _RULES)


def simplify_differentiable(outputs: Sequence[Node]) -> list[Node]:
    """`simplify`, but for the marks that a gradient reads."""
    return rewrite(outputs, _FOR_GRADIENT)


_DECISIONS = index_rules((row.pattern.op, row) for row in ROWS if row.pattern.op == "where")


def decide(outputs: Sequence[Node]) -> list[Node]:
    """The outputs without the branches that a known condition does not take."""
    return rewrite(outputs, _DECISIONS)
