"""Unroll: the turns of a loop are written one after the other."""

from __future__ import annotations

from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import Body, LoopProgram, substituted
from graphc.compiler.loops.rewrites.execution.bind import unrolled_turns
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, ranges_at
from graphc.compiler.loops.rewrites.simplify import settled


def unroll(program: LoopProgram, loop: str) -> LoopProgram:
    """Write out the turns of a serial or unrolled loop, of a known number: at most 256 statements.

    What a turn binds and allocates has a name of its own in each copy but the first. To have the
    text written out by the printer instead, bind the loop as unrolled.
    """
    found = loop_of(program, "unroll", loop)
    turns = unrolled_turns(program, "unroll", loop)
    names, ranges = Names(program), ranges_at(program, found)
    copies: Body = ()
    for turn in range(turns):
        copy = found.body if turn == 0 else names.copied(found.body)
        copies += substituted(copy, {found.variable: as_index(turn)})
    return program.with_loop(loop, lambda _: settled(copies, ranges))
