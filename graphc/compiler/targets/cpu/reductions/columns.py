"""Mapping of reductions whose results are contiguous: tiles of neighbouring rows are reduced
together, each row in a lane of vectors.

    for i0_outer < 4 (team):
      allocate s0: float32[256] in register
      for i0_inner < 256 (vector):
        s0[i0_inner] = 0.0
      for k0 < 100:
        for i0_inner_2 < 256 (vector):
          s0[i0_inner_2] = sum(s0[i0_inner_2], x0[k0, 256*i0_outer + i0_inner_2])
      for i0_inner_3 < 256 (vector):
        y0[256*i0_outer + i0_inner_3] = s0[i0_inner_3]
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import index_of
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loads_of,
    loop_beside,
    most_known_turns,
    targets_of,
    values_of,
    walk,
    walk_in_ranges,
    walk_value,
)
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand_all
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.hoist import hoist
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.values.demote import demote, demote_index
from graphc.compiler.loops.statement import Accumulate, Check, For, Let, LoopKind
from graphc.compiler.loops.value import IndexValue
from graphc.compiler.targets.cpu.parts import with_vectors_of_parts
from graphc.compiler.targets.cpu.pointwise import bounds_in
from graphc.compiler.targets.cpu.reductions.loops import (
    kept_loops,
    may_exceed,
    with_joined_axes,
)
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

TILE = 256
"""Rows of a tile: their partial results and a row of what they read stay in the first cache."""

WIDE_TILE = 1024
"""Rows of a tile that is all of them, where threads divide the chunks of their terms: what a thread
reads then lies in one piece. (One thread took 0.72 to 0.84 of the time of tiles of 256 for sums of
2,048 x 1,024 by columns, and 0.80 for maxima; to add four terms at once to what is in a register
brought nothing more.)"""

LEAST_ROWS = 8
"""Neighbouring rows from which on they are lanes of vectors."""

CHUNK = 512
"""Terms of a sum that are added one after the other: rounding errors stay small."""

_FLOATS = ("float32", "float64")


def _has_contiguous_rows(program: LoopProgram, target: Target) -> Applicability:
    program = with_joined_axes(program)
    loops = kept_loops(program)
    if not loops:
        return never("it has no loop over rows")
    variable, end = loops[-1].variable, loops[-1].ends[0].constant
    if isinstance(end, int) and end < LEAST_ROWS:
        return never(f"{variable} has {end} turns, fewer than {LEAST_ROWS}")
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        if variable not in ranges.ends:
            continue
        for element in (*loads_of(statement), *targets_of(statement)):
            place = element.buffer.place(element.coords)
            if ranges.step(place, variable) not in (0, 1):
                return never(f"{element} is not contiguous in {variable}")
    return ALWAYS


def _in_tiles(program: LoopProgram, target: Target) -> LoopProgram:
    """Reduce tiles of neighbouring rows together; threads divide the outermost axis, or the tiles,
    or, where one tile is all, the chunks of a long reduction."""
    program = with_joined_axes(program)
    kept = kept_loops(program)
    name, end = kept[-1].variable.name, kept[-1].ends[0].constant
    outermost = kept[0].variable.name
    if not isinstance(end, int) or end > _most_rows(program, kept, target):
        program = split(program, name, TILE, Tail.SHORT)
        outermost = f"{name}_outer" if outermost == name else outermost
        name = f"{name}_inner"
    passes = [one for one in program.loop(name).body if isinstance(one, For)]
    is_one_tile = outermost == name
    has_values = any(isinstance(one, Let) for one in program.loop(name).body)
    is_shared = is_one_tile and (len(passes) > 1 or has_values)
    scope = BufferScope.SHARED if is_shared else scope_of_rows(program.loop(name))
    program = rows_innermost(program, name, scope)
    for loop in passes:
        if _is_long(loop, is_one_tile):
            scope = BufferScope.SHARED if is_one_tile else BufferScope.THREAD
            program = partial_sums(
                program, loop.variable.name, length=CHUNK, tree=Tree.IN_ORDER, scope=scope
            )
            if is_one_tile:
                program = bind(program, f"{loop.variable.name}_outer", LoopKind.TEAM)
    program = with_vectors_of_parts(_with_places_ahead(program))
    for loop in innermost_loops(program.body):
        program = vectorise(program, loop.variable.name, is_divided=True)
    return program if is_one_tile else bind(program, outermost, LoopKind.TEAM)


def scope_of_rows(rows: For) -> BufferScope:
    """Return the scope of what a thread keeps of each of some rows: registers, if it is known ahead
    of a call how many they are."""
    is_known = any(isinstance(one.constant, int) for one in rows.ends)
    return BufferScope.REGISTER if is_known else BufferScope.THREAD


def rows_innermost(program: LoopProgram, rows: str, scope: BufferScope) -> LoopProgram:
    """Return a program in which a loop over rows is inside of each pass over what they reduce, and
    what is computed between passes has loops over rows of its own; what rows have goes from one to
    the next in buffers of a scope."""
    program = _with_stored_values(program, rows)
    program = expand_all(program, rows, scope)
    body = program.loop(rows).body
    for at in range(len(body) - 1, 0, -1):
        if isinstance(body[at], For) or isinstance(body[at - 1], For):
            program = fission(program, rows, at)
            program = _sunk(program, loop_beside(program, rows, 1))
    return _sunk(program, program.loop(rows))


def _with_places_ahead(program: LoopProgram) -> LoopProgram:
    """Return a program in which an index that all rows of a tile share, as that of a gathered row,
    is loaded ahead of the loop over them."""
    for loop in innermost_loops(program.body):
        for one in loop.body:
            if isinstance(one, Check):
                program = hoist(program, one.variable.name)
    return program


def _with_stored_values(program: LoopProgram, rows: str) -> LoopProgram:
    """Return a program in which values of a row that are ahead of a pass are in registers, which
    the pass may read; then nothing but loops is around it."""
    body = program.loop(rows).body
    passes = [number for number, one in enumerate(body) if isinstance(one, For)]
    for one in body[: passes[-1]] if passes else ():
        if isinstance(one, Let):
            program = demote(program, one.local.name)
        elif isinstance(one, Check) and _is_number(program.loop(rows), one):
            program = demote_index(program, one.variable.name)
    return program


def _is_number(loop: For, check: Check) -> bool:
    """Return True if a loop makes values of an index that it checks, as of a label."""
    values = (value for one in walk(loop.body) for value in values_of(one))
    parts = (part for value in values for part in walk_value(value))
    return any(
        isinstance(part, IndexValue) and part.index == index_of(check.variable) for part in parts
    )


def _sunk(program: LoopProgram, loop: For) -> LoopProgram:
    """Return a program in which a loop is inside of all loops that are the last in its body, and
    what is ahead of them there, as of each sample, the same for all turns, is ahead of the loop."""
    name = loop.variable.name
    while loop.body and isinstance(inner := loop.body[-1], For):
        for one in loop.body[:-1]:
            if not isinstance(one, Let):
                return program
            try:
                program = hoist(program, one.local.name)
            except RewriteError:  # it is a value of each turn
                return program
        program = reorder(program, name, inner.variable.name)
        loop = program.loop(name)
    return program


def _most_rows(program: LoopProgram, kept: Sequence[For], target: Target) -> int:
    """Return the most rows of a tile: more than `TILE` where they are all rows, each pass is over
    terms that are chunks enough for all threads, and there is one, or parts of a concatenation,
    where a tile that is all rows is cut."""
    passes = [one for one in kept[-1].body if isinstance(one, For)]
    if len(kept) > 1 or not passes or not all(_is_long(one, is_one_tile=True) for one in passes):
        return TILE
    counts = [most_known_turns(one) for one in passes]
    if next(bounds_in(kept[-1].body, kept[-1].variable), None) is not None:
        are_enough = all(one is None or one >= CHUNK * target.threads for one in counts)
    else:
        are_enough = len(counts) == 1 and (counts[0] or 0) >= CHUNK * target.threads
    return WIDE_TILE if are_enough else TILE


def _is_long(loop: For, is_one_tile: bool) -> bool:
    """Return True if a loop may add more than `CHUNK` floats one after the other, or, of one tile,
    reduce as many elements of any kind, which threads divide then."""
    return may_exceed(loop, CHUNK) and any(
        isinstance(one, Accumulate)
        and (is_one_tile or (one.reduction == "sum" and one.targets[0].dtype in _FLOATS))
        for one in walk(loop.body)
    )


COLUMNS = Mapping(
    "tiles of rows",
    _has_contiguous_rows,
    _in_tiles,
    "what neighbouring rows are made of lies side by side, so each row is a lane of vectors",
)
