"""Unswitching: a test that is the same in all turns of a loop is made once, ahead of it.

for lane < 4:                                        if row < n:
  t[lane] = (x[row, lane] if row < n else 0.0)         for lane < 4:
                                                         t[lane] = x[row, lane]
                                                     otherwise:
                                                       for lane1 < 4:
                                                         t[lane1] = 0.0

The test is an `If`, or what selects the value of a store, or one condition of those inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphc.compiler.loops.program import Body, LoopProgram, values_of, walk, walk_value
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import (
    loop_of,
    ranges_at,
    refuse_if_synchronised,
    refused,
)
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    AtomicAdd,
    Check,
    For,
    If,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Condition, Select

_REWRITE = "unswitch"


def unswitch(program: LoopProgram, loop: str) -> LoopProgram:
    """Divide a loop into one for the turns' test where it holds, and one where it does not.

    Args:
        program: the program.
        loop: the variable of a loop of one thread, whose body is one test, or one store of a
            selected value, or has statements or values inside that one condition decides about;
            without variables of the loop.
    """
    found = loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    if found.kind in PARALLEL_KINDS - {LoopKind.VECTOR}:
        expected = "a loop of one thread"
        raise refused(program, _REWRITE, where, expected, f"one of kind {found.kind.value}")
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    test = _test_of(found)
    if test is None:
        expected = "one test as its body, or a condition inside, without the loop's variables"
        lines = ", ".join(map(head_line, found.body)) or "nothing"
        raise refused(program, _REWRITE, where, expected, lines)
    chosen: tuple[Statement, ...] = (replace(found, body=test.body),)
    others = Names(program).copied((replace(found, body=test.otherwise),)) if test.otherwise else ()
    ranges = ranges_at(program, found)
    return program.with_loop(
        loop, lambda _: settled((If(test.conditions, chosen, others),), ranges)
    )


def _test_of(loop: For) -> If | None:
    """Return a loop's body as one test without its variables; None if it has none."""
    bound = {loop.variable}
    test = _as_test(loop.body[0]) if len(loop.body) == 1 else None
    if test is not None and not any(one.index.variables & bound for one in test.conditions):
        return test
    binding = (one for one in walk(loop.body) if isinstance(one, For | Check | AtomicAdd))
    bound.update(one.variable for one in binding)
    for condition in conditions_alone(loop.body):
        if not condition.index.variables & bound:
            return If((condition,), loop.body, loop.body)
    return None


def conditions_alone(body: Body) -> Iterator[Condition]:
    """Yield the conditions that decide, each by itself, about a value or statements inside."""
    for statement in walk(body):
        if isinstance(statement, If) and len(statement.conditions) == 1:
            yield statement.conditions[0]
        for value in values_of(statement):
            for part in walk_value(value):
                if isinstance(part, Select) and len(part.conditions) == 1:
                    yield part.conditions[0]


def _as_test(statement: Statement) -> If | None:
    """Return a statement as a test; None if it is none."""
    if isinstance(statement, If):
        return statement
    if not isinstance(statement, Store) or not isinstance(statement.value, Select):
        return None
    chosen = statement.value
    stores = (replace(statement, value=one) for one in (chosen.value, chosen.otherwise))
    first, second = stores
    return If(chosen.conditions, (first,), (second,))
