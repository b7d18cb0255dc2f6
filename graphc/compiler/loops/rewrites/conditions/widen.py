"""Widen: a loop has further turns behind its last one, in which a test leaves out its body.

for column < 13:                          for column < 17:
  y[row, column] = x[17*row + column]       if column < 13:
                                              y[row, column] = x[17*row + column]

So a row of results can be as long as one of what they are computed from, and both loops be fused.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.index import as_index, index_of
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.refusal import (
    ranges_at,
    refuse_if_synchronised,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.statement import If
from graphc.compiler.loops.value import below

_REWRITE = "widen"


def widen(program: LoopProgram, loop: str, turns: Size) -> LoopProgram:
    """Let a loop have so many turns, with its body under a test of the end that it has.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop.
        turns: a size that is proved to be at least each of its ends.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    ranges = ranges_at(program, found)
    for end in found.ends:
        if not ranges.is_never_negative(as_index(turns) - end):
            raise refused(program, _REWRITE, where, f"at most {turns} turns", f"{end} turns")
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    turn = index_of(found.variable)
    tests = tuple(below(turn, end) for end in found.ends if end is not as_index(turns))
    if not tests:
        return program
    body = found.body
    only = body[0] if len(body) == 1 else None
    if isinstance(only, If) and not only.otherwise:
        tests, body = (*tests, *only.conditions), only.body
    made = replace(found, ends=(as_index(turns),), body=(If(tests, body),))
    return program.with_loop(loop, lambda _: (made,))
