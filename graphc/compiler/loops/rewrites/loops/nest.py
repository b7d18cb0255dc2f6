"""Perfect nests: loops that do nothing but another loop."""

from __future__ import annotations

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import For, If, Statement
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Condition


def only_loop_of(
    program: LoopProgram, rewrite: str, outer: For, inner: str
) -> tuple[For, tuple[Condition, ...]]:
    """Return the loop that is all that another one does, and the tests between them."""
    body = outer.body
    conditions: tuple[Condition, ...] = ()
    while len(body) == 1:
        (only,) = body
        if isinstance(only, For) and only.variable.name == inner:
            return only, conditions
        if not isinstance(only, If) or only.otherwise:
            break
        conditions, body = (*conditions, *only.conditions), only.body
    where = f"the loop {outer.variable.name!r}"
    expected = f"that the loop {inner!r} is all that it does"
    raise refused(program, rewrite, where, expected, _described(body))


def _described(body: tuple[Statement, ...]) -> str:
    lines = [head_line(one) for one in body]
    return "; ".join(lines)
