"""The table of vector-Jacobian products, one row an op.

With y = op(x_1, ..., x_n) and a scalar loss L, the cotangent of a node v is dL/dv, in v's shape. A
row takes y's cotangent to the cotangents of the inputs. Rows are written in the expression surface,
so they can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from graphc.compiler.graph import Node, ops_with

# A Node; of a scan, the one tuple-valued node, a tuple: one for each of its items, None where none
# arrives. Each rule knows which of the two it gets.
Cotangent: TypeAlias = Any

# rule(cotangent, node, wanted): for each input its cotangent, or None where none is wanted
# (`wanted[k]` is False) or none flows.
Rule = Callable[[Cotangent, Node, Sequence[bool]], tuple[Cotangent | None, ...]]

RULES: dict[str, Rule] = {}

NON_DIFFERENTIABLE = ops_with(lambda traits: not traits.has_gradient)
"""Ops at which a gradient stops."""

LEAVES = ops_with(lambda traits: traits.supplied)
"""Ops at which a gradient ends, since they have no inputs to pass it to."""


def define(op: str, *by_input: Callable[..., Node] | None) -> None:
    """Add a row with one function an input, or None for an input that only chooses.

    Each is ``f(cotangent, node, *inputs)`` and gives that input's cotangent.
    """

    def rule(cotangent: Cotangent, node: Node, wanted: Sequence[bool]) -> tuple[Node | None, ...]:
        return tuple(
            pull(cotangent, node, *node.inputs) if needed and pull is not None else None
            for pull, needed in zip(by_input, wanted, strict=True)
        )

    define_whole(op, rule)


def define_whole(op: str, rule: Rule) -> None:
    """Add a row that gives the cotangents of all inputs at once."""
    assert op not in RULES, op
    RULES[op] = rule
