"""Reverse-mode differentiation: a table of rules, one an op, and a walk.

``grad(loss, wrt)`` is the API. Every op is in exactly one of `RULES`, `NON_DIFFERENTIABLE` and
`LEAVES`.
"""

from graphc.compiler.grad import (  # noqa: F401  (each module adds its rows to the table)
    contraction,
    movement,
    pointwise,
    reduce,
    scan,
    windows,
)
from graphc.compiler.grad.gradient import grad
from graphc.compiler.grad.table import LEAVES, NON_DIFFERENTIABLE, RULES

__all__ = ["LEAVES", "NON_DIFFERENTIABLE", "RULES", "grad"]
