"""Mappings of reductions of rows on a GPU: by the number of elements of a row, a thread, some lanes
of a warp, a warp or a block has a row.

    for row_outer < (n + 3) // 4 (block):
      for row_inner < 4 (thread):
        if 4*row_outer + row_inner < n:
          allocate s0: float32[] in register
          s0[] = 0.0
          allocate s0_parts: float32[32] in register
          for s0_part < 32 (lane):
            s0_parts[s0_part] = 0.0
          for k0_lane < 32 (lane):
            for k0_outer < 8:
              s0_parts[k0_lane] = sum(s0_parts[k0_lane], x0[...])
          gc_sum_of_32_lanes(s0[], s0_parts[0:])
          y0[4*row_outer + row_inner] = s0[]

The order of a sum depends on the number of elements that are reduced, where that is known, and on
`target.lanes`: not on the number of rows, not on a multiprocessor's blocks.
"""

from __future__ import annotations

from graphc.compiler.graph.dim import Size, evaluate_at
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, targets_of, walk
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.data.expand import expand
from graphc.compiler.loops.rewrites.data.postpone import postpone
from graphc.compiler.loops.rewrites.data.stage_result import stage_result
from graphc.compiler.loops.rewrites.loops.bind import bind
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.loops.synchronise import synchronise
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import Allocate, For, LoopKind
from graphc.compiler.schedule.hardware import power_of_two
from graphc.compiler.targets.cuda.rows import (
    in_rows,
    kept_of,
    length_of,
    pass_in_lanes,
    pass_in_warps,
    passes_of,
    reduces,
    rows_of,
    with_kept_rows,
    with_known_registers,
    with_own_elements,
    with_results_of_warps,
    with_trees,
    words_of,
)
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target

THREADS = 128
"""Threads of a block in which warps, lanes or threads have rows of their own."""

LEAST_LANES = 4
"""Elements of a row from which on lanes share it."""

LONGEST_OF_WARP = 1024
"""Elements of the longest row that a warp has; a block has a longer one."""

BLOCK_WARPS = 8
"""Warps of a block that has a row."""

LONG_ROW = 4096
LONG_ROW_WARPS = 16
"""Elements from which on a row is long, and the warps of a block that has a longer one."""

MOST_WARP_WORDS = 64
"""Registers of a thread that hold what lanes keep of a row; the rest are for the computation."""

MOST_BLOCK_WORDS = 32
"""As much of a block's threads."""

FEW_BLOCKS = 64
LONG_WALK = 65536
"""Fewer blocks than the first number, of which each would go over more elements than the second,
leave most of a card idle: the elements of a row are divided over blocks."""

PART = 8192
"""Elements of a part of a row that blocks divide."""


def _has_short_rows(program: LoopProgram, target: Target) -> Applicability:
    program = in_rows(program)
    length = length_of(program, rows_of(program))
    if not isinstance(length, int) or length >= LEAST_LANES:
        return never(f"a row has {length} elements, not fewer than {LEAST_LANES}")
    return ALWAYS


def _has_rows_of_warps(program: LoopProgram, target: Target) -> Applicability:
    program = in_rows(program)
    length = length_of(program, rows_of(program))
    if not isinstance(length, int) or length > LONGEST_OF_WARP:
        return never(f"a row has {length} elements, not at most {LONGEST_OF_WARP}")
    return ALWAYS


def _has_few_long_rows(program: LoopProgram, target: Target) -> Applicability:
    program = in_rows(program)
    rows = rows_of(program)
    count, length = program.loop(rows).ends[0].constant, length_of(program, rows)
    if typical(count) >= FEW_BLOCKS:
        return never(f"there are {count} rows, not fewer than {FEW_BLOCKS}")
    if typical(length) <= LONG_WALK:
        return never(f"a row has {length} elements, not more than {LONG_WALK}")
    return in_one_pass(program, rows)


def in_one_pass(program: LoopProgram, rows: str) -> Applicability:
    """Return that a mapping applies where a row is gone over once, and makes values alone."""
    passes = passes_of(program, rows)
    if len(passes) > 1 or not reduces(program.loop(passes[0])):
        return never(f"a row is gone over {len(passes)} times")
    return ALWAYS


def typical(size: Size) -> int:
    """Return a size with each of its symbols at a typical value: the text is the same for all, so
    the choice is, too."""
    return evaluate_at(size, TYPICAL)


TYPICAL = 64
"""A symbol, where a choice has to be made before it is known."""


def _always(program: LoopProgram, target: Target) -> Applicability:
    return ALWAYS


def _by_threads(program: LoopProgram, target: Target) -> LoopProgram:
    """Give each row to a thread."""
    program = in_rows(program)
    rows = rows_of(program)
    program = split(program, rows, THREADS, Tail.GUARD)
    program = bind(program, f"{rows}_inner", LoopKind.THREAD)
    return simplify(bind(program, f"{rows}_outer", LoopKind.BLOCK))


def _by_lanes(program: LoopProgram, target: Target) -> LoopProgram:
    program = in_rows(program)
    return simplify(rows_by_lanes(program, rows_of(program), target))


def _by_blocks(program: LoopProgram, target: Target) -> LoopProgram:
    program = in_rows(program)
    return simplify(rows_by_blocks(program, rows_of(program), target))


def _by_parts(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide each row over blocks; in a second launch a warp combines its parts."""
    program = in_rows(program)
    rows = rows_of(program)
    (name,) = passes_of(program, rows)
    program = partial_sums(program, name, length=PART, tree=Tree.IN_ORDER, scope=BufferScope.GLOBAL)
    parts = f"{name}_outer"
    program, finish = in_two_launches(program, rows, parts)
    program = with_results_in_registers(program, parts)
    program = bind(program, rows, LoopKind.BLOCK)
    program = rows_by_blocks(program, parts, target)
    return simplify(rows_by_lanes(program, finish, target))


def in_two_launches(program: LoopProgram, rows: str, parts: str) -> tuple[LoopProgram, str]:
    """Return a program that computes parts of rows in one launch, and what follows from them in
    another one; and the loop over rows of that.

    Args:
        rows: a loop over rows.
        parts: a loop in its body, which fills buffers in global memory.
    """
    for one in program.loop(rows).body:
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.REGISTER:
            program = postpone(program, one.buffer.name)
    for one in program.loop(rows).body:
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.GLOBAL:
            program = expand(program, rows, one.buffer.name)
    body = program.loop(rows).body
    place = next(k for k, one in enumerate(body) if one is program.loop(parts))
    program = fission(program, rows, place + 1)
    program = synchronise(program, rows, BufferScope.GLOBAL)
    finish = program.body[-1]
    assert isinstance(finish, For)
    return program, finish.variable.name


def with_results_in_registers(program: LoopProgram, loop: str) -> LoopProgram:
    """Return a program in which a turn of a loop has what it writes to global memory in registers
    until its end."""
    written = {x.buffer for one in walk(program.loop(loop).body) for x in targets_of(one)}
    for buffer in sorted(one.name for one in written if one.scope is BufferScope.GLOBAL):
        program = stage_result(program, loop, buffer, BufferScope.REGISTER)
    return program


# ---- who has a row ------------------------------------------------------------------------------


def rows_by_lanes(program: LoopProgram, rows: str, target: Target) -> LoopProgram:
    """Give each row to a warp, or to so many of its lanes as it has elements."""
    length = length_of(program, rows)
    lanes = target.lanes
    if isinstance(length, int):
        lanes = max(LEAST_LANES, min(lanes, power_of_two(length)))
    program = _kept(program, rows, lanes, MOST_WARP_WORDS)
    kept = kept_of(program, rows)
    for name in passes_of(program, rows):
        program = pass_in_lanes(program, name, lanes)
    program = with_own_elements(with_trees(program, lanes), kept, lanes)
    program = bind(program, passes_of(program, rows), LoopKind.LANE)
    program = split(program, rows, THREADS // lanes, Tail.GUARD)
    blocks, warps = f"{rows}_outer", f"{rows}_inner"
    if lanes < target.lanes:
        program = split(program, warps, target.lanes // lanes, Tail.NONE)
        program = bind(program, f"{warps}_inner", LoopKind.LANE)
        program = rename(program, f"{warps}_inner", f"{rows}_lane")
        warps = f"{warps}_outer"
    program = rename(program, warps, f"{rows}_warp")
    program = bind(program, f"{rows}_warp", LoopKind.THREAD)
    return with_known_registers(bind(program, blocks, LoopKind.BLOCK))


def rows_by_blocks(program: LoopProgram, rows: str, target: Target) -> LoopProgram:
    """Give each row to a block."""
    warps = _warps(program, rows)
    threads = warps * target.lanes
    program = _kept(program, rows, threads, MOST_BLOCK_WORDS)
    kept = kept_of(program, rows)
    names = passes_of(program, rows)
    reductions = [name for name in names if reduces(program.loop(name))]
    for name in names:
        program = pass_in_warps(program, name, warps, target.lanes)
    for name in reductions:
        program = with_results_of_warps(program, rows, f"{name}_warp")
    program = with_trees(program, target.lanes)
    program = with_own_elements(program, kept, threads, target.lanes)
    of_warps = [f"{name}_warp" for name in names]
    lanes = [lane for name in of_warps for lane in passes_of(program, name)]
    program = bind(program, rows, LoopKind.BLOCK)
    program = bind(program, lanes, LoopKind.LANE)
    return with_known_registers(bind(program, of_warps, LoopKind.THREAD))


def _warps(program: LoopProgram, rows: str) -> int:
    """Return the warps of a block: by the number of elements, so that bits do not depend on that of
    rows."""
    return LONG_ROW_WARPS if typical(length_of(program, rows)) > LONG_ROW else BLOCK_WARPS


def _kept(program: LoopProgram, rows: str, threads: int, most: int) -> LoopProgram:
    """Return a program whose rows stay in the registers of some threads, if they fit these."""
    length = length_of(program, rows)
    if not isinstance(length, int):
        return program
    kept = with_kept_rows(program, rows)
    turns = -(-length // threads)
    return kept if words_of(kept_of(kept, rows), turns) <= most else program


CHANNELS = Mapping(
    "a block a row",
    _always,
    _by_blocks,
    "a long row keeps all threads of a block busy, whose warps meet in shared memory",
)

PARTS = Mapping(
    "blocks a row",
    _has_few_long_rows,
    _by_parts,
    "so few rows leave most of a card idle, unless blocks divide each; a second launch finishes",
)

ROWS = (
    Mapping(
        "a thread a row",
        _has_short_rows,
        _by_threads,
        "a row of so few elements leaves lanes nothing to do",
    ),
    Mapping(
        "lanes of a warp a row",
        _has_rows_of_warps,
        _by_lanes,
        "lanes combine their parts by shuffles, and keep what several passes read",
    ),
    PARTS,
    CHANNELS,
)
"""The mappings of kernels of kind rows."""
