"""Elect: what a loop does in a turn is done by one turn of a new loop inside, which an index says.

for k < n:                          for k < n:
  index row = rows[k]                 index row = rows[k]
  s[row // 4, row % 4] = ...          for own < 4:
                                        if row % 4 == own:
                                          s[row // 4, own] = ...

Where the new loop is of threads, each does what its own elements need, in the order of the turns.
`pick` is the way back.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.index import Index, as_index, index_of, with_name
from graphc.compiler.loops.program import Body, LoopProgram, Parts
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import (
    loop_of,
    ranges_at,
    refuse_if_synchronised,
    refused,
)
from graphc.compiler.loops.statement import Check, For, If
from graphc.compiler.loops.value import Condition

_REWRITE = "elect"


def elect(program: LoopProgram, loop: str, number: Index, turns: int, name: str) -> LoopProgram:
    """Run the body of a loop, behind the indices that are named at its head, in the turn of a new
    loop whose number an index is.

    Args:
        program: the program.
        loop: the variable of the loop.
        number: of variables that are known at the head of its body; at least 0, below `turns`.
        turns: of the new loop.
        name: its variable.
    """
    found = loop_of(program, _REWRITE, loop)
    where = f"the index {number}"
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    first = next((k for k, one in enumerate(found.body) if not isinstance(one, Check)), None)
    if first is None:
        expected = f"statements in the body of {loop!r} behind its indices"
        raise refused(program, _REWRITE, where, expected, "none")
    head, rest = found.body[:first], found.body[first:]
    ranges = ranges_at(program, found).within(found.variable, *found.ends)
    for one in head:
        assert isinstance(one, Check)
        ranges = ranges.within(one.variable, one.end)
    unknown = sorted(map(str, number.variables - ranges.ends.keys()))
    if unknown:
        expected = "variables that are known at the head of the body"
        raise refused(program, _REWRITE, where, expected, unknown[0])
    if not ranges.is_inside((number,), (turns,)):
        expected = f"one that is proved to be at least 0 and below {turns}"
        raise refused(program, _REWRITE, where, expected, str(number))
    variable = Names(program).variable(name)
    body: Body = Parts(index=lambda one: with_name(one, number, variable)).in_body(rest)
    test = If((Condition(number - index_of(variable), equal=True),), body)
    made = For(variable, (as_index(turns),), (test,))
    return program.with_loop(loop, lambda one: (replace(one, body=(*head, made)),))
