"""Mappings of products with a tiny side: one column, a few, or sums of a few terms.

for i0 < n (team):                             for i0 < n (team):
  ... a row by a column, in lanes                for i1 < 1024 (vector):
  y0[i0, 0] = s0[]                                 s0[] = 0.0
                                                   s0[] = fma(x0[i0, 0], x1[0, i1], s0[])
                                                   ...

for i0_outer_outer < (n // 2 + 31) // 32 (team):
  ... columns: those of the right operand, as rows
  for i0_outer_inner < min(32, n // 2 - 32*i0_outer_outer):
    for k0_outer < 32:
      for k0_inner < 32 (vector):
        s0_parts[0, 0, k0_inner] = fma(x0[..., ...], columns[0, ...], s0_parts[0, 0, k0_inner])
        ... of two rows by all columns
    ...
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loads_of,
    loop_beside,
    loops_in,
    targets_of,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import join
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.statement import Accumulate, For, LoopKind
from graphc.compiler.loops.value import Load
from graphc.compiler.targets.cpu.reductions.loops import reducing_loops, with_vectors
from graphc.compiler.targets.cpu.reductions.rows import (
    BLOCK,
    LANES,
    REDUCTIONS,
    ROWS_IN_LANES,
    with_short_turn_behind,
)
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, narrowed, never
from graphc.compiler.targets.product_loops import (
    DRAWS,
    Product,
    draws_words,
    kept_loops,
    known_sums_of,
    product_of,
    products_of,
)
from graphc.compiler.targets.target import Target

MOST_TERMS = 4
"""Terms of a sum up to which they are written out."""

LEAST_TERMS = 128
"""Terms of a row's sum from which on partial results are worth their tree."""

LEAST_COLUMNS = 64
"""Columns from which on they are lanes of vectors, where sums are short."""

MOST_COLUMNS = 7
"""Columns that are few, if their partial results stay in registers. (1,000 rows by 256 to 2,048
terms, as a multiple of the time by panels: 0.4 to 0.6 for 5 columns, 0.5 to 0.85 for 7, 1.0 for 8,
1.15 to 1.25 for 10; AVX-512.)"""

LEAST_TERMS_OF_FEW = 48
"""Terms from which on each of a few columns is worth its tree. (As above: 24 terms 0.7 for 2
columns and 1.2 for 7, 48 terms 0.5 and 0.95, 100 terms 0.5 and 0.9.)"""

_OF_TWO_VECTORS = 4
"""Columns up to which a sum has the partial results of two of the widest vectors."""

MOST_COLUMNS_IN_MEMORY = 4
"""The same of partial results that are in the first cache. (By 1,024 terms, as a multiple of the
time by panels: 0.45 to 0.6 for 2 columns, 0.6 to 0.8 for 4, 1.1 for 7.)"""

LEAST_TERMS_IN_MEMORY = 256
"""The same of these. (200 terms 1.7 for 4 columns, 256 terms 0.7 for 2 and 0.9 for 4.)"""

ROWS = 64
"""Rows for which a thread writes the columns one after the other."""


def _one_column(program: LoopProgram, target: Target) -> Applicability:
    kept = kept_loops(program)
    sums = loops_in(kept[-1].body) if kept else ()
    if not sums or _is_of_matrices(program):
        return never("it has rows and columns")
    for terms in sums:
        end = terms.ends[0].constant
        if isinstance(end, int) and end < LEAST_TERMS:
            return never(f"its sums have {end} terms, fewer than {LEAST_TERMS}")
    return ROWS_IN_LANES.when(program, target)


def _is_of_matrices(program: LoopProgram) -> bool:
    """Return True if a program has products whose rows and columns share their factors: a row of
    one matrix, and a column of each of several, do not."""
    return not isinstance(products_of(program), str)


def _in_lanes(program: LoopProgram, target: Target) -> LoopProgram:
    """Add up the products of a row as reductions of rows are."""
    program = ROWS_IN_LANES.rewrites(program, target)
    for loop in innermost_loops(program.body):
        if any(isinstance(one, Accumulate) and _is_product(one) for one in loop.body):
            program = contract(program, loop.variable.name)
    return program


def _is_product(one: Accumulate) -> bool:
    """Return True if a statement adds what it computes, not what it loads."""
    return one.reduction == "sum" and not isinstance(one.values[0], Load)


def _few_columns(program: LoopProgram, target: Target) -> Applicability:
    product = product_of(program)
    if isinstance(product, str):
        return never(product)
    sizes = known_sums_of(product)
    if isinstance(sizes, str):
        return never(sizes)
    columns, terms = sizes
    most, least = MOST_COLUMNS, LEAST_TERMS_OF_FEW
    if not _stay_in_registers(min(columns, MOST_COLUMNS), product.total.dtype, target):
        most, least = MOST_COLUMNS_IN_MEMORY, LEAST_TERMS_IN_MEMORY
    if columns > most:
        return never(f"there are {columns} columns, more than {most}")
    if not least <= terms <= BLOCK:
        return never(f"its sums have {terms} terms, not {least} to {BLOCK}")
    if product.steps(product.left, product.terms) != 1:
        return never(f"{product.left} is not contiguous in {product.terms.variable}")
    if not isinstance(product.right, Load):
        return never(f"{product.right} is not in memory")
    return never(DRAWS) if draws_words(program.body) else ALWAYS


def _stay_in_registers(columns: int, dtype: str, target: Target) -> bool:
    """Return True if registers hold the partial results of two rows by all columns, and what is
    multiplied."""
    parts = 2 * columns * _lanes(columns)
    return parts // target.lanes_of(np.dtype(dtype).itemsize) + 4 <= target.vector_registers


def _lanes(columns: int) -> int:
    """Return the partial results of each sum of a row by so many columns: two vectors of the widest
    for a few sums, so that one addition need not wait for the one before, one for more."""
    return LANES if columns <= _OF_TWO_VECTORS else LANES // 2


def _in_lanes_together(program: LoopProgram, target: Target) -> LoopProgram:
    """Multiply two rows by all columns at once, in lanes, where their number is even or only a call
    knows it; then the one that may be left. Threads divide chunks of rows."""
    product = product_of(program)
    assert isinstance(product, Product)
    rows, count = product.rows.variable.name, product.rows.ends[0].constant
    if isinstance(count, int) and (count <= 2 or count % 2):
        return _by_all_columns(program, rows)
    program = split(program, rows, 2, Tail.LOOP)
    pairs, *left = (one for one in program.body if isinstance(one, For))
    mapped = replace(program, body=program.body[: -1 - len(left)])
    for nest, pair in ((pairs, f"{rows}_inner"), *((one, None) for one in left)):
        made = _by_all_columns(replace(program, body=(nest,)), nest.variable.name, pair)
        mapped = replace(mapped, body=(*mapped.body, *Names(mapped).copied(made.body)))
    return mapped


def _by_all_columns(program: LoopProgram, rows: str, pair: str | None = None) -> LoopProgram:
    """Multiply each row by all columns at once: those of a loop, or of one over two rows inside."""
    product = product_of(program)
    assert isinstance(product, Product)
    assert isinstance(product.right, Load)
    columns = product.columns.variable.name
    chunk = ROWS if pair is None else ROWS // 2
    program = bind(split(program, rows, chunk, Tail.SHORT), f"{rows}_outer", LoopKind.TEAM)
    if product.steps(product.right, product.terms) != 1:
        layout, memory = BufferLayout((1, 0)), product.right.buffer.name
        program = stage(program, f"{rows}_outer", memory, BufferScope.THREAD, layout, "columns")
    program = expand(program, columns, product.total.name, BufferScope.THREAD)
    body = program.loop(columns).body
    terms = next(k for k, one in enumerate(body) if isinstance(one, For))
    program = fission(program, columns, terms)
    sums = loop_beside(program, columns, 1).variable.name
    written_out = [columns, sums]
    program = fission(program, sums, 1)
    if pair is not None:
        program = fission(expand(program, pair, product.total.name, BufferScope.THREAD), pair, 1)
        second = loop_beside(program, pair, 1)
        (of_second, _) = (one.variable.name for one in second.body if isinstance(one, For))
        written_out = [columns, of_second, pair, second.variable.name]
        program = fission(program, second.variable.name, 1)
    for loop in written_out:
        program = unroll(program, loop)
    first, *others = (loop.variable.name for loop in reducing_loops(program))
    for name in others:
        program = join(program, first, name)
    count = product.columns.ends[0].constant
    assert isinstance(count, int)
    program = contract(partial_sums(program, first, lanes=_lanes(count)), f"{first}_inner")
    return with_vectors(with_short_turn_behind(program, f"{first}_outer"))


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

FEW_COLUMNS = Mapping(
    "few columns",
    _few_columns,
    _in_lanes_together,
    "a row of the left operand is read once for all columns, and multiplied in vectors",
)


def _refusal_of_matrices(program: LoopProgram) -> str:
    return "it has rows, columns and terms" if _is_of_matrices(program) else ""


AS_REDUCTIONS = tuple(narrowed(one, _refusal_of_matrices) for one in REDUCTIONS)
"""The mappings of reductions, of what is no product of matrices."""

SHORT_SUMS = Mapping(
    "short sums",
    _short_sums,
    _written_out,
    "what a few terms give is stored once, and the sum is never in memory",
)
