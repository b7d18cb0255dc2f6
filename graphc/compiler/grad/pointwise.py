"""Gradients of pointwise ops: textbook derivatives. c is the cotangent, z the op's own value."""

from __future__ import annotations

import math

from graphc.compiler import graph as g
from graphc.compiler.grad.table import define
from graphc.compiler.graph import Node

define("add", lambda c, z, x, y: c, lambda c, z, x, y: c)
define("sub", lambda c, z, x, y: c, lambda c, z, x, y: -c)
define("mul", lambda c, z, x, y: c * y, lambda c, z, x, y: c * x)
define("div", lambda c, z, x, y: c / y, lambda c, z, x, y: -(c * z / y))
define("mod", lambda c, z, x, y: c, lambda c, z, x, y: -(c * g.floordiv(x, y)))
define("alias", lambda c, z, x: c)
define("print_tensor", lambda c, z, x: c)
define("own_batch", lambda c, z, x: g.own_batch(c))
define("neg", lambda c, z, x: -c)
define("abs", lambda c, z, x: c * g.sign(x))
define("exp", lambda c, z, x: c * z)
define("expm1", lambda c, z, x: c * (z + 1.0))
define("log", lambda c, z, x: c / x)
define("log1p", lambda c, z, x: c / (x + 1.0))
define("sqrt", lambda c, z, x: c * 0.5 / z)
define("rsqrt", lambda c, z, x: c * -0.5 * z / x)
define("tanh", lambda c, z, x: c * (1.0 - z * z))
define("sigmoid", lambda c, z, x: c * z * (1.0 - z))
define("erf", lambda c, z, x: c * (2.0 / math.sqrt(math.pi)) * g.exp(-(x * x)))
define("sin", lambda c, z, x: c * g.cos(x))
define("cos", lambda c, z, x: -(c * g.sin(x)))
define("cast", lambda c, z, x: g.cast(c, x.dtype))
define(
    "where",
    None,
    lambda c, z, chosen, yes, no: g.where(chosen, c, 0.0),
    lambda c, z, chosen, yes, no: g.where(chosen, 0.0, c),
)


def _to_base(c: Node, z: Node, x: Node, y: Node) -> Node:
    """y x^(y-1), which is 0 where y is 0, even at x = 0."""
    return c * y * g.pow(x, g.where(g.equal(y, 0.0), 1.0, y - 1.0))


def _to_exponent(c: Node, z: Node, x: Node, y: Node) -> Node:
    """x^y log(x), taken as 0 where x is 0."""
    at_zero = g.equal(x, 0.0)
    return g.where(at_zero, 0.0, c * z * g.log(g.where(at_zero, 1.0, x)))


define("pow", _to_base, _to_exponent)


def _to_winner(c: Node, wins: Node, ties: Node) -> Node:
    """All to the one that is taken, half where both are equal."""
    return g.where(wins, c, g.where(ties, c * 0.5, 0.0))


define(
    "maximum",
    lambda c, z, x, y: _to_winner(c, g.less(y, x), g.equal(x, y)),
    lambda c, z, x, y: _to_winner(c, g.less(x, y), g.equal(x, y)),
)
define(
    "minimum",
    lambda c, z, x, y: _to_winner(c, g.less(x, y), g.equal(x, y)),
    lambda c, z, x, y: _to_winner(c, g.less(y, x), g.equal(x, y)),
)


def _inside(low: Node, x: Node, high: Node) -> Node:
    return g.logical_and(g.less(low, x), g.less(x, high))


# The value too shows whether x is between the bounds, and is often kept for others anyway. What is
# no gradient of x belongs to the bound that is the value; `high` wins where both are.
define(
    "clip",
    lambda c, z, x, low, high: g.where(_inside(low, z, high), c, 0.0),
    lambda c, z, x, low, high: g.where(
        g.logical_and(g.less_equal(x, low), g.less(low, high)), c, 0.0
    ),
    lambda c, z, x, low, high: g.where(g.less_equal(high, g.maximum(x, low)), c, 0.0),
)
