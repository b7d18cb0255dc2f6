"""Fuse: two loops, one inside of the other, become one. Join: two neighbouring loops do."""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.dependence import is_parallel, may_join
from graphc.compiler.loops.index import index_of
from graphc.compiler.loops.program import LoopProgram, replaced, substituted
from graphc.compiler.loops.rewrites.loops.nest import only_loop_of
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import (
    loop_of,
    ranges_at,
    refuse_if_synchronised,
    refuse_unless_neighbours,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import PARALLEL_KINDS, If


def fuse(program: LoopProgram, outer: str, inner: str) -> LoopProgram:
    """Make one loop `<outer>_<inner>` of two, of which the first does nothing but the second.

    Its turns are those of both in their order: the outer variable is the quotient, and the inner
    one the remainder, of its own by the number of the inner loop's turns.
    """
    outside = unbound_loop_of(program, "fuse", outer)
    inside, conditions = only_loop_of(program, "fuse", outside, inner)
    unbound_loop_of(program, "fuse", inner)
    where = f"the loops {outer!r} and {inner!r}"
    if len(inside.ends) != 1 or not inside.ends[0].is_constant:
        found = ", ".join(map(str, inside.ends))
        expected = "one inner end, which is a size"
        raise refused(program, "fuse", where, expected, found)
    turns = inside.ends[0].constant
    if turns == 0:
        raise refused(program, "fuse", where, "an inner loop that has turns", "one without")
    fused = Names(program).variable(f"{outer}_{inner}")
    row, column = index_of(fused) // turns, index_of(fused) % turns
    body = (If(conditions, inside.body),) if conditions else inside.body
    body = substituted(body, {outside.variable: row, inside.variable: column})
    ends = tuple(end * turns for end in outside.ends)
    note = outside.note or inside.note
    made = replace(outside, variable=fused, ends=ends, body=body, note=note)
    ranges = ranges_at(program, outside)
    return program.with_loop(outer, lambda _: settled((made,), ranges))


def join(program: LoopProgram, first: str, second: str) -> LoopProgram:
    """Make one loop of two neighbours of equal ends and kinds: in each turn it does what both do in
    theirs. It has the variable of the first one."""
    ahead, behind = loop_of(program, "join", first), loop_of(program, "join", second)
    where = f"the loops {first!r} and {second!r}"
    refuse_unless_neighbours(program, "join", where, ahead, behind)
    if ahead.ends != behind.ends or ahead.kind is not behind.kind:
        expected = "equal ends and kinds"
        what = " and ".join(
            f"{', '.join(map(str, loop.ends))} ({loop.kind.value})" for loop in (ahead, behind)
        )
        raise refused(program, "join", where, expected, what)
    refuse_if_synchronised(program, "join", where, ahead.body + behind.body)
    verdict = may_join(program, ahead, behind)
    if not verdict:
        expected = "no turn of the second loop that needs later turns of the first one"
        raise refused(program, "join", where, expected, verdict.reason)
    moved = substituted(behind.body, {behind.variable: index_of(ahead.variable)})
    notes = list(dict.fromkeys(filter(None, (ahead.note, behind.note))))
    joined = replace(ahead, body=ahead.body + moved, note="; ".join(notes))
    body = replaced(replaced(program.body, behind, ()), ahead, (joined,))
    result = replace(program, body=body)
    if joined.kind in PARALLEL_KINDS:
        verdict = is_parallel(result, joined)
        if not verdict:
            expected = f"turns that have no order, as their kind is {joined.kind.value}"
            raise refused(program, "join", where, expected, verdict.reason)
    return result
