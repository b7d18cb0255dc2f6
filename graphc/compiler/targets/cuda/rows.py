"""Rows of elements that are reduced, as a GPU's threads share them.

A program of a reduction becomes one loop over rows, whose body has a loop for each pass over the
elements of a row. A pass is divided over the lanes of a warp, or over those of the warps of a
block: each lane has every so many elements.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    kept,
    loads_of,
    loops_in,
    reads_bound,
    targets_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.arithmetic.online import online
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.flatten import flatten, is_divided
from graphc.compiler.loops.rewrites.buffers.pack import pack
from graphc.compiler.loops.rewrites.conditions.bound import bound
from graphc.compiler.loops.rewrites.conditions.guard import guard
from graphc.compiler.loops.rewrites.conditions.tighten import tighten
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.synchronise import synchronise
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.loops.enclose import enclose
from graphc.compiler.loops.rewrites.loops.fuse import fuse, join
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.simplify import without_unused
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.relayout import relayout
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.rewrites.staging.stage_result import stage_result
from graphc.compiler.loops.rewrites.values.keep import keep
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    For,
    If,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets.cuda.intrinsics import tree_of_lanes
from graphc.errors import RewriteError

CHUNK = 32
"""Terms of a sum of floats that a thread adds one after the other: rounding errors stay small."""

# ---- the loop over rows, and its passes ---------------------------------------------------------


@kept
def in_rows(program: LoopProgram) -> LoopProgram:
    """Return a program with one loop over rows, in whose body each pass is one loop."""
    if any(isinstance(one, Allocate) for one in program.body):
        program = enclose(program, 0, len(program.body), "row")
    if len(program.body) > 1:
        program = sink(program, rows_of(program))
    program = _with_nested_rows(program)
    program = _with_one_loop(program, rows_of(program))
    for name in passes_of(program, rows_of(program)):
        program = _with_one_loop(program, name)
    return flatten(program)


@kept
def in_joined_rows(program: LoopProgram) -> LoopProgram:
    """Return the same, in which sums of what is seen from the largest element of a row, or from its
    mean, go along with these: a pass less reads the elements."""
    program = in_rows(program)
    for first, second in itertools.pairwise(passes_of(program, rows_of(program))):
        try:
            program = online(program, first, second)
        except RewriteError:  # it has other sums, or the first one is gone
            continue
    return program


def rows_of(program: LoopProgram) -> str:
    """Return the variable of the first loop of a program: that over rows."""
    return loops_in(program.body)[0].variable.name


def passes_of(program: LoopProgram, rows: str) -> list[str]:
    """Return the variables of the loops in the body of one over rows."""
    return [one.variable.name for one in program.loop(rows).body if isinstance(one, For)]


def length_of(program: LoopProgram, rows: str) -> Size:
    """Return the number of elements of a row: 1 if there is no loop over them."""
    passes = passes_of(program, rows)
    return program.loop(passes[0]).ends[0].constant if passes else 1


def _with_one_loop(program: LoopProgram, name: str) -> LoopProgram:
    """Return a program in which a loop, and those that are alone in its body, are one.

    The inner ones first: of axes side by side their elements are then accessed by their position,
    which is not divided where an outer axis is joined that is not beside them.
    """
    nest = [program.loop(name)]
    while len(nest[-1].body) == 1 and isinstance(inner := nest[-1].body[0], For):
        nest.append(inner)
    inside = nest.pop().variable.name
    while nest:
        outside = nest.pop().variable.name
        program = flatten(fuse(program, outside, inside))
        inside = f"{outside}_{inside}"
    return program


def _with_nested_rows(program: LoopProgram) -> LoopProgram:
    """Return a program whose loops over rows have nothing but one another in their bodies: values
    that they name ahead of the next one are computed for each row."""
    loop = program.loop(rows_of(program))
    while isinstance(inner := loop.body[-1], For):
        ahead = loop.body[:-1]
        if not all(isinstance(one, Let) for one in ahead):
            break
        if ahead:
            program = sink(program, inner.variable.name)
        loop = program.loop(inner.variable.name)
    return program


def reduces(loop: For) -> bool:
    """Return True if a pass reduces: it accumulates in what is allocated outside."""
    inside = {one.buffer for one in walk(loop.body) if isinstance(one, Allocate)}
    return any(
        isinstance(one, Accumulate) and not inside.issuperset(x.buffer for x in one.targets)
        for one in walk(loop.body)
    )


def sums_floats(loop: For) -> bool:
    """Return True if a pass adds or multiplies floats: rounding errors grow with the terms."""
    return any(
        isinstance(one, Accumulate)
        and one.reduction in ("sum", "prod", "exp_sum", "moments")
        and one.targets[0].dtype in ("float32", "float64")
        for one in walk(loop.body)
    )


def with_bounded_passes(program: LoopProgram, rows: str, most: int) -> LoopProgram:
    """Return a program whose passes have a number of turns that they are known to be at most."""
    for name in passes_of(program, rows):
        program = bound(program, name, most)
    return program


def with_whole_passes(program: LoopProgram, rows: str) -> LoopProgram:
    """Return a program whose passes have the most turns that they may, each with a test of whether
    there is an element for it."""
    for name in passes_of(program, rows):
        if len(program.loop(name).ends) > 1:
            program = guard(program, name)
    return program


# ---- values that stay in registers --------------------------------------------------------------


def with_kept_rows(
    program: LoopProgram, rows: str, scope: BufferScope = BufferScope.REGISTER
) -> LoopProgram:
    """Return a program in which what several passes read or compute of a row is read and computed
    by the first of them, and kept in memory of a scope."""
    for buffer in read_again(program, rows):
        if not _is_read_alike(program, rows, buffer):
            continue
        try:
            program = stage(program, rows, buffer, scope)
        except RewriteError:  # its elements are at no places that are known
            continue
    for first, second in itertools.combinations(passes_of(program, rows), 2):
        try:
            program = keep(program, first, second, scope)
        except RewriteError:  # they compute nothing in common
            continue
    return replace(program, body=without_unused(program.body))


def read_once(program: LoopProgram) -> LoopProgram:
    """Return a plain program in which each row, of any length, is read by the first pass that needs
    it."""
    program = in_rows(program)
    return with_kept_rows(program, rows_of(program), BufferScope.THREAD)


def read_again(program: LoopProgram, rows: str) -> list[str]:
    """Return the names of the buffers of which several passes read their elements."""
    return sorted(name for name, times in _times_read(program, rows).items() if times > 1)


def times_read(program: LoopProgram, rows: str) -> int:
    """Return how many passes read the elements of a buffer: of that of which most do."""
    return max(_times_read(program, rows).values(), default=0)


def _times_read(program: LoopProgram, rows: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for loop in map(program.loop, passes_of(program, rows)):
        read = {
            load.buffer.name
            for one in walk(loop.body)
            for load in loads_of(one)
            if any(loop.variable in coord.variables for coord in load.coords)
            and load.buffer.scope is BufferScope.GLOBAL
        }
        for name in read:
            found[name] = found.get(name, 0) + 1
    return found


def _is_read_alike(program: LoopProgram, rows: str, buffer: str) -> bool:
    """Return True if each pass reads the same element of a buffer in its turn of a number, the next
    one in the next turn, and nothing else reads it: who has the turn has the element."""
    found: set[tuple[Index, ...]] = set()
    variable = LoopVariable("element")
    element = index_of(variable)
    for statement in program.loop(rows).body:
        same = {statement.variable: element} if isinstance(statement, For) else {}
        for one in walk((statement,)):
            for load in loads_of(one):
                if load.buffer.name == buffer:
                    found.add(tuple(coord.substitute(same) for coord in load.coords))
    if len(found) != 1:
        return False
    (coords,) = found
    moves = all(coord.factor(variable) in (0, 1) for coord in coords)
    return moves and not any(map(is_divided, coords))


def kept_of(program: LoopProgram, rows: str) -> list[Buffer]:
    """Return the buffers in the body of the loop over rows that have an element of a pass."""
    return [
        one.buffer
        for one in program.loop(rows).body
        if isinstance(one, Allocate)
        and one.buffer.scope is BufferScope.REGISTER
        and one.buffer.elements != 1
    ]


def words_of(program: LoopProgram, rows: str) -> int:
    """Return how many registers what is kept of one element takes, where one pass ends and the
    next begins: the most of them."""
    kept = kept_of(program, rows)
    uses = [
        {buffer for one in walk(program.loop(name).body) for buffer in buffers_of(one)}
        for name in passes_of(program, rows)
    ]
    found = [
        sum(
            max(1, np.dtype(one.dtype).itemsize // 4)
            for one in kept
            if any(one in used for used in uses[:end]) and any(one in used for used in uses[end:])
        )
        for end in range(1, len(uses))
    ]
    return max(found, default=0)


def with_own_elements(program: LoopProgram, kept: Sequence[Buffer], *tiles: int) -> LoopProgram:
    """Return a program in which the axis of the elements of a pass, of buffers that are kept, is
    in tiles, and these in smaller ones: an axis of warps, and one of lanes."""
    for buffer in kept:
        rank = len(buffer.shape)
        axis = next(k for k, size in enumerate(buffer.shape) if size != 1)
        for depth, tile in enumerate(tiles):
            order = list(range(rank + depth))
            order.insert(axis + depth, axis + depth)
            layout = BufferLayout(tuple(order), {axis + depth: tile})
            program = relayout(program, buffer.name, layout)
    return program


def with_known_registers(program: LoopProgram) -> LoopProgram:
    """Return a program in which the loops over the registers of a thread are written out."""
    for name in [loop.variable.name for loop in loops_in(program.body)]:
        loop = program.loop(name)
        own = {one.buffer for one in walk(loop.body) if isinstance(one, Allocate)}
        elements = [x for one in walk(loop.body) for x in (*loads_of(one), *targets_of(one))]
        if loop.kind is LoopKind.SERIAL and any(
            x.buffer.scope is BufferScope.REGISTER
            and x.buffer not in own
            and any(loop.variable in coord.variables for coord in x.coords)
            for x in elements
        ):
            program = bind(program, name, LoopKind.UNROLLED)
    return program


def with_tight_loops(program: LoopProgram) -> LoopProgram:
    """Return a program in which each thread has as many turns of a loop as it has elements, if only
    a call knows how many that are."""
    for loop in loops_in(program.body):
        is_known = all(isinstance(end.constant, int) and end.is_constant for end in loop.ends)
        if loop.kind is LoopKind.SERIAL and not is_known:
            try:
                program = tighten(program, loop.variable.name)
            except RewriteError:  # no test is around its body
                continue
    return program


def without_single_turns(program: LoopProgram, rows: str) -> LoopProgram:
    """Return a program without the loops of one turn in the body of the loop over rows, so that
    what else an index is made of is seen to be a number of a thread."""
    for loop in loops_in(program.loop(rows).body):
        if loop.kind is LoopKind.SERIAL and loop.ends == (as_index(1),):
            program = unroll(program, loop.variable.name)
    return program


# ---- packs, and stores of one thread ------------------------------------------------------------


def is_in_packs(program: LoopProgram, rows: str) -> bool:
    """Return True if the elements of a row are packs of four, and a pass has them side by side in
    memory, from a multiple of four on."""
    loops = [program.loop(name) for name in passes_of(program, rows)]
    if not all(program.ranges.divides(PACK, end) for loop in loops for end in loop.ends):
        return False
    pack, part = LoopVariable("pack"), LoopVariable("part")
    for loop in loops:
        turn = {loop.variable: index_of(pack) * PACK + index_of(part)}
        for statement, ranges in walk_in_ranges((loop,), program.ranges):
            inside = ranges.within(pack, *(end // PACK for end in loop.ends)).within(part, PACK)
            for element in (*loads_of(statement), *targets_of(statement)):
                place = inside.simplified(element.buffer.place(element.coords).substitute(turn))
                first = inside.simplified(place.substitute({part: as_index(0)}))
                is_memory = element.buffer.scope is BufferScope.GLOBAL
                if is_memory and inside.step(place, part) == 1 and inside.divides(PACK, first):
                    return True
    return False


def pass_in_packs(program: LoopProgram, name: str) -> LoopProgram:
    """Return a program in which a turn of a pass has four elements, in a loop ``<name>_part``."""
    program = split(program, name, PACK, Tail.NONE)
    program = rename(program, f"{name}_inner", f"{name}_part")
    return rename(program, f"{name}_outer", name)


def with_packs(program: LoopProgram, names: Sequence[str]) -> LoopProgram:
    """Return a program in which what the parts of passes access side by side is moved at once."""
    for name in names:
        try:
            program = pack(program, f"{name}_part")
        except RewriteError:  # none of it lies side by side
            program = bind(program, f"{name}_part", LoopKind.UNROLLED)
    return program


def with_one_storing(program: LoopProgram, around: str) -> tuple[LoopProgram, list[str]]:
    """Return a program in which what the body of a loop stores to memory by itself, with what is
    computed for that alone, is in loops of one turn; and these."""
    loops: list[str] = []
    while (run := _last_stores(program.loop(around).body)) is not None:
        start, stop = run
        program = enclose(program, start, stop, f"{around}_one", around)
        loop = program.loop(around).body[start]
        assert isinstance(loop, For)
        loops.append(loop.variable.name)
    return program, loops


def _last_stores(body: Body) -> tuple[int, int] | None:
    """Return from where to where the last run of stores to memory is in a body, with the names of
    values that it alone uses."""
    stop = next((k for k in range(len(body), 0, -1) if _is_memory(body[k - 1])), 0)
    if stop == 0:
        return None
    start, outside = stop, list(walk(body[stop:]))
    while start > 0:
        one = body[start - 1]
        is_name = isinstance(one, Let | Check)
        if not is_name and not _is_memory(one):
            break
        if is_name and any(reads_bound(other, (one,)) for other in outside):
            break
        start -= 1
    return start, stop


def _is_memory(statement: Statement) -> bool:
    """Return True if a statement, which is no loop, stores to memory."""
    if isinstance(statement, If):
        inside = list(walk((statement,)))
        return any(map(_is_memory, inside[1:])) and not loops_in((statement,))
    return isinstance(statement, Store) and statement.target.buffer.scope in (
        BufferScope.GLOBAL,
        BufferScope.SHARED,
    )


# ---- passes of a warp ---------------------------------------------------------------------------


def pass_in_lanes(program: LoopProgram, name: str, lanes: int) -> LoopProgram:
    """Return a program in which a pass is a loop over lanes, ``<name>_lane``, each of which has
    every so many turns."""
    is_sum = sums_floats(program.loop(name))
    if reduces(program.loop(name)):
        program = partial_sums(program, name, lanes=lanes)
        if len(program.loop(f"{name}_inner").ends) > 1:
            program = guard(program, f"{name}_inner")
    else:
        program = split(program, name, lanes, Tail.GUARD)
    program = reorder(program, f"{name}_outer", f"{name}_inner")
    if is_sum and may_be_long(program.loop(f"{name}_outer")):
        program = partial_sums(program, f"{name}_outer", length=CHUNK, tree=Tree.AT_ONCE)
    return rename(program, f"{name}_inner", f"{name}_lane")


def with_trees(program: LoopProgram, lanes: int) -> LoopProgram:
    """Return a program in which the results of lanes are combined by shuffles."""
    for loop in loops_in(program.body):
        (first, *others) = loop.body
        if others or not isinstance(first, Accumulate) or loop.kind is not LoopKind.SERIAL:
            continue
        buffer = first.targets[0].buffer
        is_tree = any(load.buffer is buffer for load in loads_of(first))
        if is_tree and buffer.shape == (lanes,) and loop.ends == (as_index(lanes // 2),):
            tree = tree_of_lanes(first.reduction, buffer.dtype, lanes)
            program = use(program, tree, loop.variable.name)
    return program


# ---- passes of a block --------------------------------------------------------------------------


def pass_in_warps(
    program: LoopProgram, name: str, warps: int, lanes: int, each: int
) -> LoopProgram:
    """Return a program in which a pass is a loop over warps, ``<name>_warp``, with one over lanes
    in it, ``<name>_lane``. Each warp adds up by shuffles and puts its result in shared memory, and
    all threads add up what is there. A turn of the pass has `each` elements."""
    is_reduction, is_sum = reduces(program.loop(name)), sums_floats(program.loop(name))
    program = split(program, name, warps * lanes, Tail.GUARD)
    program = fuse(program, f"{name}_outer", f"{name}_inner")
    program = rename(program, f"{name}_outer_{name}_inner", name)
    program = split(program, name, lanes, Tail.NONE)
    program = rename(program, f"{name}_inner", f"{name}_lane")
    program = rename(program, f"{name}_outer", name)
    warp, lane = f"{name}_warp", f"{name}_lane"
    if not is_reduction:
        program = split(program, name, warps, Tail.NONE)
        program = rename(program, f"{name}_inner", warp)
        program = rename(program, f"{name}_outer", name)
        return reorder(reorder(program, name, warp), name, lane)
    program = partial_sums(program, name, lanes=warps, tree=Tree.IN_ORDER, scope=BufferScope.SHARED)
    program = rename(program, f"{name}_inner", warp)
    program = rename(program, f"{name}_outer", name)
    program = reorder(program, name, warp)
    program = fuse(program, name, lane)
    program = rename(program, f"{name}_{lane}", name)
    program = partial_sums(program, name, lanes=lanes)
    program = rename(program, f"{name}_inner", lane)
    program = rename(program, f"{name}_outer", name)
    program = reorder(program, name, lane)
    if is_sum and may_be_long(program.loop(name), CHUNK // each):
        program = partial_sums(program, name, length=CHUNK // each, tree=Tree.AT_ONCE)
    return program


def may_be_long(loop: For, most: int = CHUNK) -> bool:
    """Return True if a loop may have more turns than a sum has terms."""
    (end, *_) = loop.ends
    return not isinstance(end.constant, int) or end.constant > most


def with_results_of_warps(program: LoopProgram, rows: str, warp: str) -> LoopProgram:
    """Return a program in which each warp of a pass has its results in registers until it has all,
    and all threads wait behind the pass for what is in shared memory."""
    body = program.loop(rows).body
    place = next(k for k, one in enumerate(body) if one is program.loop(warp))
    ahead = itertools.takewhile(_fills_shared, reversed(body[:place]))
    for loop in list(ahead):
        assert isinstance(loop, For)
        program = rename(join(program, loop.variable.name, warp), loop.variable.name, warp)
    for buffer in _shared(program.loop(warp).body):
        program = stage_result(program, warp, buffer, BufferScope.REGISTER)
    program, _ = with_one_storing(program, warp)
    program = synchronise(program, warp)
    for name in passes_of(program, rows):
        body = program.loop(name).body
        if len(body) == 1 and _reads_shared(body[0]):
            program = bind(program, name, LoopKind.UNROLLED)
    return program


def _fills_shared(statement: Statement) -> bool:
    return isinstance(statement, For) and all(
        isinstance(one, Store) and one.target.buffer.scope is BufferScope.SHARED
        for one in statement.body
    )


def _reads_shared(statement: Statement) -> bool:
    return isinstance(statement, Accumulate) and any(
        load.buffer.scope is BufferScope.SHARED for load in loads_of(statement)
    )


def _shared(body: Body) -> list[str]:
    """Return the names of the buffers in shared memory that statements write."""
    written = {x.buffer for one in walk(body) for x in targets_of(one)}
    return sorted(one.name for one in written if one.scope is BufferScope.SHARED)
