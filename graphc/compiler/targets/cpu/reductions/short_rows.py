"""Mapping of reductions of few terms that lie side by side: tiles of rows are transposed, so that
each row is a lane of vectors.

    for i0_outer < 4 (team):
      allocate x0_tile: float32[10, 256] in thread
      gc_transpose_to_tile<16, 256>(x0[256*i0_outer:, 0:], x0_tile[0:, 0:], ...)
      for i0_inner < 256 (vector):
        s0[i0_inner] = -inf
      for k0 < 10:
        for i0_inner_2 < 256 (vector):
          s0[i0_inner_2] = max(s0[i0_inner_2], x0_tile[k0, i0_inner_2])
      ...
"""

from __future__ import annotations

import numpy as np

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, innermost_loops, targets_of, walk
from graphc.compiler.loops.rewrites.buffers.axes import with_axes_of_loops
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import Accumulate, For, LoopKind
from graphc.compiler.targets.cpu.crosswise import strided_loads, with_transposed_tile
from graphc.compiler.targets.cpu.facts import LINE_BYTES
from graphc.compiler.targets.cpu.reductions.columns import (
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

MOST_TERMS = 16
"""Terms of a row up to which a tile of transposed rows stays in the first cache; longer rows are
vectors by themselves."""


def _has_short_rows(program: LoopProgram, target: Target) -> Applicability:
    program = with_joined_axes(program)
    loops, rows = reducing_loops(program), kept_loops(program)
    if len(loops) != 1 or len(innermost_loops(program.body)) != 1:
        return never("a row is more than one reduction")
    (loop,) = loops
    if loops_over_terms(program, loop) != [loop] or may_exceed(loop, MOST_TERMS):
        return never(f"a row may have more than {MOST_TERMS} terms")
    if not rows or not may_exceed(rows[-1], LEAST_ROWS - 1):
        return never(f"there are fewer than {LEAST_ROWS} rows")
    is_sum = any(isinstance(one, Accumulate) and one.reduction == "sum" for one in loop.body)
    if is_sum and not _are_short_vectors(program, loop, target):
        return never("a compiler makes vectors of sums of rows")
    targets = [target for one in walk(loop.body) for target in targets_of(one)]
    if any(target.buffer.scope is BufferScope.GLOBAL for target in targets):
        return never("the terms of a row are results, too")
    return ALWAYS


def _are_short_vectors(program: LoopProgram, loop: For, target: Target) -> bool:
    """Return True if the terms of a row are whole vectors, which are shorter than a line of the
    cache: a compiler loads each term by itself then. (Sums of 131,072 rows of 16 took 0.53 of the
    time as transposed tiles, of 8 0.7, but of 12 1.3 and of 3 1.6; AVX2, Zen 3.)"""
    terms = loop.ends[0].constant
    lanes = target.lanes_of(np.dtype(program.outputs[0].dtype).itemsize)
    is_short = target.vector_bytes < LINE_BYTES
    return is_short and isinstance(terms, int) and terms % lanes == 0


def _in_transposed_tiles(program: LoopProgram, target: Target) -> LoopProgram:
    program = with_joined_axes(program)
    (reducing,) = reducing_loops(program)
    program = with_axes_of_loops(program, reducing.variable.name)
    kept = kept_loops(program)
    outermost, name = kept[0].variable.name, kept[-1].variable.name
    program = split(program, name, TILE, Tail.SHORT)
    outermost = f"{name}_outer" if outermost == name else outermost
    site, name = f"{name}_outer", f"{name}_inner"
    program = rows_innermost(program, name, scope_of_rows(program.loop(name)))
    for loop in innermost_loops(program.body):
        inner = loop.variable.name
        strided = dict.fromkeys(load.buffer.name for load in strided_loads(program, inner))
        for buffer in strided:
            program = with_transposed_tile(program, site, inner, buffer, (MOST_TERMS, TILE))
    for loop in innermost_loops(program.body):
        program = vectorise(program, loop.variable.name, is_divided=True)
    return bind(program, outermost, LoopKind.TEAM)


SHORT_ROWS = Mapping(
    "transposed rows",
    _has_short_rows,
    _in_transposed_tiles,
    "few terms side by side are no vectors, but those of neighbouring rows are, once transposed",
)
