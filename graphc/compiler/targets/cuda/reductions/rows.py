"""Mappings of reductions of rows on a GPU: by the number of elements of a row, a thread, some lanes
of a warp, a warp or a block has a row.

    for block < (n + 3) // 4 (block):
      for warp < 4 (thread):
        if 4*block + warp < n:
          allocate s0: float32[] in register
          s0[] = 0.0
          allocate s0_parts: float32[32] in register
          for lane < 32 (lane):
            s0_parts[lane] = 0.0
          for lane_2 < 32 (lane):
            for turn < 8:
              s0_parts[lane_2] = sum(s0_parts[lane_2], x0[...])
          gc_sum_of_32_lanes(s0[], s0_parts[0:])
          for lane_3 < 1 (lane):
            y0[4*block + warp] = s0[]

The order of a sum depends on the number of elements that are reduced, where that is known, and on
`target.lanes`: not on the number of rows, not on a multiprocessor's blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphc.compiler.graph.dim import evaluate_at, typical
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    loops_in,
    targets_of,
    transformed,
    walk,
)
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.postpone import postpone
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.synchronise import synchronise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.stage_result import stage_result
from graphc.compiler.loops.statement import Allocate, For, LoopKind, Statement
from graphc.compiler.loops.value import at_least
from graphc.compiler.schedule.hardware import PACK, power_of_two
from graphc.compiler.targets.cuda.pointwise import in_elements
from graphc.compiler.targets.cuda.rows import (
    in_joined_rows,
    in_rows,
    is_in_packs,
    kept_of,
    length_of,
    pass_in_lanes,
    pass_in_packs,
    pass_in_warps,
    passes_of,
    read_again,
    reduces,
    rows_of,
    with_bounded_passes,
    with_kept_rows,
    with_known_registers,
    with_one_storing,
    with_own_elements,
    with_packs,
    with_results_of_warps,
    with_tight_loops,
    with_trees,
    with_whole_passes,
    without_single_turns,
    words_of,
)
from graphc.compiler.targets.loop_names import with_loop_names
from graphc.compiler.targets.mapping import (
    ALWAYS,
    Applicability,
    Mapping,
    always,
    knowing,
    never,
    where,
)
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

THREADS = 128
"""Threads of a block in which warps, lanes or threads have rows of their own."""

MOST_BOUNDED = (512, 256)
"""Elements of the longest rows of which a warp keeps what it reads, where only a call knows how
many there are: as many as the computation of an element leaves room for."""

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


def _has_no_terms(program: LoopProgram, target: Target) -> Applicability:
    if not any(as_index(0) in loop.ends for loop in loops_in(program.body)):
        return never("there are elements to reduce")
    return ALWAYS


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


def _has_rows_up_to(most: int) -> Callable[[LoopProgram, Target], Applicability]:
    """Return the applicability of a mapping of rows of a length that only a call knows."""

    def applies(program: LoopProgram, target: Target) -> Applicability:
        joined = in_joined_rows(program)
        rows = rows_of(joined)
        length = length_of(joined, rows)
        if isinstance(length, int):
            return never(f"a row has {length} elements, as is known")
        if not in_one_pass(joined, rows).refusal:
            return never("a row is gone over once")
        if evaluate_at(length, 1) > most:
            return never(f"a row has {length} elements, never at most {most}")
        return where(at_least(most - length))

    return applies


def _has_few_long_rows(program: LoopProgram, target: Target) -> Applicability:
    program = in_joined_rows(program)
    rows = rows_of(program)
    count, length = program.loop(rows).ends[0].constant, length_of(program, rows)
    if typical(count) >= FEW_BLOCKS:
        return never(f"there are {count} rows, not fewer than {FEW_BLOCKS}")
    if typical(length) <= LONG_WALK:
        return never(f"a row has {length} elements, not more than {LONG_WALK}")
    return in_one_pass(program, rows)


def _has_rows_of_blocks(program: LoopProgram, target: Target) -> Applicability:
    joined = in_joined_rows(program)
    rows = rows_of(joined)
    length, again = length_of(joined, rows), in_one_pass(joined, rows).refusal
    if not isinstance(length, int) and again:
        return never(f"a row has {length} elements, which only a call knows, and {again}")
    if not _has_few_long_rows(program, target).refusal:
        return never("so few long rows leave most of a card idle, unless blocks divide each")
    return ALWAYS


def in_one_pass(program: LoopProgram, rows: str) -> Applicability:
    """Return that a mapping applies where a row is gone over once, and makes values alone."""
    passes = passes_of(program, rows)
    if len(passes) != 1 or not reduces(program.loop(passes[0])):
        return never(f"a row is gone over {len(passes)} times")
    return ALWAYS


def _by_threads(program: LoopProgram, target: Target) -> LoopProgram:
    """Give each row to a thread."""
    program = in_rows(program)
    rows = rows_of(program)
    program = with_rows_in_registers(program, rows, 1, 1, MOST_WARP_WORDS)
    program = split(program, rows, THREADS, Tail.GUARD)
    program = bind(program, f"{rows}_inner", LoopKind.THREAD)
    program = with_known_registers(bind(program, f"{rows}_outer", LoopKind.BLOCK))
    return named(simplify(program))


def _by_walks(program: LoopProgram, target: Target) -> LoopProgram:
    """Give each row to a thread, which reads it again in each pass."""
    program = in_joined_rows(program)
    rows = rows_of(program)
    program = split(program, rows, THREADS, Tail.GUARD)
    program = bind(program, f"{rows}_inner", LoopKind.THREAD)
    return named(simplify(bind(program, f"{rows}_outer", LoopKind.BLOCK)))


def _by_lanes(program: LoopProgram, target: Target) -> LoopProgram:
    program = in_rows(program)
    return named(simplify(rows_by_lanes(program, rows_of(program), target)))


def _by_lanes_up_to(most: int) -> Callable[[LoopProgram, Target], LoopProgram]:
    """Return the rewrites that give a row of at most so many elements to a warp."""

    def mapped(program: LoopProgram, target: Target) -> LoopProgram:
        program = in_rows(program)
        rows = rows_of(program)
        program = knowing(program, at_least(most - length_of(program, rows)))
        program = with_bounded_passes(program, rows, most)
        return named(simplify(rows_by_lanes(program, rows, target)))

    return mapped


def _by_blocks(program: LoopProgram, target: Target) -> LoopProgram:
    length = length_of(in_rows(program), rows_of(in_rows(program)))
    program = in_rows(program) if isinstance(length, int) else in_joined_rows(program)
    return named(simplify(rows_by_blocks(program, rows_of(program), target)))


def _has_known_length(program: LoopProgram, target: Target) -> Applicability:
    program = in_rows(program)
    length = length_of(program, rows_of(program))
    if not isinstance(length, int):
        return never(f"a row has {length} elements, which only a call knows")
    return ALWAYS


def _by_blocks_again(program: LoopProgram, target: Target) -> LoopProgram:
    program = in_joined_rows(program)
    program = rows_by_blocks(program, rows_of(program), target, is_read_again=True)
    return named(simplify(program))


def _by_parts(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide each row over blocks; in a second launch a warp combines its parts."""
    program = in_joined_rows(program)
    rows = rows_of(program)
    (name,) = passes_of(program, rows)
    program = partial_sums(program, name, length=PART, tree=Tree.IN_ORDER, scope=BufferScope.GLOBAL)
    parts = f"{name}_outer"
    program, finish = in_two_launches(program, rows, parts)
    program = with_results_in_registers(program, parts)
    program = bind(program, rows, LoopKind.BLOCK)
    program = rows_by_blocks(program, parts, target)
    return named(simplify(rows_by_lanes(program, finish, target)))


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


def named(program: LoopProgram, name_of: Callable[[For], str] | None = None) -> LoopProgram:
    """Return a program whose loops are called by who runs their turns, unless a function says how
    they are called. What a loop is for is said once, not of each loop that it has become."""

    def said_once(one: Statement) -> Body:
        if not isinstance(one, For) or not one.note:
            return (one,)

        def quiet(inner: Statement) -> Body:
            if isinstance(inner, For) and inner.note == one.note:
                return (replace(inner, note=""),)
            return (inner,)

        return (replace(one, body=transformed(one.body, quiet)),)

    body = transformed(program.body, said_once)
    return with_loop_names(replace(program, body=body), name_of or default_name)


def default_name(loop: For) -> str:
    """Return what a loop is called by who runs its turns."""
    inside = {one.kind for one in loops_in(loop.body)}
    if loop.kind in (LoopKind.THREAD, LoopKind.LANE) and LoopKind.LANE in inside:
        return "warp" if loop.kind is LoopKind.THREAD else "row_of_warp"
    if loop.kind in (LoopKind.SERIAL, LoopKind.UNROLLED):
        return "part" if loop.ends == (as_index(PACK),) else "turn"
    return "neighbour" if loop.kind is LoopKind.VECTOR else loop.kind.value


# ---- who has a row ------------------------------------------------------------------------------


def rows_by_lanes(program: LoopProgram, rows: str, target: Target) -> LoopProgram:
    """Give each row to a warp, or to so many of its lanes as it has elements."""
    length = length_of(program, rows)
    each = PACK if is_in_packs(program, rows) else 1
    lanes = target.lanes
    if isinstance(length, int):
        lanes = max(LEAST_LANES, min(lanes, power_of_two(length // each)))
    program = with_rows_in_registers(program, rows, lanes * each, each, MOST_WARP_WORDS)
    program = with_whole_passes(program, rows)
    kept, names = kept_of(program, rows), passes_of(program, rows)
    for name in names:
        program = pass_in_packs(program, name) if each > 1 else program
        program = pass_in_lanes(program, name, lanes)
    tiles = (lanes * each, each) if each > 1 else (lanes,)
    program = with_own_elements(with_trees(program, lanes), kept, *tiles)
    program, _ = with_one_storing(program, rows)
    program = bind(program, passes_of(program, rows), LoopKind.LANE)
    program = with_packs(program, names) if each > 1 else program
    if program.loop(rows).ends == (as_index(1),):
        return with_tight_loops(with_known_registers(bind(program, rows, LoopKind.BLOCK)))
    program = split(program, rows, THREADS // lanes, Tail.GUARD)
    blocks, warps = f"{rows}_outer", f"{rows}_inner"
    if lanes < target.lanes:
        program = split(program, warps, target.lanes // lanes, Tail.NONE)
        program = bind(program, f"{warps}_inner", LoopKind.LANE)
        program = rename(program, f"{warps}_inner", f"{rows}_lane")
        warps = f"{warps}_outer"
    program = rename(program, warps, f"{rows}_warp")
    program = bind(program, f"{rows}_warp", LoopKind.THREAD)
    return with_tight_loops(with_known_registers(bind(program, blocks, LoopKind.BLOCK)))


def rows_by_blocks(
    program: LoopProgram, rows: str, target: Target, *, is_read_again: bool = False
) -> LoopProgram:
    """Give each row to a block.

    Args:
        program: the program.
        rows: the loop over rows.
        target: the card.
        is_read_again: True if passes read a row again that no registers hold; else it is refused.
    """
    length = length_of(program, rows)
    is_of_few_warps = isinstance(length, int) and 1 < length / target.lanes <= PACK
    each = PACK if not is_of_few_warps and is_in_packs(program, rows) else 1
    warps = _warps(program, rows, target.lanes * each)
    threads = warps * target.lanes
    if not is_read_again or _fits(program, rows, threads * each, each, MOST_BLOCK_WORDS):
        program = with_rows_in_registers(program, rows, threads * each, each, MOST_BLOCK_WORDS)
    kept = kept_of(program, rows)
    names = passes_of(program, rows)
    reductions = [name for name in names if reduces(program.loop(name))]
    for name in names:
        program = pass_in_packs(program, name) if each > 1 else program
        program = pass_in_warps(program, name, warps, target.lanes, each)
    program = without_single_turns(bind(program, rows, LoopKind.BLOCK), rows)
    for name in reductions:
        program = with_results_of_warps(program, rows, f"{name}_warp")
    program = with_trees(program, target.lanes)
    tiles = (threads, target.lanes) if each == 1 else (threads * each, target.lanes * each, each)
    program = with_own_elements(program, kept, *tiles)
    program, storing = with_one_storing(program, rows)
    of_warps = [f"{name}_warp" for name in names]
    lanes = [lane for name in of_warps for lane in passes_of(program, name)]
    program = bind(program, lanes, LoopKind.LANE)
    program = with_known_registers(bind(program, of_warps, LoopKind.THREAD))
    for name in storing:
        program = bind(program, name, LoopKind.THREAD)
    return with_tight_loops(with_packs(program, names) if each > 1 else program)


def _warps(program: LoopProgram, rows: str, together: int) -> int:
    """Return the warps of a block, each of which has so many elements of a row at a time: by the
    number of elements, so that bits do not depend on that of rows. None is without an element,
    unless all are for one."""
    length = length_of(program, rows)
    most = LONG_ROW_WARPS if typical(length) > LONG_ROW else BLOCK_WARPS
    if not isinstance(length, int) or length <= together:
        return most
    return min(most, -(-length // together))


def with_rows_in_registers(
    program: LoopProgram, rows: str, together: int, each: int, most: int
) -> LoopProgram:
    """Return a program whose passes read a row once; refused if the registers of a thread do not
    hold what later ones need of it.

    Args:
        program: the program.
        rows: the loop over rows.
        together: how many elements threads have at a time.
        each: how many of them one thread has.
        most: the registers of a thread that hold elements.
    """
    length = length_of(program, rows)
    if not isinstance(length, int):
        return program
    program = with_kept_rows(program, rows)
    words = words_of(program, rows) * -(-length // together) * each
    if words > most or (again := read_again(program, rows)):
        what = f"{words} words of a row, of {most}" if words > most else f"{again[0]} read again"
        expected = "rows that the registers of a thread hold"
        raise refused(program, "keep", f"the loop {rows!r}", expected, what)
    return program


def _fits(program: LoopProgram, rows: str, together: int, each: int, most: int) -> bool:
    try:
        with_rows_in_registers(program, rows, together, each, most)
    except RewriteError:
        return False
    return True


BLOCKS = Mapping(
    "a block a row",
    _has_rows_of_blocks,
    _by_blocks,
    "a long row keeps all threads of a block busy, whose warps meet in shared memory",
)

LONG = Mapping(
    "a block a long row",
    _has_known_length,
    _by_blocks_again,
    "of a row that no registers hold each pass reads the elements",
)

ANY_LENGTH = Mapping(
    "a block a row of any length",
    always,
    _by_blocks_again,
    "of a row that registers may not hold each pass reads the elements",
)

WALKS = Mapping(
    "a thread a row of any length",
    always,
    _by_walks,
    "elements that a block can't divide are gone over one by one",
)

PARTS = Mapping(
    "blocks a row",
    _has_few_long_rows,
    _by_parts,
    "so few rows leave most of a card idle, unless blocks divide each; a second launch finishes",
)

NOTHING = Mapping(
    "elements without terms",
    _has_no_terms,
    in_elements,
    "of no terms a result is known, and each thread has one",
)

BOUNDED = tuple(
    Mapping(
        f"lanes of a warp a row of at most {most}",
        _has_rows_up_to(most),
        _by_lanes_up_to(most),
        "the registers of a warp hold what several passes read of a short row",
    )
    for most in MOST_BOUNDED
)

SHORT_ROWS = Mapping(
    "a thread a row",
    _has_short_rows,
    _by_threads,
    "a row of so few elements leaves lanes nothing to do",
)

LANES = Mapping(
    "lanes of a warp a row",
    _has_rows_of_warps,
    _by_lanes,
    "lanes combine their parts by shuffles, and keep what several passes read",
)

ROWS = (NOTHING, SHORT_ROWS, LANES, *BOUNDED, PARTS, BLOCKS, LONG, ANY_LENGTH, WALKS)
"""The mappings of kernels of kind rows."""
