"""Mapping of reductions whose results lie side by side: a block has some neighbouring columns, and
several threads of each.

    for i0_outer < 4 (block):
      allocate s0_parts: float32[8, 32] in shared
      for k0_thread < 8 (thread):
        for i0_inner < 32 (thread):
          allocate s0_parts_tile: float32[1] in register
          s0_parts_tile[0] = 0.0
          for k0_outer < 13:
            s0_parts_tile[0] = sum(s0_parts_tile[0], x0[8*k0_outer + k0_thread, ...])
          s0_parts[k0_thread, i0_inner] = s0_parts_tile[0]
      barrier (shared)
      for i0_inner1 < 32 (thread):
        ...
        for s0_part < 8 (unrolled):
          s0[] = sum(s0[], s0_parts[s0_part, i0_inner1])
        y0[32*i0_outer + i0_inner1] = s0[]
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from graphc.compiler.graph.dim import Size, ceil_divide, evaluate_at, typical
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    loads_of,
    loops_in,
    targets_of,
    values_of,
    walk,
    walk_in_ranges,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.postpone import postpone
from graphc.compiler.loops.rewrites.conditions.guard import guard
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.synchronise import synchronise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import join
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.simplify import simplify, without_unused
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.relayout import relayout
from graphc.compiler.loops.rewrites.staging.stage_result import stage_result
from graphc.compiler.loops.rewrites.values.demote import demote
from graphc.compiler.loops.statement import Accumulate, Allocate, For, Let, LoopKind, Statement
from graphc.compiler.loops.value import Local, at_least
from graphc.compiler.schedule.hardware import WARP, power_of_two
from graphc.compiler.targets.cuda.reductions.rows import (
    ANY_LENGTH,
    BLOCKS,
    FEW_BLOCKS,
    LONG,
    LONG_WALK,
    NOTHING,
    PARTS,
    WALKS,
    default_name,
    in_one_pass,
    in_two_launches,
    named,
    rows_by_lanes,
    with_results_in_registers,
    with_rows_in_registers,
)
from graphc.compiler.targets.cuda.rows import (
    CHUNK,
    in_joined_rows,
    in_rows,
    kept_of,
    length_of,
    may_be_long,
    passes_of,
    reduces,
    rows_of,
    sums_floats,
    with_bounded_passes,
    with_known_registers,
    with_own_elements,
    with_tight_loops,
    with_whole_passes,
)
from graphc.compiler.targets.mapping import (
    ALWAYS,
    Applicability,
    Mapping,
    knowing,
    never,
    where,
)
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

THREADS = 256
"""Threads of a block."""

MOST_WORDS = 64
"""Registers of a thread that hold what is kept of a column; the rest are for the computation."""

TURNS_OF_KEPT = 16
"""Elements of a column that a thread keeps at most: loops over registers are written out."""

PART_OF_COLUMN = 256
"""Elements of a part of a column that blocks divide."""

NARROWEST = 8
"""Columns of a block at least: 32 bytes are the least that memory hands out."""

MANY_BLOCKS = 64
"""Blocks from which on a card is busy; where there are fewer, a block has fewer columns."""


@dataclass(frozen=True)
class Tile:
    """The threads of a block.

    Attributes:
        width: columns, a power of two.
        height: threads of each column, a power of two.
    """

    width: int
    height: int


def choose_tile(columns: Size, length: Size) -> Tile:
    """Return the threads for a number of columns of a length."""
    highest = power_of_two(length) if isinstance(length, int) else THREADS
    width = WARP
    if isinstance(columns, int):
        width = min(WARP, power_of_two(columns))
        while width > NARROWEST and columns < width * MANY_BLOCKS and THREADS // width < highest:
            width //= 2
    height = min(THREADS // width, highest)
    if isinstance(length, int):
        while width * height < THREADS and (not isinstance(columns, int) or width < columns):
            width *= 2
    return Tile(width, height)


def _has_contiguous_columns(program: LoopProgram, target: Target) -> Applicability:
    """Return that the mapping applies where what neighbouring results are made of lies side by
    side."""
    columns = innermost_kept(program)
    if columns is None:
        return never("it has no loop over columns")
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        if columns.variable not in ranges.ends:
            continue
        for element in (*loads_of(statement), *targets_of(statement)):
            place = element.buffer.place(element.coords)
            if ranges.step(place, columns.variable) not in (0, 1):
                return never(f"{element} is not contiguous in {columns.variable}")
    return ALWAYS


def _has_columns_of_one_pass(program: LoopProgram, target: Target) -> Applicability:
    answer = _has_contiguous_columns(program, target)
    if answer.refusal:
        return answer
    program = in_joined_rows(program)
    return in_one_pass(program, rows_of(program))


def innermost_kept(program: LoopProgram) -> For | None:
    """Return the innermost loop whose turns are results: what reduces is inside of it."""
    for loop in walk(program.body):
        if isinstance(loop, For) and any(isinstance(one, Allocate) for one in loop.body):
            return loop
    return None


def _in_tiles(program: LoopProgram, target: Target) -> LoopProgram:
    program = in_joined_rows(program)
    return _named(simplify(columns_by_tiles(program, rows_of(program))))


def _in_kept_tiles(program: LoopProgram, target: Target) -> LoopProgram:
    """The same for columns of which threads keep what several passes read."""
    program = in_rows(program)
    columns = rows_of(program)
    length = length_of(program, columns)
    if not isinstance(length, int):
        most = _most_kept(program)
        program = knowing(program, at_least(most - length))
        program = with_bounded_passes(program, columns, most)
    tile = _tile_of(program, columns)
    program = with_rows_in_registers(program, columns, tile.height, 1, MOST_WORDS)
    program = with_whole_passes(program, columns)
    kept = kept_of(program, columns)
    return _named(simplify(columns_by_tiles(program, columns, kept)))


def _most_kept(program: LoopProgram) -> int:
    """Return the most elements of a column that its threads keep."""
    return TURNS_OF_KEPT * _tile_of(program, rows_of(program)).height


def _has_kept_columns(program: LoopProgram, target: Target) -> Applicability:
    answer = _has_contiguous_columns(program, target)
    if answer.refusal:
        return answer
    program = in_rows(program)
    length, most = length_of(program, rows_of(program)), _most_kept(program)
    if evaluate_at(length, 1) > most:
        return never(f"a column has {length} elements, never at most {most}")
    return ALWAYS if isinstance(length, int) else where(at_least(most - length))


def _tile_of(program: LoopProgram, columns: str) -> Tile:
    return choose_tile(program.loop(columns).ends[0].constant, length_of(program, columns))


def columns_by_tiles(
    program: LoopProgram, columns: str, kept: Sequence[Buffer] = ()
) -> LoopProgram:
    """Give each tile of columns to a block.

    Args:
        program: the program.
        columns: the loop over columns.
        kept: the buffers that have what threads keep of a column's elements.
    """
    count, tile = program.loop(columns).ends[0].constant, _tile_of(program, columns)
    width = min(tile.width, count) if isinstance(count, int) else tile.width
    program = split(program, columns, width, Tail.SHORT)
    blocks, column = f"{columns}_outer", f"{columns}_inner"
    for name in passes_of(program, column):
        program = _pass_in_threads(program, column, name, tile.height)
    program = with_own_elements(program, kept, tile.height)
    program = _by_phases(program, column, {buffer.name for buffer in kept})
    phases = passes_of(program, blocks)
    for phase in phases[:-1]:
        if _writes_shared(program.loop(phase).body):
            program = synchronise(program, phase)
    program = bind(program, blocks, LoopKind.BLOCK)
    shares = [name for name in phases if _is_of_threads(program.loop(name))]
    inside = [name for share in shares for name in passes_of(program, share)]
    for name in (*phases, *inside):
        if len(program.loop(name).ends) > 1:
            program = guard(program, name)
    program = bind(bind(program, inside, LoopKind.THREAD), shares, LoopKind.THREAD)
    for phase in phases:
        if phase not in shares:
            program = bind(program, phase, LoopKind.THREAD)
    return with_tight_loops(with_known_registers(program) if kept else program)


def _has_few_long_columns(program: LoopProgram, target: Target) -> Applicability:
    answer = _has_contiguous_columns(program, target)
    if answer.refusal:
        return answer
    program = in_joined_rows(program)
    columns = rows_of(program)
    count, length = program.loop(columns).ends[0].constant, length_of(program, columns)
    tile = choose_tile(count, length)
    if typical(ceil_divide(count, tile.width)) >= FEW_BLOCKS:
        return never(f"there are {count} columns, enough for {FEW_BLOCKS} blocks")
    if typical(length) * tile.width <= LONG_WALK:
        return never(f"a block's columns have {length} elements each, not more than {LONG_WALK}")
    return in_one_pass(program, columns)


def _by_parts(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide each tile of columns over blocks; in a second launch a warp combines a column's
    parts."""
    program = in_joined_rows(program)
    columns = rows_of(program)
    (name,) = passes_of(program, columns)
    program = partial_sums(
        program, name, length=PART_OF_COLUMN, tree=Tree.IN_ORDER, scope=BufferScope.GLOBAL
    )
    parts = f"{name}_outer"
    program, finish = in_two_launches(program, columns, parts)
    program = reorder(program, columns, parts)
    program = with_results_in_registers(program, columns)
    program = columns_by_tiles(bind(program, parts, LoopKind.BLOCK), columns)
    return _named(simplify(rows_by_lanes(program, finish, target)))


def _named(program: LoopProgram) -> LoopProgram:
    """Return a program whose loops are called by who runs their turns."""

    def name_of(loop: For) -> str:
        if loop.kind is not LoopKind.THREAD:
            return default_name(loop)
        is_outer = any(one.kind is LoopKind.THREAD for one in loops_in(loop.body))
        return "share" if is_outer else "column"

    return named(program, name_of)


def _pass_in_threads(program: LoopProgram, columns: str, name: str, height: int) -> LoopProgram:
    """Return a program in which a pass over a column is a loop over threads, ``<name>_thread``,
    each of which has its result in a register until it has all."""
    thread = f"{name}_thread"
    if not reduces(program.loop(name)):
        program = split(program, name, height, Tail.GUARD)
        program = reorder(program, f"{name}_outer", f"{name}_inner")
        return rename(program, f"{name}_inner", thread)
    is_sum = sums_floats(program.loop(name))
    program = partial_sums(program, name, lanes=height, tree=Tree.IN_ORDER)
    program = rename(program, f"{name}_inner", thread)
    if len(program.loop(thread).ends) > 1:
        program = guard(program, thread)
    program = reorder(program, f"{name}_outer", thread)
    if is_sum and may_be_long(program.loop(f"{name}_outer")):
        program = partial_sums(program, f"{name}_outer", length=CHUNK, tree=Tree.AT_ONCE)
    body = program.loop(columns).body
    place = next(k for k, one in enumerate(body) if one is program.loop(thread))
    fills = list(itertools.takewhile(lambda one: isinstance(one, For), reversed(body[:place])))
    for fill in fills:
        assert isinstance(fill, For)
        program = join(program, fill.variable.name, thread)
        program = rename(program, fill.variable.name, thread)
    written = {x.buffer for one in walk(program.loop(thread).body) for x in targets_of(one)}
    for buffer in sorted(one.name for one in written if one.shape == (height,)):
        program = stage_result(program, thread, buffer, BufferScope.REGISTER)
    for one in passes_of(program, columns):
        loop = program.loop(one)
        if loop.ends == (as_index(height),) and isinstance(loop.body[0], Accumulate):
            program = bind(program, one, LoopKind.UNROLLED)
    return program


def _writes_shared(body: Body) -> bool:
    targets = (target for one in walk(body) for target in targets_of(one))
    return any(target.buffer.scope is BufferScope.SHARED for target in targets)


# ---- phases -------------------------------------------------------------------------------------


def _by_phases(program: LoopProgram, columns: str, kept: Set[str]) -> LoopProgram:
    """Return a program with a loop over columns for each phase between barriers. A phase of threads
    is inside of their loop. What several phases use is in shared memory, but for what is kept by
    the thread that has computed it."""
    for one in program.loop(columns).body:
        if isinstance(one, Allocate):
            try:
                program = postpone(program, one.buffer.name)
            except RewriteError:  # it stands where it is needed
                continue
    values, _ = _live_between(program.loop(columns).body)
    for value in values:
        program = demote(program, value)
    body = program.loop(columns).body
    _, buffers = _live_between(body)
    ranks = {one.buffer.name: len(one.buffer.shape) for one in body if isinstance(one, Allocate)}
    for buffer in buffers:
        if buffer in kept:
            program = expand(program, columns, buffer)
            continue
        program = expand(program, columns, buffer, BufferScope.SHARED)
        if ranks[buffer] > 0:  # neighbouring columns are in different banks
            layout = BufferLayout((*range(1, ranks[buffer] + 1), 0))
            program = relayout(program, buffer, layout)
    numbers = _phases(program.loop(columns).body)
    for at in range(len(numbers) - 1, 0, -1):
        if numbers[at] != numbers[at - 1]:
            program = fission(program, columns, at)
    program = replace(program, body=without_unused(program.body))
    for loop in loops_in(program.body):
        *ahead, inner = loop.body
        if not isinstance(inner, For) or not _is_of_threads(inner):
            continue
        if ahead:  # values that each phase computes by itself
            program = sink(program, inner.variable.name)
        program = reorder(program, loop.variable.name, inner.variable.name)
    return program


def _is_of_threads(statement: Statement) -> bool:
    return isinstance(statement, For) and statement.variable.name.endswith("_thread")


def _phases(body: Body) -> list[int]:
    """Return the number of the phase of each statement: a loop over threads is one of its own."""
    numbers = [0] * len(body)
    for at in range(1, len(body)):
        is_next = _is_of_threads(body[at]) or _is_of_threads(body[at - 1])
        numbers[at] = numbers[at - 1] + is_next
    return numbers


def _live_between(body: Body) -> tuple[list[str], list[str]]:
    """Return the names of the values, and of the buffers, of one phase that another one uses, but
    for values that each phase can compute by itself."""
    phases: dict[str, set[int]] = {}
    for number, statement in zip(_phases(body), body, strict=True):
        for one in walk((statement,)):
            for name in _names_in(one):
                phases.setdefault(name, set()).add(number)
    written = written_memories(body)
    values: list[str] = []
    for one in body:
        if isinstance(one, Let):
            reads_result = any(load.buffer.memory in written for load in loads_of(one))
            if reads_result or not _names_in(one).isdisjoint(values):
                values.append(one.local.name)
    buffers = [one.buffer.name for one in body if isinstance(one, Allocate)]
    values, buffers = ([x for x in names if len(phases[x]) > 1] for names in (values, buffers))
    return values, buffers


def _names_in(statement: Statement) -> set[str]:
    """Return the names of the buffers and values that a statement itself uses or makes."""
    found = {buffer.name for buffer in buffers_of(statement)}
    for value in values_of(statement):
        found |= {part.name for part in walk_value(value) if isinstance(part, Local)}
    return found | ({statement.local.name} if isinstance(statement, Let) else set())


TILES_KEPT = Mapping(
    "tiles of columns that threads keep",
    _has_kept_columns,
    _in_kept_tiles,
    "registers hold what several passes read of a short column",
)

TILES_AGAIN = Mapping(
    "tiles of columns that are read again",
    _has_contiguous_columns,
    _in_tiles,
    "each pass over a column reads its elements",
)

FEW_COLUMNS = Mapping(
    "blocks a tile of columns",
    _has_few_long_columns,
    _by_parts,
    "so few columns leave most of a card idle, unless blocks divide each; a second launch finishes",
)

TILES = Mapping(
    "tiles of columns",
    _has_columns_of_one_pass,
    _in_tiles,
    "what neighbouring columns are made of lies side by side, and memory hands it out together",
)

COLUMNS = (
    NOTHING,
    FEW_COLUMNS,
    TILES,
    TILES_KEPT,
    TILES_AGAIN,
    PARTS,
    BLOCKS,
    LONG,
    ANY_LENGTH,
    WALKS,
)
"""The mappings of kernels of kind columns."""
