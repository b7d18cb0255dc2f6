"""Tiles of what lies crosswise: where neighbours of the innermost loop lie apart in memory, and
those of another loop side by side, tiles of both are transposed by blocks of vectors.

    for p0_outer < 16 (team):
      for p1_outer < 32:
        allocate x0_tile: float32[64, 64] in thread
        gc_transpose_to_tile<64, 64>(x0[64*p1_outer:, 64*p0_outer:], x0_tile[0:, 0:], ...)
        for p0_inner < 64:
          for p1_inner < 64 (vector):
            y0[64*p0_outer + p0_inner, 64*p1_outer + p1_inner] = exp(x0_tile[p0_inner, p1_inner])
"""

from __future__ import annotations

import math

import numpy as np

from graphc.compiler.graph.dim import Shape, symbol
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    LoopProgram,
    loads_of,
    most_known_turns,
    path_to,
    targets_of,
    walk,
)
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.axes import with_axes_of_loops
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import For, Intrinsic, Let, Store
from graphc.compiler.loops.value import Load
from graphc.compiler.targets.cpu.facts import WAY_BYTES
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

TILE = 64
"""The sides of a tile of long loops: 16 KiB of float32, half of the first cache."""

AREA = 2 * TILE * TILE
"""The most elements of a tile where one side is shorter than that: the other one is longer then, as
each turn around an innermost loop costs as much as several of its elements."""

STAGED = 128
"""Elements of the rows of a tile from which they are stored one by one. (1,024 places of 32
channels: 0.2 ms without a tile, 0.17 to 0.19 with 64, 0.13 to 0.16 with 128, 0.15 to 0.2 with 256;
AVX-512, Zen 5.)"""

LARGE_SET = 12
"""Lines of a set of the first cache from which on a tile that is only moved is staged. (With 12,
Zen 5, as above; with 8, Zen 4: 2,048 x 1,024 0.35 to 0.41 ms without a tile, 0.51 to 0.85 with
128.)"""

TRANSPOSED = ("float32", "float64", "int32", "int64", "uint32")
"""The types whose blocks are transposed in vector registers."""

LEAST_ACROSS = 16
"""Elements side by side in memory from which on they are worth a tile: a line of the cache."""

_NEAR = 16
"""Bytes between how far apart rows lie and a multiple of `WAY_BYTES` below which they still meet in
one set. (Rows of 4,092 bytes 2.0 of the time by tiles, of 4,080 bytes 1.0; AVX-512, Zen 5.)"""


def transposed_tile(
    target: Buffer,
    across: int,
    along: int,
    source_scope: BufferScope = BufferScope.GLOBAL,
    source_shape: Shape | None = None,
) -> Intrinsic:
    """Return the intrinsic that fills a tile crosswise (``kernels/host_transpose.h``), of up to
    `across` rows of up to `along` elements, from an array of a scope: one with as many elements as
    are moved, if no shape of two axes is given."""
    columns, rows = symbol("columns"), symbol("rows")
    steps = symbol("from_row"), symbol("to_row")
    sizes = tuple(size for size in target.shape if size != 1)
    is_whole = target.scope is BufferScope.GLOBAL or len(sizes) != 2
    shape = (columns, rows) if is_whole else sizes
    dtype = target.dtype
    whole = (rows, columns) if source_shape is None else source_shape
    source = Buffer("source", dtype, whole, source_scope, (steps[0], 1), 0, "source")
    to = Buffer("target", dtype, shape, target.scope, (steps[1], 1), 0, "target")
    column, row = LoopVariable("column"), LoopVariable("row")
    j, i = index_of(column), index_of(row)
    moved = Store(Load(to, (j, i)), Load(source, (i, j)))
    inner = For(row, (as_index(along), as_index(rows)), (moved,))
    outer = For(column, (as_index(across), as_index(columns)), (inner,))
    parameters, header = (source, to), "host_transpose.h"
    constants = (across, along)
    name = "gc_transpose_tile" if is_whole else "gc_transpose_to_tile"
    return Intrinsic(name, parameters, (outer,), header, constants=constants)


def in_tiles(program: LoopProgram, name: str, target: Target) -> tuple[LoopProgram, str]:
    """Return a program in which an innermost loop and the one along which its strided loads lie
    side by side are walked in tiles, and the name of the innermost loop then; refused where there
    is no such loop. A tile that is only moved is gone: then the name is empty. Where rows that are
    stored would drive out each other from the cache, a tile is transposed in memory of the thread,
    and its long rows are stored one by one, if it is not only moved or the cache has large sets."""
    program = with_axes_of_loops(program, name)
    strided = strided_loads(program, name)
    across = _loop_across(program, name, strided)
    moved = _only_moved(_with_moves(program, name).loop(name))
    is_staged = _rows_meet(program, name, across) and _is_cached(program, target)
    if moved is not None:
        is_staged = is_staged and _has_large_sets(target)
    along_side = STAGED if is_staged else _side(program.loop(across))
    across_side = _side(program.loop(name))
    program, inner = _divided(program, name, along_side)
    program, outer = _divided(program, across, across_side)
    while (only := program.loop(outer).body[0]) and isinstance(only, For):
        if only.variable.name == inner:
            break
        program = reorder(program, outer, only.variable.name)
    (*_, around, _) = (None, *program.loops_to(outer))
    site = None if around is None else around.variable.name
    if moved is not None and not is_staged:
        moving, tile = _with_moves(program, inner), transposed_tile(moved, across_side, along_side)
        try:
            return use(moving, tile, outer), ""
        except RewriteError:  # it is no rectangle of the result
            pass
    for load in strided:
        program = with_transposed_tile(
            program, site, inner, load.buffer.name, (across_side, along_side)
        )
    return program, inner


def _with_moves(program: LoopProgram, inner: str) -> LoopProgram:
    """Return a program in which a loop stores elements without a name for them in between."""
    for let in program.loop(inner).body:
        if isinstance(let, Let) and isinstance(let.value, Load):
            program = propagate(program, let.local.name)
    return program


def _only_moved(loop: For) -> Buffer | None:
    """Return the buffer that a loop writes, if it does nothing but move elements that can be
    transposed."""
    store, *others = loop.body
    if others or not isinstance(store, Store) or not isinstance(store.value, Load):
        return None
    return store.target.buffer if store.target.dtype in TRANSPOSED else None


def strided_loads(program: LoopProgram, name: str) -> list[Load]:
    """Return what an innermost loop loads, and what it stores to, with a stride."""
    loop = program.loop(name)
    ranges = ranges_at(program, loop).within(loop.variable, *loop.ends)
    found: dict[Load, None] = {}
    for statement in walk(loop.body):
        for element in (*loads_of(statement), *targets_of(statement)):
            step = ranges.step(element.buffer.place(element.coords), loop.variable)
            if not isinstance(step, int) or abs(step) > 1:
                found[element] = None
    return list(found)


def _loop_across(program: LoopProgram, name: str, strided: list[Load]) -> str:
    """Return the loop around another one along which all strided loads lie side by side."""
    loop = program.loop(name)
    ranges = ranges_at(program, loop).within(loop.variable, *loop.ends)
    (*around, _) = program.loops_to(name)
    for one in reversed(around):
        turns = most_known_turns(one)
        if turns is not None and turns < LEAST_ACROSS:
            continue
        places = (load.buffer.place(load.coords) for load in strided)
        if all(ranges.is_contiguous(place, one.variable) for place in places):
            return one.variable.name
    expected = "a loop along which its strided elements lie side by side"
    raise refused(program, "in_tiles", f"the loop {name!r}", expected, "none")


def _rows_meet(program: LoopProgram, name: str, across: str) -> bool:
    """Return True if what neighbours along a loop store lies in one set of the first cache."""
    loop = program.loop(name)
    ranges = ranges_at(program, loop).within(loop.variable, *loop.ends)
    variable = program.loop(across).variable
    for statement in walk(loop.body):
        for target in targets_of(statement):
            step = ranges.step(target.buffer.place(target.coords), variable)
            if isinstance(step, int):
                distance = abs(step) * np.dtype(target.dtype).itemsize
                ways = round(distance / WAY_BYTES)
                if ways > 0 and abs(distance - ways * WAY_BYTES) < _NEAR:
                    return True
    return False


def _is_cached(program: LoopProgram, target: Target) -> bool:
    """Return True unless what a program reads and writes, as far as it is known, leaves nothing of
    the last cache: rows that are fetched from memory come no faster in another order."""
    nbytes = 0
    for buffer in (*program.inputs, *program.outputs):
        known = (size for size in buffer.shape if isinstance(size, int))
        nbytes += math.prod(known) * np.dtype(buffer.dtype).itemsize
    return not target.cache_bytes or 2 * nbytes <= target.cache_bytes[-1]


def _has_large_sets(target: Target) -> bool:
    """Return True unless sets of the first cache are known to have fewer lines than `LARGE_SET`."""
    return not target.cache_bytes or target.cache_bytes[0] >= LARGE_SET * WAY_BYTES


def _side(other: For) -> int:
    """Return the side of a tile whose other side goes along a loop."""
    turns = most_known_turns(other)
    if turns is None or turns >= TILE:
        return TILE
    return int(2 ** math.floor(math.log2(AREA / turns)))


def _divided(program: LoopProgram, name: str, side: int) -> tuple[LoopProgram, str]:
    """Return a program with a loop in tiles, and the name of the loop over a tile."""
    turns = most_known_turns(program.loop(name))
    if turns is not None and turns <= side:
        return program, name
    return split(program, name, side, Tail.SHORT), f"{name}_inner"


def with_transposed_tile(
    program: LoopProgram, site: str | None, inner: str, buffer: str, sides: tuple[int, int]
) -> LoopProgram:
    """Return a program that copies a tile of what an inner loop reads crosswise at the head of a
    loop, so that neighbours of the inner one are neighbours in the copy."""
    name = Names(program).new(f"{buffer}_tile")
    loop = program.loop(inner)
    reads = (load for statement in walk(loop.body) for load in loads_of(statement))
    coords = next(load.coords for load in reads if load.buffer.name == buffer)
    axes = sorted(range(len(coords)), key=lambda axis: loop.variable in coords[axis].variables)
    layout = BufferLayout(tuple(axes))
    program = stage(
        program, site, buffer, BufferScope.THREAD, layout=layout, name=name, only_read=True
    )
    (copy,) = (
        one
        for one in walk(program.body)
        if any(target.buffer.name == name for target in targets_of(one))
    )
    (*_, outer, _) = (one for one in path_to(program.body, copy) if isinstance(one, For))
    (target,), (source,) = targets_of(copy), {load.buffer for load in loads_of(copy)}
    if target.dtype not in TRANSPOSED:
        return program
    tile = transposed_tile(target.buffer, *sides, source.scope)
    return use(program, tile, outer.variable.name)
