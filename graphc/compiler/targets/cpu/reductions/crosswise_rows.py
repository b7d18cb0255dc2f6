"""Mapping of reductions that read, or write, some arrays along their rows and others across them:
tiles of neighbouring rows are reduced together, each row in a lane of vectors, and what lies side
by side along another loop is transposed tile by tile.

    for i0 < n (team):
      for i1_outer < 36:
        allocate x1_tile: float32[21, 256] in thread
        gc_transpose_to_tile<256, 21>(x1[i0, 256*i1_outer:, 0:], x1_tile[0:, 0:], ...)
        for i1_inner < 256 (vector):
          s0[i1_inner] = 0.0
        for k0 < 21:
          for i1_inner_2 < 256 (vector):
            t0 = mul(x0[i0, k0, 256*i1_outer + i1_inner_2], x1_tile[k0, i1_inner_2])
            s0[i1_inner_2] = sum(s0[i1_inner_2], t0)
        ...

Three loops are what the tiles go along: one over the few terms of a row, whose tiles all passes
over the row read; one over many terms, as those of the statistics of channels, in which each tile
is read by one pass; or the loop over results around the rows, as of the gradient of an image that
was repeated. A sum over two axes, as that of a loss over the classes of each pixel, is one of rows
that become lanes of partial results.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loads_of,
    most_known_turns,
    path_to,
    targets_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.axes import with_axes_of_loops
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.stage_result import stage_result
from graphc.compiler.loops.statement import Check, For, LoopKind, Store
from graphc.compiler.loops.value import Load
from graphc.compiler.targets.cpu.crosswise import (
    TRANSPOSED,
    strided_loads,
    transposed_tile,
    with_transposed_tile,
)
from graphc.compiler.targets.cpu.reductions.columns import (
    CHUNK,
    LEAST_ROWS,
    TILE,
    rows_innermost,
    scope_of_rows,
)
from graphc.compiler.targets.cpu.reductions.loops import (
    kept_loops,
    loops_over_terms,
    may_exceed,
    reducing_loops,
    with_joined_axes,
)
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target

AREA = 8192
"""Elements of a tile that is transposed: 32 KiB of float32; the second cache holds some of them."""

LEAST_SIDE = 16
"""The least side of a tile along a loop of more turns: a line of the cache."""

MOST_ACROSS = 128
"""Turns of a long loop across the rows in a tile."""


@dataclass(frozen=True)
class LaneRows:
    """Rows that become lanes, and what is transposed.

    Attributes:
        loop: the loop over them.
        are_along: True if some of their terms lie side by side along that loop as it is.
        is_kept: True if what is transposed lies along the loop over results around the rows, not
            along their terms.
        are_partial: True if the rows are terms of one result.
    """

    loop: For
    are_along: bool
    is_kept: bool
    are_partial: bool


# ---- where it applies ---------------------------------------------------------------------------


def _lies_crosswise(program: LoopProgram, target: Target) -> Applicability:
    found = _rows_of(with_joined_axes(program))
    return ALWAYS if isinstance(found, LaneRows) else never(found)


def _rows_of(program: LoopProgram) -> LaneRows | str:
    """Return the rows of a program along which something lies, or why it has none."""
    kept = kept_loops(program)
    if not kept:
        return "it has no loop over rows"
    found = _with_something_along(rows_along(program, kept[-1], kept))
    passes = innermost_loops(program.body)
    if isinstance(found, str) and passes == reducing_loops(program) and len(passes) == 1:
        over = loops_over_terms(program, passes[0])
        if len(over) > 1 and over[-2].body == (over[-1],):
            return _with_something_along(rows_along(program, over[-2], kept))
    return found


def _with_something_along(rows: LaneRows | str) -> LaneRows | str:
    if isinstance(rows, LaneRows) and not rows.are_along:
        return f"nothing lies side by side along {rows.loop.variable}"
    return rows


def rows_along(program: LoopProgram, rows: For, kept: list[For]) -> LaneRows | str:
    """Return a loop of a program, or of those over its results, as one over rows, or why it is
    none."""
    if not may_exceed(rows, LEAST_ROWS - 1):
        return f"{rows.variable} has fewer than {LEAST_ROWS} turns"
    passes = innermost_loops(rows.body)
    if not passes or any(_nest(rows, one) is None for one in passes):
        return "a pass over a row is more than one loop in another"
    terms = frozenset(one.variable for one in passes)
    of_rows = frozenset(one.variable for one in program.loops_to(rows.variable.name))
    around = frozenset({kept[-2].variable} if rows is kept[-1] and len(kept) > 1 else ())
    across: set[LoopVariable] = set()
    is_along = False
    for element, step, sides in _elements(program, rows):
        if step in (0, 1):
            is_along |= step == 1 and any(coord.variables - of_rows for coord in element.coords)
            continue
        if not sides & (terms | around):
            return f"{element} lies side by side in no loop beside {rows.variable}"
        across |= sides & (terms | around)
    if across & around and not across <= around:
        return "what lies across its rows does so along terms and results"
    return LaneRows(rows, is_along, bool(across & around), rows not in kept)


def _nest(rows: For, innermost: For) -> list[For] | None:
    """Return the loops of a pass over a row, from the outermost on; None if these are no nest."""
    path = path_to(rows.body, innermost)
    loops = [one for one in path if isinstance(one, For)]
    is_nest = len(loops) == len(path) and all(len(one.body) == 1 for one in loops[:-1])
    return loops if is_nest else None


def _elements(
    program: LoopProgram, rows: For
) -> Iterator[tuple[Load, object, frozenset[LoopVariable]]]:
    """Yield what each row loads and stores, by how much its place moves from row to row, and the
    loops along which it lies side by side."""
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        if rows.variable not in ranges.ends:
            continue
        for element in (*loads_of(statement), *targets_of(statement)):
            place = element.buffer.place(element.coords)
            step = ranges.step(place, rows.variable)
            sides = (one for one in ranges.ends if isinstance(one, LoopVariable))
            yield element, step, frozenset(one for one in sides if ranges.step(place, one) == 1)


# ---- how it runs --------------------------------------------------------------------------------


def _in_tiles(program: LoopProgram, target: Target) -> LoopProgram:
    program = with_joined_axes(program)
    rows = _rows_of(program)
    assert isinstance(rows, LaneRows)
    return rows_in_tiles(program, rows)


def rows_in_tiles(program: LoopProgram, rows: LaneRows) -> LoopProgram:
    """Reduce tiles of neighbouring rows together; threads divide the outermost axis of results, or
    the tiles, or, where one tile is all, the chunks of long reductions."""
    for loop in innermost_loops(rows.loop.body):
        program = with_axes_of_loops(program, loop.variable.name)
    if rows.is_kept:
        return _along_results(program, rows)
    passes = [one for one in rows.loop.body if isinstance(one, For)]
    terms = [most_known_turns(one) or AREA for one in passes]
    if passes == innermost_loops(rows.loop.body) and max(terms) <= AREA // LEAST_SIDE:
        return _of_few_terms(program, rows, max(terms))
    return _of_many_terms(program, rows)


def _of_few_terms(program: LoopProgram, rows: LaneRows, terms: int) -> LoopProgram:
    """Let tiles be of whole rows."""
    name = rows.loop.variable.name
    sides = (terms, _side(rows.loop, min(TILE, AREA // terms)))
    outermost = _outermost(program, name)
    site, inner = f"{name}_outer", f"{name}_inner"
    if rows.are_partial:
        length = max(1, CHUNK // terms) * sides[1]
        if may_exceed(rows.loop, length):
            program = partial_sums(program, name, length=length, tree=Tree.AT_ONCE)
            name = f"{name}_inner"
            site, inner = f"{name}_outer", f"{name}_inner"
        program = partial_sums(program, name, lanes=sides[1])
    else:
        program = split(program, name, sides[1], Tail.SHORT)
    program = rows_innermost(program, inner, scope_of_rows(program.loop(inner)))
    program = _with_transposed_tiles(program, site, sides)
    return bind(_in_vectors(program), outermost, LoopKind.TEAM)


def _of_many_terms(program: LoopProgram, rows: LaneRows) -> LoopProgram:
    """Let tiles be of parts of rows, and of one pass each."""
    name = rows.loop.variable.name
    most = _side(rows.loop, TILE)
    is_divided = rows.are_partial or may_exceed(rows.loop, most)
    inner = f"{name}_inner" if is_divided else name
    outermost = _outermost(program, name) if is_divided else kept_loops(program)[0].variable.name
    is_one_tile = outermost == name
    if rows.are_partial:
        program = partial_sums(program, name, lanes=most)
    elif is_divided:
        program = split(program, name, most, Tail.SHORT)
    sites: dict[str, tuple[int, int]] = {}
    for loop in innermost_loops(program.loop(inner).body):
        nest = _nest(program.loop(inner), loop)
        assert nest is not None
        across = _side(loop, max(LEAST_SIDE, min(MOST_ACROSS, AREA // most)))
        program = split(program, loop.variable.name, across, Tail.SHORT)
        site = f"{loop.variable.name}_outer"
        for one in reversed(nest[:-1]):
            program = fuse(program, one.variable.name, site)
            site = f"{one.variable.name}_{site}"
        sites[site] = (across, most)
    scope = BufferScope.SHARED if is_one_tile else scope_of_rows(program.loop(inner))
    program = rows_innermost(program, inner, scope)
    for site, (across, most) in sites.items():
        inside = site
        if may_exceed(program.loop(site), length := max(1, CHUNK // across)):
            scope = BufferScope.SHARED if is_one_tile else BufferScope.THREAD
            program = partial_sums(program, site, length=length, tree=Tree.IN_ORDER, scope=scope)
            inside = f"{site}_inner"
            if is_one_tile:
                program = bind(program, f"{site}_outer", LoopKind.TEAM)
        program = _with_transposed_tiles(program, inside, (across, most))
    program = _in_vectors(program)
    return program if is_one_tile else bind(program, outermost, LoopKind.TEAM)


def _along_results(program: LoopProgram, rows: LaneRows) -> LoopProgram:
    """Let tiles be of rows and of the turns of the loop around them."""
    name = rows.loop.variable.name
    around = kept_loops(program)[-2]
    most = _side(rows.loop, TILE)
    across = _side(around, max(LEAST_SIDE, min(MOST_ACROSS, AREA // most)))
    outermost = _outermost(program, around.variable.name)
    program = split(program, around.variable.name, across, Tail.SHORT)
    site, inner = f"{around.variable.name}_outer", name
    if may_exceed(rows.loop, most):
        program = split(program, name, most, Tail.SHORT)
        program = reorder(program, f"{around.variable.name}_inner", f"{name}_outer")
        site, inner = f"{name}_outer", f"{name}_inner"
    program = rows_innermost(program, inner, scope_of_rows(program.loop(inner)))
    program = _with_transposed_tiles(program, site, (across, most))
    return bind(_in_vectors(program), outermost, LoopKind.TEAM)


def _outermost(program: LoopProgram, name: str) -> str:
    """Return the outermost loop over results, after one of a name is divided."""
    outermost = kept_loops(program)[0].variable.name
    return f"{name}_outer" if outermost == name else outermost


def _side(loop: For, most: int) -> int:
    """Return how many turns of a loop a tile has: a power of two, if these are not all."""
    turns = most_known_turns(loop)
    if turns is not None and turns <= most:
        return turns
    return max(LEAST_SIDE, int(2 ** math.floor(math.log2(most))))


def _in_vectors(program: LoopProgram) -> LoopProgram:
    """Return a program whose innermost loops are vectors, but for those that check indices, or copy
    what is of a type whose tiles are not transposed in registers."""
    for loop in innermost_loops(program.body):
        name = loop.variable.name
        if any(isinstance(one, Check) for one in loop.body):
            continue
        if all(one.dtype in TRANSPOSED for one in strided_loads(program, name)):
            program = vectorise(program, name, is_divided=True)
    return program


def _with_transposed_tiles(program: LoopProgram, site: str, sides: tuple[int, int]) -> LoopProgram:
    """Return a program in which all that the loops over rows in a loop load and store lies side by
    side: tiles are transposed at its head, and at its end."""
    for inner in [one.variable.name for one in innermost_loops(program.loop(site).body)]:
        strided = {element.buffer.name for element in strided_loads(program, inner)}
        stored = {one.buffer.name for each in program.loop(inner).body for one in targets_of(each)}
        for buffer in sorted(strided - stored):
            program = with_transposed_tile(program, site, inner, buffer, sides)
        for buffer in sorted(strided & stored):
            program = _with_transposed_result(program, site, inner, buffer, sides)
    return program


def _with_transposed_result(
    program: LoopProgram, site: str, inner: str, buffer: str, sides: tuple[int, int]
) -> LoopProgram:
    """Return a program that writes a tile of what an inner loop stores crosswise at the end of a
    loop's body, from a copy in which neighbours of the inner loop are neighbours."""
    loop = program.loop(inner)
    stores = (one for statement in walk(loop.body) for one in targets_of(statement))
    target = next(one for one in stores if one.buffer.name == buffer)
    coords = target.coords
    axes = sorted(range(len(coords)), key=lambda axis: loop.variable in coords[axis].variables)
    name = Names(program).new(f"{buffer}_tile")
    layout = BufferLayout(tuple(axes))
    program = stage_result(program, site, buffer, BufferScope.THREAD, layout=layout, name=name)
    if target.dtype not in TRANSPOSED:
        return program
    (copy,) = (
        one
        for one in walk(program.body)
        if isinstance(one, Store) and any(load.buffer.name == name for load in loads_of(one))
    )
    *_, along, across, _ = path_to(program.body, copy)
    assert isinstance(along, For)
    assert isinstance(across, For)
    program = reorder(program, along.variable.name, across.variable.name)
    (load,) = loads_of(copy)
    shape = tuple(size for size in load.buffer.shape if size != 1)
    tile = transposed_tile(target.buffer, sides[1], sides[0], load.buffer.scope, shape)
    return use(program, tile, across.variable.name)


CROSSWISE_ROWS = Mapping(
    "transposed tiles of rows",
    _lies_crosswise,
    _in_tiles,
    "what lies across its rows is transposed, so that each row is a lane of vectors",
)
