"""Part: of a loop the turns from one that each call gives on, to ahead of another one.

for row < n:          for row_part < end - begin:
  ...[row]              ...[begin + row_part]
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.dependence import is_parallel
from graphc.compiler.loops.index import index_of
from graphc.compiler.loops.program import LoopProgram, substituted
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import For, Let, LoopKind


def part(program: LoopProgram, loop: str, begin: str = "begin", end: str = "end") -> LoopProgram:
    """Do the turns of a program's only loop from the one that the variable `begin` tells on to
    ahead of `end`; a call gives both. Calls whose parts are all turns do what the program does.

    The turns have no order, and their number is a size.
    """
    found = loop_of(program, "part", loop)
    where = f"the loop {loop!r}"
    *ahead, only = program.body
    if only is not found or not all(isinstance(one, Let) for one in ahead):
        expected = "a loop that is all that the program does, but for names ahead of it"
        raise refused(program, "part", where, expected, f"{len(program.body)} statements")
    if found.kind is not LoopKind.SERIAL or len(found.ends) != 1 or not found.ends[0].is_constant:
        kind, ends = found.kind.value, ", ".join(map(str, found.ends))
        expected = "a serial loop with one end that is a size"
        raise refused(program, "part", where, expected, f"one of kind {kind} to {ends}")
    verdict = is_parallel(program, found)
    if not verdict:
        raise refused(program, "part", where, "turns that have no order", verdict.reason)
    names, turns = Names(program), found.ends[0].constant
    first, last = names.variable(begin), names.variable(end)
    inner = names.variable(f"{loop}_part")
    body = substituted(found.body, {found.variable: index_of(first) + index_of(inner)})
    indices = (*program.indices, (first, turns + 1), (last, turns + 1))
    changed = replace(program, indices=indices)
    made = settled(
        (For(inner, (index_of(last) - index_of(first),), body, note=found.note),), changed.ranges
    )
    return replace(changed, body=(*ahead, *made))
