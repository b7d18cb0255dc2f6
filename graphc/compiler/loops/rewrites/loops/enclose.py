"""Enclose: statements of the program's body, or of a loop's, as a loop of one turn.

total[] = 0.0        for block < 1:
                       total[] = 0.0

So they can be given to one block, and to one thread, as the turns of other loops are.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import LoopProgram, reads_bound, walk
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Barrier, For
from graphc.compiler.loops.text import head_line

_REWRITE = "enclose"


def enclose(
    program: LoopProgram, start: int, stop: int, name: str, around: str | None = None
) -> LoopProgram:
    """Put statements `start` to `stop` of the program's body into a loop of one turn.

    What they bind is read by them alone.

    Args:
        program: the program.
        start, stop: see above.
        name: the variable of the new loop.
        around: the variable of the loop whose body they are in; None for the program's.
    """
    body = program.body if around is None else program.loop(around).body
    inside = body[start:stop]
    if not inside:
        where = f"the statements {start} to {stop}"
        raise refused(program, _REWRITE, where, "statements of the body", "none")
    for one in walk(inside):
        if isinstance(one, Barrier) and one.scope is BufferScope.GLOBAL:
            where = f"`{head_line(inside[0])}`"
            expected = "one launch, as no loop is around a barrier of all blocks"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    for one in walk(body[:start] + body[stop:]):
        if reads_bound(one, inside):
            where, expected = f"`{head_line(inside[0])}`", "names that no other statement uses"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    loop = For(Names(program).variable(name), (as_index(1),), inside)
    changed = (*body[:start], loop, *body[stop:])
    if around is None:
        return replace(program, body=changed)
    return program.with_loop(around, lambda one: (replace(one, body=changed),))
