"""Mapping of poolings of short windows: neighbouring windows are the lanes of vectors.

    for i0 < batch (team):
      for i1 < 32:
        for i2 < 14:
          for i3 < 14 (vector):
            allocate s0: float32[] in register
            s0[] = -inf
            for k0 < 2 (unrolled):
              for k1 < 2 (unrolled):
                s0[] = max(s0[], x0[i0, i1, 2*i2 + k0, 2*i3 + k1])
            y0[i0, i1, i2, i3] = s0[]

Windows at the borders of an image are walked in loops of their own.
"""

from __future__ import annotations

from contextlib import suppress

from graphc.compiler.loops.program import (
    LoopProgram,
    loads_of,
    loops_in,
    paths_to_loops,
    turns_of,
    values_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.values.keep import is_work
from graphc.compiler.loops.statement import For, LoopKind
from graphc.compiler.targets.cpu.pointwise import conditions_in
from graphc.compiler.targets.cpu.reductions.loops import (
    LEAST_VECTORISED,
    accumulators,
    kept_loops,
    may_exceed,
    row_of_a_term,
    with_joined_axes,
)
from graphc.compiler.targets.cpu.reductions.taps import (
    MOST_TAPS,
    are_tested_sums,
    with_taps_in_lanes,
)
from graphc.compiler.targets.cpu.reductions.window_residues import with_residues, with_rows_staged
from graphc.compiler.targets.cpu.window_walks import (
    AT_ONCE,
    MOST_STEP,
    with_separate_borders,
    with_windows_in_lanes,
)
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

MOST_VECTORS = 12
"""Loops over neighbouring windows in a loop, at most, for it to be divided at the borders of an
image: up to three come of each."""


def _has_short_windows(program: LoopProgram, target: Target) -> Applicability:
    joined = with_joined_axes(program)
    program = with_residues(joined)
    kept = kept_loops(program)
    if len(kept) < 2:
        return never("it has one row of windows")
    if not may_exceed(kept[-1], LEAST_VECTORISED - 1):
        return never("its rows of windows are shorter than a vector")
    rows = _rows(program)
    if program is joined and not any(map(_walks, rows)):
        return never("each result is made of one term")
    if any(any(conditions_in(one.body)) and _is_longer(one, MOST_TAPS) for one in rows):
        return never(f"its windows have more than {MOST_TAPS} elements, and tests of them")
    if any(_is_longer(one, AT_ONCE) and _computes_functions(one) for one in rows):
        return never(f"its windows of more than {AT_ONCE} elements compute functions of them")
    if row := row_of_a_term(program):
        return never(f"each term is of a row of its own, {row}")
    windows = kept[-1].variable
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        for load in loads_of(statement) if windows in ranges.ends else ():
            step = ranges.step(load.buffer.place(load.coords), windows)
            if step not in range(MOST_STEP + 1):
                return never(f"{load} is more than {MOST_STEP} elements behind its neighbour")
    return ALWAYS


def _rows(program: LoopProgram) -> list[For]:
    """Return the innermost loops over neighbouring windows, around what carries a reduction."""
    carried = {id(one) for one in accumulators(program)}

    def is_row(loop: For) -> bool:
        return any(id(one) in carried for one in loop.body)

    loops = filter(is_row, loops_in(program.body))
    return [one for one in loops if not any(map(is_row, loops_in(one.body)))]


def _walks(row: For) -> list[list[For]]:
    """Return the loops of each walk over the elements of a window, which may be under a test."""
    nests = [loops_in((one,)) for one in row.body]
    return [one for one in nests if one]


def _computes_functions(row: For) -> bool:
    return any(is_work(value) for one in walk(row.body) for value in values_of(one))


def _is_longer(row: For, elements: int) -> bool:
    """Return True if windows have more elements, or a number that is not known."""
    return any(turns_of(one) not in range(elements + 1) for one in _walks(row))


def _in_vectors(program: LoopProgram, target: Target) -> LoopProgram:
    joined = with_joined_axes(program)
    program = with_residues(joined)
    has_residues = program is not joined
    program = bind(program, kept_loops(program)[0].variable.name, LoopKind.TEAM)
    for row in _rows(program):
        name = row.variable.name
        *around, _ = [one.variable.name for one in program.loops_to(name)]
        program = with_rows_staged(program, name)
        if _is_longer(row, AT_ONCE) or (has_residues and are_tested_sums(row)):
            with suppress(RewriteError):  # it may compute something ahead of a walk
                program = with_taps_in_lanes(program, name)
                continue
        program = with_windows_in_lanes(program, _walks(program.loop(name)), name, target)
        for one in reversed(around):
            if _count_of_vectors(program, one) <= MOST_VECTORS:
                program = with_separate_borders(program, one)
    return program


def _count_of_vectors(program: LoopProgram, around: str) -> int:
    inside = paths_to_loops(program).get(around, ())[-1:]
    return sum(one.kind is LoopKind.VECTOR for one in loops_in(inside))


WINDOWS_IN_VECTORS = Mapping(
    "windows in vectors",
    _has_short_windows,
    _in_vectors,
    "neighbouring windows are the lanes of vectors, and threads divide the outermost axis",
)
