"""stabilize: identities whose right side survives where the left overflows or cancels.

Keras' clip stays: log(clip(p, low, high)) has no gradient where p was clipped, and keeps none.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.passes.match import Rewrite, operations, variables
from graphc.compiler.passes.movement_rules import lift_broadcast
from graphc.compiler.passes.rewrite import index_rules, rewrite


def _may_be_positive(node: Node) -> bool:
    """Not -|x|, whose exponential cannot overflow: softplus itself is written with it."""
    return not (node.op == "neg" and node.inputs[0].op == "abs")


x, y, z = variables("x y z")
(t,) = variables("t", _may_be_positive)
exp, expm1, log, log1p, rsqrt, sigmoid, softplus, sqrt = operations(
    "exp expm1 log log1p rsqrt sigmoid softplus sqrt"
)

ROWS = [
    # log(1 / (1 + e^-x)) = -log(1 + e^-x)
    Rewrite(log(sigmoid(x)), -softplus(-x)),
    # log(1 - 1 / (1 + e^-x)) = -log(1 + e^x)
    Rewrite(log(1 - sigmoid(x)), -softplus(x)),
    Rewrite(log1p(-sigmoid(x)), -softplus(x)),
    # log(1 + e^t) = max(t, 0) + log1p(e^-|t|)
    Rewrite(log(1 + exp(t)), softplus(t)),
    Rewrite(log1p(exp(t)), softplus(t)),
    # log(1 + x) = log1p(x)
    Rewrite(log(1 + x), log1p(x)),
    Rewrite(log(1 - x), log1p(-x)),
    # log(e^z / y) = z - log(y); with y = sum(e^z) the logarithm of a softmax
    Rewrite(log(exp(z) / y), z - log(y)),
    # e^x - 1 = expm1(x)
    Rewrite(exp(x) - 1, expm1(x)),
    Rewrite(exp(x) + -1, expm1(x)),
    Rewrite(1 - exp(x), -expm1(x)),
    # 1 / (1 + e^-x) = sigmoid(x)
    Rewrite(1 / (1 + exp(-x)), sigmoid(x)),
    Rewrite(1 / (1 + exp(x)), sigmoid(-x)),
    Rewrite(exp(x) / (1 + exp(x)), sigmoid(x)),
    # 1 / x^(1/2) = x^(-1/2)
    Rewrite(1 / sqrt(x), rsqrt(x)),
]


def _log_of_sum_of_exponentials(node: Node) -> object:
    """log(sum(e^z)) = m + log(sum(e^(z - m))), m = max(z)."""
    total = node.inputs[0]
    if total.op != "sum" or total.inputs[0].op != "exp":
        return None
    exponent, axes = total.inputs[0].inputs[0], total.attrs["axes"]
    return None if _is_shifted(exponent, axes) else g.logsumexp(exponent, axes)


def _is_shifted(exponent: Node, axes: tuple[int, ...]) -> bool:
    """The exponent is z - max(z) already."""
    if exponent.op != "sub":
        return False
    z, largest = exponent.inputs
    while largest.op in ("broadcast", "reshape", "clip"):
        largest = largest.inputs[0]
    return largest.op == "max" and largest.inputs[0] is z and largest.attrs["axes"] == axes


def _log_before_movement(node: Node) -> object:
    """log(reshape(x)) = reshape(log(x)), so that the rows above see what x is."""
    x = node.inputs[0]
    if x.op not in ("reshape", "transpose"):
        return None
    return g.make(x.op, g.log(x.inputs[0]), **x.attrs)


_RULES = index_rules(
    ((row.pattern.op, row) for row in ROWS),
    [
        ("log", _log_of_sum_of_exponentials),
        ("log", _log_before_movement),
        ("log", lift_broadcast),
    ],
)


def stabilize(outputs: Sequence[Node]) -> list[Node]:
    """The outputs, finite also where a step on the way to them overflowed or cancelled."""
    return rewrite(outputs, _RULES)
