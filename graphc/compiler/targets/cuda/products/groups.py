"""Small tiles of products on a GPU: groups of threads share the sums of a tile.

    for tile_row < (m + 15) // 16 (block):
      for tile_column < (n + 31) // 32 (block):
        allocate total_parts: float32[8, 16, 32] in shared
        for slice < 8 (thread):
          for thread_row < 4 (thread):
            for thread_column < 8 (thread):
              (the sums of a thread, over its group's slice of each step)
              total_parts[slice, ...] = ...
        barrier (shared)
        for finisher < 4 (thread):
          for thread_row_2 < 4 (thread):
            for thread_column_2 < 8 (thread):
              for part < 8 (unrolled):
                total[...] = sum(total[...], total_parts[part, ...])
              (what follows from the sums, and the stores)

The order of a sum is that of the steps within a group, then that of the groups. Groups add up the
sums of several products one after the other, in the same memory:

          for slice < 8 (thread):
            ...
              total0_parts[slice, ...] = ...
              barrier (shared)
              if slice < 4: (the sums of all parts of total0)
              barrier (shared)
              total1_parts[slice, ...] = ...
              barrier (shared)
              if slice < 4: (those of total1, and what follows from all of them)
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.postpone import postpone
from graphc.compiler.loops.rewrites.conditions.separate import separate
from graphc.compiler.loops.rewrites.execution.advance import advance
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.fuse_threads import fuse_threads
from graphc.compiler.loops.rewrites.execution.synchronise import synchronise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.relayout import relayout
from graphc.compiler.loops.rewrites.staging.stage_result import stage_result
from graphc.compiler.loops.statement import For, If, LoopKind
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets.cuda.products.parts import parts_of, with_cleared
from graphc.compiler.targets.cuda.products.tiles import BlockTile

THREADS = ("slice", "thread_row", "thread_column")
FINISHERS = ("finisher", "thread_row_2", "thread_column_2")


def in_groups(program: LoopProgram, tile: BlockTile, totals: Sequence[str]) -> LoopProgram:
    """Return a program whose blocks have tiles, and threads a slice of the terms of each step.

    Args:
        program: whose loops ``row_inner`` and ``column_inner`` go over a tile, and ``step`` and
            ``k`` over the terms of a result.
        tile: of a block.
        totals: what carries the sums of each product.
    """
    program = _in_phases(_in_slices(program, tile, totals), totals)
    program = _with_own_sums(_in_threads(program, tile, "", ""), totals)
    program = _finished(_in_threads(program, tile, "_2", "_3"), tile, totals)
    program = synchronise(program, "slice")
    for loop in (*THREADS, *FINISHERS):
        program = bind(program, loop, LoopKind.THREAD)
    return program if len(totals) == 1 else _in_turn(program, totals)


def _in_slices(program: LoopProgram, tile: BlockTile, totals: Sequence[str]) -> LoopProgram:
    """Return a program in which a result is the sum of those of slices, each over its part of all
    steps."""
    program = fuse(program, "step", "k")
    program = split(program, "step_k", tile.depth // tile.groups, Tail.NONE)
    program = partial_sums(
        program, "step_k_outer", lanes=tile.groups, tree=Tree.IN_ORDER, scope=BufferScope.SHARED
    )
    for old, new in (
        ("step_k_outer_outer", "step"),
        ("step_k_outer_inner", "slice"),
        ("step_k_inner", "k"),
    ):
        program = rename(program, old, new)
    for total in totals:
        program = postpone(program, total)
    return with_cleared(reorder(program, "step", "slice"), "column_inner", "slice")


def _in_phases(program: LoopProgram, totals: Sequence[str]) -> LoopProgram:
    """Return a program that computes the sums of all slices of a tile, then its results."""
    for parts in map(parts_of, totals):
        for loop in ("column_inner", "row_inner"):
            program = expand(program, loop, parts)
        program = relayout(program, parts, BufferLayout((2, 0, 1)))
    for loop in ("column_inner", "row_inner"):
        program = fission(program, loop, 1)
    for loop in ("column_inner", "row_inner"):
        program = reorder(program, loop, "slice")
    return program


def _in_threads(program: LoopProgram, tile: BlockTile, copy: str, own: str) -> LoopProgram:
    """Return a program in which the loops over a tile, or their copies, are of threads, and inside
    of these over the results of one: ``r`` and ``c`` with what they are `own` by."""
    for loop, size, names in (
        ("row_inner", tile.thread_rows, ("thread_row", "r")),
        ("column_inner", PACK, ("thread_column", "c")),
    ):
        program = split(program, f"{loop}{copy}", size, Tail.NONE)
        program = rename(program, f"{loop}{copy}_outer", f"{names[0]}{copy}")
        program = rename(program, f"{loop}{copy}_inner", f"{names[1]}{own}")
    return reorder(program, f"r{own}", f"thread_column{copy}")


def _with_own_sums(program: LoopProgram, totals: Sequence[str]) -> LoopProgram:
    """Return a program whose threads add up in registers, the loop over the terms outermost."""
    program = fission(fission(program, "c", len(totals)), "r", 1)
    for loop in ("c_2", "r_2"):
        program = reorder(reorder(program, loop, "step"), loop, "k")
    register = BufferScope.REGISTER
    for number, parts in enumerate(map(parts_of, totals)):
        name = f"partial{number}" if len(totals) > 1 else "partial"
        program = stage_result(program, "thread_column", parts, register, None, name)
    return program


def _finished(program: LoopProgram, tile: BlockTile, totals: Sequence[str]) -> LoopProgram:
    """Return a program in which some groups, of as many as a thread has rows at most, each finish
    their share of these: four neighbouring results at a time."""
    for total in totals:
        program = expand(program, "c_3", total)
    rest = "c_3"
    for _ in totals:
        program = fission(program, rest, 1)
        sums = _last_loop(program, "r_3")
        program = fission(program, sums, 1)
        (part,) = (one for one in program.loop(sums).body if isinstance(one, For))
        program = reorder(program, sums, part.variable.name)
        rest = _last_loop(program, "r_3")
    share = tile.thread_rows // min(tile.groups, tile.thread_rows)
    program = split(program, "r_3", share, Tail.NONE)
    program = rename(program, "r_3_outer", "finisher")
    program = rename(program, "r_3_inner", "r_3")
    for loop in ("thread_column_2", "thread_row_2"):
        program = reorder(program, loop, "finisher")
    return program


def _in_turn(program: LoopProgram, totals: Sequence[str]) -> LoopProgram:
    """Return a program whose groups add up the sums of a product before they store those of the
    next one."""
    for total in totals:
        program = expand(program, "r_3", total)
    rest = "r_3"
    for _ in totals:
        program = fission(program, rest, 2)
        rest = _last_loop(program, "thread_column_2")
    program = fuse_threads(program, THREADS, FINISHERS)
    if isinstance(program.loop("thread_column").body[-1], If):
        program = separate(program, "thread_column")
    for total in totals[:-1]:
        program = advance(program, "thread_column", parts_of(total))
    return program


def _last_loop(program: LoopProgram, around: str) -> str:
    """Return the loop that ends the body of another one."""
    last = program.loop(around).body[-1]
    assert isinstance(last, For)
    return last.variable.name
