"""Mapping of scattered sums on a GPU, without atomics: a block owns a tile of the result.

    for row_block < 1250 (block):
      allocate s0: float32[8, 2, 128] in shared
      ...                                                   begin the sums of the tile
      for chunk < (80*batch + 1023) // 1024:
        for warp < 8 (thread):
          ...                                               find the places that name a row of the
          counts[warp] = found[]                            tile, and count them
        barrier (shared)
        for warp_2 < 8 (thread):
          ...
          gc_list_of_32_lanes(place_list[0:], ...)          list them
        barrier (shared)
        for group < 2 (thread):
          for column < 128 (thread):
            for listed < end:
              index selected = place_list[listed]
              if selected % 2 == group:
                s0[..., group, column] = sum(s0[...], x1[...])
      ...                                                   what follows of the sums

A tile is some rows (places along the scattered axis) by some columns (all other axes together). A
block looks at all places in chunks. Each warp lists those of its part of a chunk that name a row
of the tile, in their order, and each thread adds what is listed to the sums that it owns. A sum is
therefore made in the order of the places, whatever the sizes.

Every block reads every index, once from memory and then from the cache, so a tile should have many
rows; but blocks have to be many enough to fill a card, and a row that is named often keeps its one
block busy. The rule: tiles of `_MOST_ELEMENTS` elements, up to `_MOST_COLUMNS` columns wide (as
many as there are, rounded up to a power of two); half as many rows, and again, while there would be
fewer than `_ENOUGH_BLOCKS` blocks, down to an element a thread.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import partial

from graphc.compiler.graph.dim import Dim, Size, ceil_divide
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import (
    LoopProgram,
    block_of,
    loops_in,
    walk,
)
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.flatten import flatten
from graphc.compiler.loops.rewrites.buffers.pack import pack
from graphc.compiler.loops.rewrites.conditions.elect import elect
from graphc.compiler.loops.rewrites.conditions.guard import guard
from graphc.compiler.loops.rewrites.conditions.narrow import narrow
from graphc.compiler.loops.rewrites.conditions.pick import pick
from graphc.compiler.loops.rewrites.conditions.unswitch import unswitch
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.synchronise import synchronise
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.loops.compact import compact
from graphc.compiler.loops.rewrites.loops.enclose import enclose
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.hoist import hoist
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.relayout import relayout
from graphc.compiler.loops.rewrites.staging.stage_terms import stage_terms
from graphc.compiler.loops.rewrites.values.defer import defer
from graphc.compiler.loops.rewrites.values.invariant import with_invariant_loads_ahead
from graphc.compiler.loops.statement import Accumulate, Allocate, Check, For, Let, LoopKind
from graphc.compiler.schedule.hardware import PACK, power_of_two
from graphc.compiler.targets.cuda.intrinsics import count_of_lanes, list_of_lanes
from graphc.compiler.targets.cuda.pointwise import POINTWISE
from graphc.compiler.targets.cuda.rows import passes_of, with_one_storing
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.scatter_loops import ScatterLoops, scatter_loops_of
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

THREADS = 256
ROUNDS = 4
"""Places that a thread looks at in one chunk."""

AHEAD = 4
"""Listed places whose numbers a thread reads before it adds the first of them."""

_MOST_ELEMENTS = 2048
_MOST_COLUMNS = 128
_ENOUGH_BLOCKS = 512


def scatter_tile(size: Size, columns: Size) -> tuple[int, int]:
    """Return the rows and columns of a block's tile of a result with `size` rows, by the rule
    above."""
    wide = _MOST_COLUMNS if isinstance(columns, Dim) else min(power_of_two(columns), _MOST_COLUMNS)
    most = _MOST_ELEMENTS // wide
    rows = most if isinstance(size, Dim) else min(power_of_two(size), most)
    if not isinstance(size, Dim):
        across = 1 if isinstance(columns, Dim) else -(-columns // wide)
        while rows * wide > THREADS and -(-size // rows) * across < _ENOUGH_BLOCKS:
            rows //= 2
    return rows, wide


def _names_rows(program: LoopProgram, target: Target) -> Applicability:
    _, scatter = scatter_loops_of(program)
    return never(scatter) if isinstance(scatter, str) else ALWAYS


def _in_flat_tiles(program: LoopProgram, target: Target) -> LoopProgram:
    """Give each block a tile of the result, and each thread sums of it. What lies side by side is
    accessed by its position."""
    program, scatter = scatter_loops_of(program)
    assert isinstance(scatter, ScatterLoops)
    return _in_tiles(flatten(_with_columns(program, scatter)), scatter, target)


def _in_tiles_by_coordinates(program: LoopProgram, target: Target) -> LoopProgram:
    """Do the same where elements are accessed by their coordinates."""
    program, scatter = scatter_loops_of(program)
    assert isinstance(scatter, ScatterLoops)
    return _in_tiles(_with_columns(program, scatter), scatter, target)


def _in_tiles(program: LoopProgram, scatter: ScatterLoops, target: Target) -> LoopProgram:
    size, columns = (program.loop(one).ends[0].constant for one in ("row", "column"))
    tile = _Tile.of(size, columns)
    program = _in_blocks(program, tile)
    program = _in_phases(program, scatter.total)
    program = relayout(program, scatter.total, BufferLayout((0, 0, 1), {0: tile.groups}))
    program = _with_lists(program, target)
    program = _with_own_sums(program, scatter.total, tile)
    program = _with_results(program, tile)
    return _in_threads(program)


@dataclass(frozen=True)
class _Tile:
    """The tile of a block, and how threads divide it.

    Attributes:
        rows, columns: of the result.
        groups: how many threads have sums of a column, each those of every so many rows.
    """

    rows: int
    columns: int
    groups: int

    @classmethod
    def of(cls, size: Size, columns: Size) -> _Tile:
        """Return the tile for a result of so many rows and columns."""
        rows, wide = scatter_tile(size, columns)
        rows = rows if isinstance(size, Dim) else min(rows, size)
        groups = min(THREADS // wide, rows)
        return cls(rows, wide if isinstance(columns, Dim) else min(wide, columns), groups)


def _with_columns(program: LoopProgram, scatter: ScatterLoops) -> LoopProgram:
    """Return a program with a loop ``row`` over the rows, and in it one over all numbers of a row,
    ``column``; ``place`` is the loop over the places."""
    for name in scatter.rows:
        _, place = block_of(program, program.loop(name))
        if place > 0:
            program = sink(program, name)
    columns = [one for one in scatter.rows if one != scatter.row]
    for outer in reversed(columns[: scatter.rows.index(scatter.row)]):
        program = reorder(program, outer, scatter.row)
    if not columns:
        program = enclose(program, 0, len(program.loop(scatter.row).body), "column", scatter.row)
        columns = ["column"]
    outer, *others = columns
    for inner in others:
        program = fuse(program, outer, inner)
        outer = f"{outer}_{inner}"
    for old, new in ((scatter.row, "row"), (outer, "column"), (scatter.place, "place")):
        program = rename(program, old, new) if old != new else program
    return program


def _in_blocks(program: LoopProgram, tile: _Tile) -> LoopProgram:
    """Return a program with loops ``row_block`` and ``column_block`` over tiles, and ``row`` and
    ``column`` over those of one."""
    for loop, size in (("row", tile.rows), ("column", tile.columns)):
        program = split(program, loop, size, Tail.SHORT)
        program = rename(program, f"{loop}_outer", f"{loop}_block")
        program = rename(program, f"{loop}_inner", loop)
    program = reorder(program, "row", "column_block")
    for loop in ("column_block", "row_block"):
        if program.loop(loop).ends == (as_index(1),):
            program = unroll(program, loop)
    if isinstance(program.body[0], For):
        return program
    return enclose(program, 0, len(program.body), "row_block")


def read_by_blocks(program: LoopProgram) -> LoopProgram:
    """Return a program whose loads are those of the threads: all indices for each tile, an update
    for the one tile that it is added to."""
    program, scatter = scatter_loops_of(program)
    assert isinstance(scatter, ScatterLoops)
    program = flatten(_with_columns(program, scatter))
    size, columns = (program.loop(one).ends[0].constant for one in ("row", "column"))
    tile = _Tile.of(size, columns)
    program = _in_phases(program, scatter.total)
    place = program.loop("place")
    checks = itertools.takewhile(lambda one: isinstance(one, Let | Check), place.body)
    names = Names(program)
    again = names.copied((replace(place, body=tuple(checks)),))
    tiles = ceil_divide(size, tile.rows) * ceil_divide(columns, tile.columns)
    others = For(names.variable("other_tile"), (as_index(tiles) - 1,), again)
    return replace(program, body=(others, *program.body))


def _in_phases(program: LoopProgram, total: str) -> LoopProgram:
    """Return a program with a nest in which the sums of rows begin, a loop over the places that
    adds to one row of them each, and a nest of what follows."""
    program = defer(program, "column")
    for loop in ("column", "row"):
        program = expand(program, loop, total, BufferScope.SHARED)
    _, place = block_of(program, program.loop("place"))
    if place > 1:  # values of a column, which its updates alone are made of
        program = sink(program, "place", place - 1)
    for names in (("column", "row"), ("column_2", "row_2")):
        for loop in names:
            program = fission(program, loop, 1)
    program = reorder(reorder(program, "column_2", "place"), "row_2", "place")
    program = narrow(program, "column_2")
    *ahead, _ = program.loop("column_2").body
    for one in ahead:
        assert isinstance(one, Let | Check)
        name = one.local.name if isinstance(one, Let) else one.variable.name
        program = hoist(hoist(program, name), name)
    return pick(unswitch(program, "column_2"), "row_2")


def _with_lists(program: LoopProgram, target: Target) -> LoopProgram:
    """Return a program that goes over the places in a loop ``chunk``, in which each turn of one
    over warps lists its share of them, and then another loop runs what all have listed."""
    turns, warps = ROUNDS * target.lanes, THREADS // target.lanes
    program = split(program, "place", turns * warps, Tail.GUARD)
    program = rename(rename(program, "place_outer", "chunk"), "place_inner", "place")
    program = compact(program, "place", warps)
    for one in program.loop("chunk").body:
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED:
            program = hoist(program, one.buffer.name)
    names = [one.variable.name for one in program.loop("chunk").body if isinstance(one, For)]
    for old, new in zip(names, ("warp", "each", "warp_2"), strict=False):
        program = rename(program, old, new)
    for loop in ("row", "chunk"):
        program = synchronise(program, loop)
    return _in_lanes(program, target)


def _in_lanes(program: LoopProgram, target: Target) -> LoopProgram:
    """Return a program whose lanes find the places of a warp, count and list them together."""
    (numbers,) = (
        one.buffer
        for one in program.loop("chunk").body
        if isinstance(one, Allocate) and one.buffer.shape != ()
    )
    program = relayout(program, numbers.name, BufferLayout((0, 1, 1), {1: target.lanes}))
    finding, counting = passes_of(program, "warp")
    ahead, listing = passes_of(program, "warp_2")
    rounds = ("round", "round_2", "round_3")
    lanes = ("lane", "lane_2", "lane_3")
    for loop, outer, inner in zip((finding, counting, listing), rounds, lanes, strict=True):
        program = split(program, loop, target.lanes, Tail.NONE)
        program = rename(program, f"{loop}_outer", outer)
        program = rename(program, f"{loop}_inner", inner)
    program = rename(reorder(program, "round", "lane"), ahead, "ahead")
    checks = [one for one in walk(program.loop("lane_3").body) if isinstance(one, Check)]
    most, places = (one.end for one in checks)
    assert isinstance(most, int)
    assert isinstance(places, int)
    program = use(program, count_of_lanes(target.lanes, most), "lane_2")
    program = use(program, list_of_lanes(target.lanes, most, places), "lane_3")
    program, stores = with_one_storing(program, "warp")
    for loop in (*rounds, "ahead", "each"):
        program = bind(program, loop, LoopKind.UNROLLED)
    return bind(program, ("lane", *stores), LoopKind.LANE)


def _with_own_sums(program: LoopProgram, total: str, tile: _Tile) -> LoopProgram:
    """Return a program in which loops ``group`` and ``column`` over the sums of a tile are around
    what begins them, and around what adds what is listed to them."""
    listed = "place_listed"
    around = ["column_2"]
    if tile.groups > 1:
        around.append("group_2")
    for loop in around:
        if loop == "group_2":
            (adding,) = (
                one for one in walk(program.loop(listed).body) if isinstance(one, Accumulate)
            )
            group = adding.targets[0].coords[1]
            program = elect(program, listed, group, tile.groups, loop)
        program = reorder(sink(program, loop), listed, loop)
    if tile.groups > 1:
        program = reorder(program, "column_2", "group_2")
    program = split(program, "row", tile.groups, Tail.GUARD)
    program = rename(rename(program, "row_outer", "row"), "row_inner", "group")
    program = reorder(program, "row", "group")
    program = reorder(program, "row", "column")
    program = split(program, listed, AHEAD, Tail.GUARD)
    program = rename(program, f"{listed}_outer", "listed")
    program = rename(program, f"{listed}_inner", "k")
    program = stage_terms(program, "k")
    for loop in passes_of(program, "listed"):
        program = bind(program, loop, LoopKind.UNROLLED)
    return program


def _with_results(program: LoopProgram, tile: _Tile) -> LoopProgram:
    """Return a program in which threads compute what follows of the sums, of four neighbours at
    once where these lie side by side."""
    rows, columns = "row_3", "column_3"
    try:
        divided = split(program, columns, PACK, Tail.NONE)
        program = pack(rename(divided, f"{columns}_inner", "part"), "part")
        columns = f"{columns}_outer"
        groups = min(tile.rows, THREADS // (power_of_two(tile.columns) // PACK))
    except RewriteError:  # none of it lies side by side
        groups = tile.groups
    program = split(program, rows, groups, Tail.GUARD)
    program = rename(rename(program, f"{rows}_outer", "row_3"), f"{rows}_inner", "finisher")
    program = reorder(program, "row_3", "finisher")
    program = reorder(program, "row_3", columns)
    return _with_values_ahead(rename(program, columns, "own"), "row_3")


def _with_values_ahead(program: LoopProgram, loop: str) -> LoopProgram:
    """Return a program in which values that are the same in all turns of a loop are ahead of it."""
    if not _has_loop(program, loop):  # it has one turn
        return program
    program = with_invariant_loads_ahead(program, loop)
    for one in program.loop(loop).body:
        if isinstance(one, Let):
            try:
                program = hoist(program, one.local.name)
            except RewriteError:  # it is another one in each turn
                continue
    return program


def _has_loop(program: LoopProgram, name: str) -> bool:
    return any(one.variable.name == name for one in loops_in(program.body))


def _in_threads(program: LoopProgram) -> LoopProgram:
    """Return a program whose loops are of blocks and threads."""
    for loop in ("column_block", "row_block"):
        if _has_loop(program, loop):
            program = bind(program, loop, LoopKind.BLOCK)
    for loop in ("column", "column_2", "own"):
        if len(program.loop(loop).ends) > 1:
            program = guard(program, loop)
    for loop in ("group", "column", "group_2", "column_2", "finisher", "own"):
        if _has_loop(program, loop):
            program = bind(program, loop, LoopKind.THREAD)
    for loop, note in _NOTES.items():
        if _has_loop(program, loop):
            program = program.with_loop(loop, partial(_noted, note))
    return simplify(program)


def _noted(note: str, loop: For) -> tuple[For, ...]:
    return (replace(loop, note=note),)


_NOTES = {
    "chunk": "look at all indices, in chunks",
    "group": "begin the sums of the tile",
    "round": "find the places whose index is a row of the tile",
    "round_3": "list them behind those of the warps ahead",
    "group_2": "add what they have, in order; several are read before the first is added",
    "finisher": "what follows of the sums",
}
"""The comments of loops."""


TILES = Mapping(
    "tiles of sums by blocks",
    _names_rows,
    _in_flat_tiles,
    "blocks own tiles of the sums, so that nothing is added atomically and sums have an order",
)

TILES_BY_COORDINATES = Mapping(
    "tiles of sums by coordinates",
    _names_rows,
    _in_tiles_by_coordinates,
    "coordinates tell that what blocks store is disjoint where a position does not",
)

SCATTER = (TILES, TILES_BY_COORDINATES, *POINTWISE)
"""The mappings of kernels of kind scatter."""
