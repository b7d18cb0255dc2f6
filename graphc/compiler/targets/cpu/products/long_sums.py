"""Mapping of products with few results, each a long sum: threads divide the terms.

    for i0_outer < (batch + 127) // 128:
      allocate s0_parts: float32[18, 128, 128] in shared
      for k0_outer < 18 (team):
        ... panels of a part's terms
        for i1_outer < 4:
          gc_panel_product(s0_parts[k0_outer, 0:, 32*i1_outer:], x0[...], panels[...])
      for i1_outer_2 < 4 (team):
        for i0_inner < min(128, batch - 128*i0_outer):
          for s0_part < 18:
            ... s0 and the parts of a row's columns
          ... what follows of them

A part is a sum of `DEPTH` terms, so a result is that of products of many rows.
"""

from __future__ import annotations

from graphc.compiler.graph.dim import typical
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, loop_beside, loops_in
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.fuse import join
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.loops.value import Load
from graphc.compiler.targets.cpu.products.panels import (
    PANEL_ROWS,
    call_columns,
    panel_columns,
)
from graphc.compiler.targets.cpu.products.pieces import (
    DEPTH,
    PanelCall,
    shape_of,
    terms_outermost,
    with_calls,
    with_left_rows,
    with_one_nest,
    with_right_panels,
    with_whole_panels,
)
from graphc.compiler.targets.cpu.products.rows_by_panels import (
    FEW_ROWS,
    MOST_ROWS_IN_PLACE,
    SMALL_RIGHT,
    has_conflicting_rows,
    is_divided_in_parts,
)
from graphc.compiler.targets.cpu.reductions.loops import may_exceed
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.product_loops import (
    DRAWS,
    Product,
    draws_words,
    known_sums_of,
    product_of,
    with_axes_of_products,
)
from graphc.compiler.targets.target import Target

MOST_RESULTS = 1 << 15
"""Results up to which there are few, for a typical call."""

LONG = 4 * DEPTH
"""Terms from which on a sum is long."""

MOST_PARTS = 1 << 22
"""Elements of the parts of a strip of rows, at most."""


def _has_long_sums(program: LoopProgram, target: Target) -> Applicability:
    found = product_of(program)
    if isinstance(found, str):
        return never(found)
    if draws_words(found.terms.body):
        return never(DRAWS)
    sizes = known_sums_of(found)
    if isinstance(sizes, str):
        return never(sizes)
    rows, (columns, terms) = found.rows.ends[0].constant, sizes
    if terms < LONG:
        return never(f"sums of {terms} terms are not long")
    if is_divided_in_parts(found, target):
        return never(f"{columns} columns are panels for all threads, and each has all terms")
    if columns * terms <= SMALL_RIGHT:
        return never(f"the right operand has no more than {SMALL_RIGHT} elements")
    if typical(rows * columns) > MOST_RESULTS:
        return never(f"{rows * columns} results are many")
    if not isinstance(found.left, Load):
        return never("its left operand is computed")
    if found.steps(found.right, found.columns) != 1:
        return never("its right operand is not in memory by rows")
    width = call_columns(found.total.dtype)
    if columns < width:
        return never(f"there are {columns} columns, fewer than {width}")
    if -(-terms // DEPTH) * PANEL_ROWS * columns > MOST_PARTS:
        return never(f"parts of {terms} terms are too many")
    return ALWAYS


def _by_parts(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide the parts of sums over threads, then columns, whose parts are added."""
    program = with_axes_of_products(program)
    product = product_of(program)
    assert isinstance(product, Product)
    rows, columns, terms = (
        loop.variable.name for loop in (product.rows, product.columns, product.terms)
    )
    if may_exceed(product.rows, PANEL_ROWS):
        program = split(program, rows, PANEL_ROWS, Tail.SHORT)
        rows = f"{rows}_inner"
    total, shared = product.total.name, BufferScope.SHARED
    program = expand(expand(program, columns, total, shared), rows, total, shared)
    most, count = shape_of(program, total)
    program = terms_outermost(program, (rows, columns), terms, nests=3)
    program = partial_sums(program, terms, length=DEPTH, tree=Tree.IN_ORDER, scope=shared)
    part = f"{terms}_outer"
    program, function = with_left_rows(program, product, part)
    width, known_rows = call_columns(product.total.dtype), product.rows.ends[0].constant
    in_place = MOST_ROWS_IN_PLACE if has_conflicting_rows(product) else FEW_ROWS
    has_panels = isinstance(known_rows, int) and known_rows > in_place  # a batch may be small
    if has_panels:
        width = panel_columns(product.total.dtype, target)
        program = with_right_panels(program, product, part, BufferScope.THREAD, width)
    program, rows, columns = with_one_nest(program, f"{terms}_inner")
    call = PanelCall(function, most, count)
    program, calls = with_whole_panels(program, rows, columns, call, width=width)
    chunk_columns = call_columns(product.total.dtype)
    program, chunk = _with_added_parts(program, part, count, chunk_columns)
    program = bind(with_calls(program, calls), part, LoopKind.TEAM)
    return bind(program, chunk, LoopKind.TEAM) if chunk else program


def _with_added_parts(
    program: LoopProgram, part: str, count: int, width: int
) -> tuple[LoopProgram, str]:
    """Return a program that adds the parts of columns and then computes what follows of them, and
    the loop over so many of the columns; none if there is one turn of it."""
    parts = loop_beside(program, part, 1)
    _, rows, columns = (loop.variable.name for loop in loops_in((parts,)))
    outer = parts.variable.name
    program = reorder(program, outer, rows)
    behind = loop_beside(program, rows, 1)
    _, others = (loop.variable.name for loop in loops_in((behind,))[:2])
    program = join(program, rows, behind.variable.name)
    if count <= width:
        return program, ""
    chunks = [f"{columns}_outer", f"{others}_outer"]
    for loop in (columns, others):
        program = split(program, loop, width, Tail.SHORT)
    program = join(reorder(program, outer, chunks[0]), *chunks)
    return reorder(program, rows, chunks[0]), chunks[0]


PARTS_OF_SUMS = Mapping(
    "parts of sums",
    _has_long_sums,
    _by_parts,
    "there are few rows and columns for threads to divide, and many terms",
)
