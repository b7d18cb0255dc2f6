"""The expression surface, pointwise: NumPy's functions with broadcasting and the type rules."""

from __future__ import annotations

import itertools
import math

from graphc.compiler.graph.expressions.operands import (
    as_node,
    broadcast_together,
    cast,
    float_dtype,
    is_float,
    unify_dtypes,
)
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import make

_serials = itertools.count()


def _arithmetic(op: str, *values: object) -> Node:
    nodes = unify_dtypes(values)
    if nodes[0].dtype == "bool":
        nodes = [cast(node, "int32") for node in nodes]
    return make(op, *broadcast_together(nodes, op))


def _float(op: str, x: object) -> Node:
    node = as_node(x)
    return make(op, cast(node, float_dtype(node.dtype)))


def _compare(op: str, x: object, y: object) -> Node:
    return make(op, *broadcast_together(unify_dtypes([x, y]), op))


def _ordered(op: str, x: object, y: object) -> Node:
    nodes = unify_dtypes([x, y])
    if nodes[0].dtype == "bool":
        nodes = [cast(node, "int32") for node in nodes]
    return make(op, *broadcast_together(nodes, op))


def _logical(op: str, *values: object) -> Node:
    nodes = [as_node(value) for value in values]
    nodes = [node if node.dtype == "bool" else not_equal(node, 0) for node in nodes]
    return make(op, *broadcast_together(nodes, op))


def add(x: object, y: object) -> Node:
    """x + y."""
    return _arithmetic("add", x, y)


def sub(x: object, y: object) -> Node:
    """x - y."""
    return _arithmetic("sub", x, y)


def mul(x: object, y: object) -> Node:
    """x * y."""
    return _arithmetic("mul", x, y)


def div(x: object, y: object) -> Node:
    """x / y; of ints and bools in floatX."""
    nodes = unify_dtypes([x, y])
    dtype = float_dtype(nodes[0].dtype)
    return make("div", *broadcast_together([cast(node, dtype) for node in nodes], "div"))


def floordiv(x: object, y: object) -> Node:
    """floor(x / y), as Python's ``//``. An int by zero gives 0."""
    return _arithmetic("floordiv", x, y)


def mod(x: object, y: object) -> Node:
    """x - y * floor(x / y), as Python's ``%``: the sign is y's. An int by zero gives 0."""
    return _arithmetic("mod", x, y)


def pow(x: object, y: object) -> Node:
    """x to the power y. Of ints an int, so y may not be negative there (the result is 0)."""
    return _arithmetic("pow", x, y)


def maximum(x: object, y: object) -> Node:
    """The larger; NaN if either is. Ties share the gradient evenly."""
    return _arithmetic("maximum", x, y)


def minimum(x: object, y: object) -> Node:
    """The smaller; NaN if either is. Ties share the gradient evenly."""
    return _arithmetic("minimum", x, y)


def clip(x: object, low: object, high: object) -> Node:
    """min(max(x, low), high): `high` wins where low > high. No gradient at or beyond a bound."""
    return _arithmetic("clip", x, low, high)


def alias(x: Node) -> Node:
    """Return x as a node of its own, equal to no other: for values that are distinct though equal.

    The passes put x in its place.
    """
    return make("alias", x, serial=next(_serials))


def stop_gradient(x: object) -> Node:
    """x, which a gradient takes for a constant.

    The passes put x in its place.
    """
    return make("stop_gradient", as_node(x))


def own_batch(x: object) -> Node:
    """x, which is a sum over the batch, or a size of it. Where a step takes its batch in shards,
    each shard has the sum over its own rows, or the size of its own part.

    The passes put x in its place.
    """
    return make("own_batch", as_node(x))


def print_tensor(x: object, message: str = "") -> Node:
    """x, which a function that computes it prints at each call, after the message.

    The passes put x in its place.
    """
    return make("print_tensor", as_node(x), message=str(message))


def neg(x: object) -> Node:
    """-x."""
    return _arithmetic("neg", x)


def abs(x: object) -> Node:
    """The absolute value; its gradient at 0 is 0."""
    return _arithmetic("abs", x)


def sign(x: object) -> Node:
    """-1, 0 or 1 in x's dtype; NaN of NaN."""
    return _arithmetic("sign", x)


def floor(x: object) -> Node:
    """The largest whole number not above x."""
    node = as_node(x)
    return _float("floor", node) if is_float(node.dtype) else node


def ceil(x: object) -> Node:
    """The smallest whole number not below x."""
    return neg(floor(neg(x)))


def round(x: object) -> Node:
    """The nearest whole number, halves to even."""
    node = as_node(x)
    return _float("round", node) if is_float(node.dtype) else node


def exp(x: object) -> Node:
    """e to the x."""
    return _float("exp", x)


def log(x: object) -> Node:
    """The natural logarithm: -inf at 0, NaN below."""
    return _float("log", x)


def log1p(x: object) -> Node:
    """log(1 + x), exact near 0."""
    return _float("log1p", x)


def expm1(x: object) -> Node:
    """exp(x) - 1, exact near 0."""
    return _float("expm1", x)


def sqrt(x: object) -> Node:
    """The square root; NaN below 0."""
    return _float("sqrt", x)


def rsqrt(x: object) -> Node:
    """1 / sqrt(x)."""
    return _float("rsqrt", x)


def tanh(x: object) -> Node:
    """The hyperbolic tangent."""
    return _float("tanh", x)


def sigmoid(x: object) -> Node:
    """1 / (1 + exp(-x))."""
    return _float("sigmoid", x)


def erf(x: object) -> Node:
    """The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return _float("erf", x)


def sin(x: object) -> Node:
    """The sine of x in radians."""
    return _float("sin", x)


def cos(x: object) -> Node:
    """The cosine of x in radians."""
    return _float("cos", x)


def square(x: object) -> Node:
    """x * x."""
    return mul(x, x)


def softplus(x: object) -> Node:
    """log(1 + exp(x)), written max(x, 0) + log1p(exp(-|x|)) so that it never overflows."""
    return add(maximum(x, 0), log1p(exp(neg(abs(x)))))


def equal(x: object, y: object) -> Node:
    """x == y, a bool an element (``==`` between nodes compares identity)."""
    return _compare("equal", x, y)


def not_equal(x: object, y: object) -> Node:
    """x != y, a bool an element."""
    return _compare("not_equal", x, y)


def less(x: object, y: object) -> Node:
    """x < y."""
    return _ordered("less", x, y)


def less_equal(x: object, y: object) -> Node:
    """x <= y."""
    return _ordered("less_equal", x, y)


def greater(x: object, y: object) -> Node:
    """x > y."""
    return _ordered("less", y, x)


def greater_equal(x: object, y: object) -> Node:
    """x >= y."""
    return _ordered("less_equal", y, x)


def logical_and(x: object, y: object) -> Node:
    """Both are true (not 0)."""
    return _logical("logical_and", x, y)


def logical_or(x: object, y: object) -> Node:
    """One or both are true (not 0)."""
    return _logical("logical_or", x, y)


def logical_xor(x: object, y: object) -> Node:
    """Exactly one is true (not 0)."""
    return _logical("logical_xor", x, y)


def logical_not(x: object) -> Node:
    """It is false (0)."""
    return _logical("logical_not", x)


def where(condition: object, yes: object, no: object) -> Node:
    """`yes` where the condition is true (not 0), else `no`."""
    chosen = as_node(condition)
    chosen = chosen if chosen.dtype == "bool" else not_equal(chosen, 0)
    return make("where", *broadcast_together([chosen, *unify_dtypes([yes, no])], "where"))


def isnan(x: object) -> Node:
    """x is NaN."""
    node = as_node(x)
    return not_equal(node, node)


def isfinite(x: object) -> Node:
    """x is neither NaN nor infinite."""
    return less(abs(x), math.inf)
