"""Mappings of products with a tiny side: one column, or sums of a few terms.

for i0 < n (team):                             for i0 < n (team):
  ... a row by a column, in lanes                for i1 < 1024 (vector):
  y0[i0, 0] = s0[]                                 s0[] = 0.0
                                                   s0[] = fma(x0[i0, 0], x1[0, i1], s0[])
                                                   ...
"""

from __future__ import annotations

from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loads_of,
    loops_in,
    targets_of,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.statement import Accumulate, LoopKind
from graphc.compiler.loops.value import Load
from graphc.compiler.targets.cpu.reductions import REDUCTIONS
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.product_loops import kept_loops
from graphc.compiler.targets.target import Target

MOST_TERMS = 4
"""Terms of a sum up to which they are written out."""

LEAST_TERMS = 128
"""Terms of a row's sum from which on partial results are worth their tree."""

LEAST_COLUMNS = 64
"""Columns from which on they are lanes of vectors, where sums are short."""

(_ROWS_IN_LANES,) = (one for one in REDUCTIONS if one.name == "rows in lanes")


def _one_column(program: LoopProgram, target: Target) -> Applicability:
    kept = kept_loops(program)
    if len(kept) != 1:
        return never("it has rows and columns")
    for terms in loops_in(kept[0].body):
        end = terms.ends[0].constant
        if isinstance(end, int) and end < LEAST_TERMS:
            return never(f"its sums have {end} terms, fewer than {LEAST_TERMS}")
    return _ROWS_IN_LANES.when(program, target)


def _in_lanes(program: LoopProgram, target: Target) -> LoopProgram:
    """Add up the products of a row as reductions of rows are."""
    program = _ROWS_IN_LANES.rewrites(program, target)
    for loop in innermost_loops(program.body):
        if any(isinstance(one, Accumulate) and _is_product(one) for one in loop.body):
            program = contract(program, loop.variable.name)
    return program


def _is_product(one: Accumulate) -> bool:
    """Return True if a statement adds what it computes, not what it loads."""
    return one.reduction == "sum" and not isinstance(one.values[0], Load)


def _short_sums(program: LoopProgram, target: Target) -> Applicability:
    kept = kept_loops(program)
    if len(kept) != 2:
        return never("it has no loops over rows and columns alone")
    columns = kept[-1]
    terms = loops_in(columns.body)
    ends = [one.ends[0].constant for one in terms]
    if len(terms) > 1 or any(not isinstance(end, int) or end > MOST_TERMS for end in ends):
        return never(f"its sums may have more than {MOST_TERMS} terms")
    end = columns.ends[0].constant
    if isinstance(end, int) and end < LEAST_COLUMNS:
        return never(f"there are {end} columns, fewer than {LEAST_COLUMNS}")
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        if columns.variable not in ranges.ends:
            continue
        for element in (*loads_of(statement), *targets_of(statement)):
            if ranges.step(element.buffer.place(element.coords), columns.variable) not in (0, 1):
                return never(f"{element} is not contiguous in {columns.variable}")
    return ALWAYS


def _written_out(program: LoopProgram, target: Target) -> LoopProgram:
    """Write out the terms of sums; neighbouring columns are lanes, and threads divide the rows."""
    rows, columns = kept_loops(program)
    for terms in loops_in(columns.body):
        program = unroll(program, terms.variable.name)
    name = columns.variable.name
    program = vectorise(contract(program, name), name, is_divided=True)
    return bind(program, rows.variable.name, LoopKind.TEAM)


ONE_COLUMN = Mapping(
    "one column",
    _one_column,
    _in_lanes,
    "a row of the left operand is multiplied in vectors, whose lanes a tree adds up",
)

SHORT_SUMS = Mapping(
    "short sums",
    _short_sums,
    _written_out,
    "what a few terms give is stored once, and the sum is never in memory",
)
