"""Unswitching: a test that is the same in all turns of a loop is made once, ahead of it.

for lane < 4:                                        if row < n:
  t[lane] = (x[row, lane] if row < n else 0.0)         for lane < 4:
                                                         t[lane] = x[row, lane]
                                                     otherwise:
                                                       for lane1 < 4:
                                                         t[lane1] = 0.0

The test is an `If`, or what selects the value of a store.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import (
    loop_of,
    ranges_at,
    refuse_if_synchronised,
    refused,
)
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import PARALLEL_KINDS, If, LoopKind, Statement, Store
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Select

_REWRITE = "unswitch"


def unswitch(program: LoopProgram, loop: str) -> LoopProgram:
    """Divide a loop into one for the turns' test where it holds, and one where it does not.

    Args:
        program: the program.
        loop: the variable of a loop of one thread, whose body is one test, or one store of a
            selected value, with a condition without the loop's variable.
    """
    found = loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    if found.kind in PARALLEL_KINDS - {LoopKind.VECTOR}:
        expected = "a loop of one thread"
        raise refused(program, _REWRITE, where, expected, f"one of kind {found.kind.value}")
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    test = _test_of(found.body[0]) if len(found.body) == 1 else None
    if test is None or any(found.variable in one.index.variables for one in test.conditions):
        expected = "one test as its body, without the loop's variable"
        lines = ", ".join(map(head_line, found.body)) or "nothing"
        raise refused(program, _REWRITE, where, expected, lines)
    chosen: tuple[Statement, ...] = (replace(found, body=test.body),)
    others = Names(program).copied((replace(found, body=test.otherwise),)) if test.otherwise else ()
    ranges = ranges_at(program, found)
    return program.with_loop(
        loop, lambda _: settled((If(test.conditions, chosen, others),), ranges)
    )


def _test_of(statement: Statement) -> If | None:
    """Return a statement as a test; None if it is none."""
    if isinstance(statement, If):
        return statement
    if not isinstance(statement, Store) or not isinstance(statement.value, Select):
        return None
    chosen = statement.value
    stores = (replace(statement, value=one) for one in (chosen.value, chosen.otherwise))
    first, second = stores
    return If(chosen.conditions, (first,), (second,))
