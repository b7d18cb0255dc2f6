"""Mapping of poolings of functions of elements: those of a row of windows are computed ahead, in
vectors, which the few terms of a window are not.

    for i0_i1 < 8*batch (team):
      for i2 < 21:
        allocate row: float32[3, 63] in thread
        for row_axis0 < 3:
          for row_axis1 < 63 (vector):
            row[row_axis0, row_axis1] = tanh(x0[...])
        for i3 < 21:
          ... the largest of three times three
"""

from __future__ import annotations

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    loads_of,
    path_to,
    walk,
)
from graphc.compiler.loops.rewrites.refusal import ranges_at
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.keep import is_work
from graphc.compiler.loops.statement import For, Let
from graphc.compiler.targets.cpu.reductions.loops import kept_loops, loops_over_terms
from graphc.compiler.targets.cpu.reductions.rows import ROWS_IN_LANES
from graphc.compiler.targets.mapping import Applicability, Mapping, never
from graphc.compiler.targets.target import Target


def _computes_functions(program: LoopProgram, target: Target) -> Applicability:
    lets = _functions_of(program)
    if len(lets) != 1:
        return never(f"its windows compute {len(lets)} functions of an element")
    if len(kept_loops(program)) < 2:
        return never("it has one row of windows")
    (let,) = lets
    *_, row = _terms_of(program, let)
    column, length = kept_loops(program)[-1].variable, row.ends[0].constant
    ranges = ranges_at(program, let)
    for load in loads_of(let):
        place = load.buffer.place(load.coords)
        if ranges.step(place, row.variable) != 1 or ranges.step(place, column) != length:
            return never(f"{load} is not the next one of a row for each term and window")
    return ROWS_IN_LANES.when(program, target)


def _functions_of(program: LoopProgram) -> list[Let]:
    """Return the values of the innermost loops over the terms of windows that are more work than to
    take the largest one."""
    return [
        one
        for one in walk(program.body)
        if isinstance(one, Let) and is_work(one.value) and _terms_of(program, one)
    ]


def _terms_of(program: LoopProgram, let: Let) -> list[For]:
    """Return the loops over the terms of a window around a value, if it is in the innermost one."""
    path = path_to(program.body, let)
    innermost = path[-2] if len(path) > 1 else None
    return loops_over_terms(program, innermost) if isinstance(innermost, For) else []


def _by_rows(program: LoopProgram, target: Target) -> LoopProgram:
    (let,) = _functions_of(program)
    *outer, last = (one.variable.name for one in _terms_of(program, let))
    row, column = (one.variable.name for one in kept_loops(program)[-2:])
    axes = (*([one] for one in outer), [column, last])
    program = stage_value(program, row, let.local.name, BufferScope.THREAD, name="row", axes=axes)
    return ROWS_IN_LANES.rewrites(program, target)


ROWS_OF_WINDOWS = Mapping(
    "rows of windows",
    _computes_functions,
    _by_rows,
    "functions are computed in vectors, which the few terms of a window are not",
)
