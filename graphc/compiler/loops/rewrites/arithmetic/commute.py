"""Commute: the factors of a product that is added up change places.

for k < n:                                    for k < n:
  s0[] = sum(s0[], mul(x0[k], x1[i, k]))        s0[] = sum(s0[], mul(x1[i, k], x0[k]))

The bits of a product do not depend on the order of its factors.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.statement import Accumulate, Statement
from graphc.compiler.loops.value import Apply

_REWRITE = "commute"


def commute(program: LoopProgram, loop: str) -> LoopProgram:
    """Let the factors of the products that the statements of a loop's body add up change places.

    Args:
        program: the program.
        loop: the variable of a loop whose own statements add products.
    """
    found = loop_of(program, _REWRITE, loop)
    body = tuple(map(_commuted, found.body))
    if all(one is other for one, other in zip(body, found.body, strict=True)):
        where = f"the loop {loop!r}"
        raise refused(program, _REWRITE, where, "a body that adds products", "none")
    return program.with_loop(loop, lambda one: (replace(one, body=body),))


def _commuted(statement: Statement) -> Statement:
    value = statement.values[0] if isinstance(statement, Accumulate) else None
    if not isinstance(statement, Accumulate) or not isinstance(value, Apply) or value.op != "mul":
        return statement
    product = replace(value, operands=value.operands[::-1])
    return replace(statement, values=(product, *statement.values[1:]))
