"""Long sums of products on a GPU: blocks divide the terms, and a second launch adds their parts.

    for row < m:                         for part < 8 (block):
      for column < n:                      for row < m:
        (the sum of an element)              for column < n:
        (what follows from it)                 (the sum of some steps of an element)
                                               total_parts[part, row, column] = ...
                                         barrier (global)
                                         for row_2 < m:
                                           for column_2 < n:
                                             (the sum of all parts, and what follows from it)

Each part has as many steps as the others: the last ones are computed over zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.launches import launches_of
from graphc.compiler.loops.program import LoopProgram, loops_in
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.postpone import postpone
from graphc.compiler.loops.rewrites.buffers.squeeze import squeeze
from graphc.compiler.loops.rewrites.execution.bind import bind, known_turns
from graphc.compiler.loops.rewrites.execution.synchronise import synchronise
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse, join
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.relayout import relayout
from graphc.compiler.loops.rewrites.staging.stage_result import stage_result
from graphc.compiler.loops.statement import Accumulate, Allocate, Barrier, For, LoopKind


def parts_of(total: str) -> str:
    """Return the name of the partial sums that a sum is made of."""
    return f"{total}_parts"


def part_of(total: str) -> str:
    """Return the name of the sum of a part."""
    return f"{total}_part"


def in_parts(
    program: LoopProgram, kept: Sequence[str], totals: Sequence[str]
) -> tuple[LoopProgram, LoopProgram]:
    """Return a program that stores the sums of parts of the terms, each block those of its
    ``part``, and one that adds them up.

    Args:
        program: whose loops ``part``, ``step`` and ``k`` go over the terms of a result, or
            ``step``, ``part`` and ``k``: then the parts take steps in turn.
        kept: the loops over results, the outermost first.
        totals: what carries the sums of each product.
    """
    in_order, memory = Tree.IN_ORDER, BufferScope.GLOBAL
    if any(one.variable.name == "part" for one in loops_in(program.loop("step").body)):
        turns = program.loop("part").ends[0].constant
        assert isinstance(turns, int)
        program = fuse(program, "step", "part")
        program = partial_sums(program, "step_part", lanes=turns, tree=in_order, scope=memory)
        program = rename(rename(program, "step_part_outer", "step"), "step_part_inner", "part")
        program = with_cleared(reorder(program, "step", "part"), kept[-1], "part")
    else:
        program = partial_sums(program, "part", length=1, tree=in_order, scope=memory)
        program = rename(unroll(program, "part_inner"), "part_outer", "part")
    for total in totals:
        program = postpone(program, total)
    axes = len(kept)
    for stored in map(parts_of, totals):
        for loop in reversed(kept):
            program = expand(program, loop, stored)
        program = relayout(program, stored, BufferLayout((axes, *range(axes))))
    for loop in reversed(kept):
        program = fission(program, loop, 1)
    program = synchronise(program, kept[0], BufferScope.GLOBAL)
    for loop in reversed(kept):
        program = reorder(program, loop, "part")
    program = bind(program, "part", LoopKind.BLOCK)
    for total in totals:
        register, name = BufferScope.REGISTER, part_of(total)
        program = stage_result(program, kept[-1], parts_of(total), register, None, name)
        program = squeeze(program, name)
    sums, results = launches_of(program)
    return sums, results


def with_cleared(program: LoopProgram, around: str, parts: str) -> LoopProgram:
    """Return a program in which the loop over partial sums stores their first values, too, not
    loops of their own ahead of it.

    Args:
        program: the program.
        around: the loop in whose body they are.
        parts: the loop over partial sums.
    """
    loops = [one.variable.name for one in program.loop(around).body if isinstance(one, For)]
    for name in reversed(loops[: loops.index(parts)]):
        program = rename(join(program, name, parts), name, parts)
    return program


def with_parts_together(program: LoopProgram, count: int) -> LoopProgram:
    """Return a program that reads so many parts of a sum one behind the other before it adds them,
    if there are more."""
    for sums in loops_in(program.body):
        name = sums.variable.name
        if isinstance(sums.body[0], Accumulate) and known_turns(program, "split", sums) > count:
            program = split(program, name, count, Tail.NONE)
            program = bind(program, f"{name}_inner", LoopKind.UNROLLED)
    return program


def together(program: LoopProgram, sums: LoopProgram, results: LoopProgram) -> LoopProgram:
    """Return a program that runs one after the other, with a barrier of all blocks between: they
    are what `program` has become."""
    given = {one.memory for one in (*program.inputs, *program.outputs)}
    between = [Allocate(one) for one in sums.outputs if one.memory not in given]
    behind = Names(sums).copied(results.body)
    body = (*between, *sums.body, Barrier(BufferScope.GLOBAL), *behind)
    return replace(program, body=body)
