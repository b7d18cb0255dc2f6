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

from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loads_of,
    loops_in,
    turns_of,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.statement import Accumulate, Allocate, For, LoopKind
from graphc.compiler.targets.cpu.reductions.loops import (
    LEAST_VECTORISED,
    kept_loops,
    loops_over_terms,
    may_exceed,
    row_of_a_term,
    with_joined_axes,
)
from graphc.compiler.targets.cpu.window_walks import AT_ONCE, MOST_STEP, with_windows_in_lanes
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target


def _has_short_windows(program: LoopProgram, target: Target) -> Applicability:
    program = with_joined_axes(program)
    kept = kept_loops(program)
    if len(kept) < 2:
        return never("it has one row of windows")
    if not may_exceed(kept[-1], LEAST_VECTORISED - 1):
        return never("its rows of windows are shorter than a vector")
    walks = _walks(program)
    if not walks:
        return never("each result is made of one term")
    if any(turns_of(loops_over_terms(program, one)) not in range(AT_ONCE + 1) for one in walks):
        return never(f"its windows have more than {AT_ONCE} elements")
    if row := row_of_a_term(program):
        return never(f"each term is of a row of its own, {row}")
    windows = kept[-1].variable
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        for load in loads_of(statement) if windows in ranges.ends else ():
            step = ranges.step(load.buffer.place(load.coords), windows)
            if step not in range(MOST_STEP + 1):
                return never(f"{load} is more than {MOST_STEP} elements behind its neighbour")
    return ALWAYS


def _walks(program: LoopProgram) -> list[For]:
    """Return the innermost loops over the elements of windows, which may be under a test."""
    kept = {loop.variable for loop in kept_loops(program)}
    return [
        loop
        for loop in innermost_loops(program.body)
        if loop.variable not in kept and any(isinstance(one, Accumulate) for one in walk(loop.body))
    ]


def _in_vectors(program: LoopProgram, target: Target) -> LoopProgram:
    program = with_joined_axes(program)
    program = bind(program, kept_loops(program)[0].variable.name, LoopKind.TEAM)
    for row in [one for one in loops_in(program.body) if _is_row(one)]:
        program = with_windows_in_lanes(program, loops_in(row.body), row.variable.name)
    return program


def _is_row(loop: For) -> bool:
    """Return True for the loop around what carries the reduction of a window."""
    return any(isinstance(one, Allocate) for one in loop.body)


WINDOWS_IN_VECTORS = Mapping(
    "windows in vectors",
    _has_short_windows,
    _in_vectors,
    "neighbouring windows are the lanes of vectors, and threads divide the outermost axis",
)
