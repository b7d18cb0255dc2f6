"""Mapping of reductions of few terms that lie side by side: tiles of rows are transposed, so that
each row is a lane of vectors.

    for i0_outer < 4 (team):
      allocate x0_tile: float32[10, 256] in thread
      gc_transpose_to_tile<256, 10>(x0[256*i0_outer:, 0:], x0_tile[0:, 0:], ...)
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
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    targets_of,
    walk,
)
from graphc.compiler.loops.statement import Accumulate, For
from graphc.compiler.targets.cpu.facts import LINE_BYTES
from graphc.compiler.targets.cpu.functions import functions_in
from graphc.compiler.targets.cpu.reductions.columns import LEAST_ROWS
from graphc.compiler.targets.cpu.reductions.crosswise_rows import (
    LaneRows,
    rows_along,
    rows_in_tiles,
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

FEWEST_OF_FUNCTIONS, MOST_OF_FUNCTIONS = 3, 31
"""The same of rows of functions, of which vectors leave some terms, one by one. (ns an element of
softmax, and of cross-entropy of two classes, two threads, before and so: 3 terms 0.19 and 6.9, 0.39
and 0.93; 5 terms 1.05 and 4.3, 0.42 and 1.04; 10 terms 1.1 and 3.8, 0.39 and 0.95; 16 terms 0.68
and 1.05, 0.30 and 0.95; 26 terms 0.56 and 1.9, 0.34 and 0.98; 32 terms 0.34 and 0.94, 0.35 and 1.0;
AVX-512, Zen 5.)"""


def _has_short_rows(program: LoopProgram, target: Target) -> Applicability:
    program = with_joined_axes(program)
    rows = kept_loops(program)
    if not rows or not may_exceed(rows[-1], LEAST_ROWS - 1):
        return never(f"there are fewer than {LEAST_ROWS} rows")
    if _are_of_functions(program):
        return _are_transposed(program, rows)
    loops = reducing_loops(program)
    if len(loops) != 1 or len(innermost_loops(program.body)) != 1:
        return never("a row is more than one reduction")
    (loop,) = loops
    if loops_over_terms(program, loop) != [loop] or may_exceed(loop, MOST_TERMS):
        return never(f"a row may have more than {MOST_TERMS} terms")
    is_sum = any(isinstance(one, Accumulate) and one.reduction == "sum" for one in loop.body)
    if is_sum and not _are_short_vectors(program, loop, target):
        return never("a compiler makes vectors of sums of rows")
    targets = [target for one in walk(loop.body) for target in targets_of(one)]
    if any(target.buffer.scope is BufferScope.GLOBAL for target in targets):
        return never("the terms of a row are results, too")
    return _are_transposed(program, rows)


def _are_of_functions(program: LoopProgram) -> bool:
    """Return True if a row is passes over a few terms, of which some compute functions."""
    passes = innermost_loops(program.body)
    for one in passes:
        (turns, *others) = one.ends
        if others or not isinstance(turns.constant, int) or not turns.is_constant:
            return False
        if not FEWEST_OF_FUNCTIONS <= turns.constant <= MOST_OF_FUNCTIONS:
            return False
    return any(any(functions_in(one)) for one in passes)


def _are_transposed(program: LoopProgram, kept: list[For]) -> Applicability:
    """Return that what lies across the innermost of the loops over results lies along terms, and
    nothing else of them does."""
    found = rows_along(program, kept[-1], kept)
    if isinstance(found, str):
        return never(found)
    if found.are_along or found.is_kept:
        return never("what lies across its rows does not all lie along terms")
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
    kept = kept_loops(program)
    rows = rows_along(program, kept[-1], kept)
    assert isinstance(rows, LaneRows)
    return rows_in_tiles(program, rows)


SHORT_ROWS = Mapping(
    "transposed rows",
    _has_short_rows,
    _in_transposed_tiles,
    "few terms side by side are no vectors, but those of neighbouring rows are, once transposed",
)
