"""Mapping of products of few rows by large weights that are in memory column after column: the rows
are a panel, by which the columns are multiplied where they are.

    ... panels of rows
    for i1_outer < 113 (team):
      for i0_outer < (batch + 31) // 32:
        gc_panel_product_transposed(y0[32*i0_outer:, 128*i1_outer:], panels[i0_outer, 0:, 0:],
                                x1[128*i1_outer:, 0:])
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.graph.dim import Dim
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.loops.value import Load, at_least
from graphc.compiler.targets.cpu.products.panels import PANEL_ROWS, PanelFunction, call_columns
from graphc.compiler.targets.cpu.products.pieces import multiplied, with_right_panels
from graphc.compiler.targets.cpu.products.rows_by_panels import (
    FEW_ROWS,
    MOST_TERMS,
    SMALL_RIGHT,
    are_uneven,
)
from graphc.compiler.targets.cpu.reductions.loops import may_exceed
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never, where
from graphc.compiler.targets.product_loops import (
    DRAWS,
    Product,
    draws_words,
    known_sums_of,
    product_of,
    with_axes_of_products,
)
from graphc.compiler.targets.target import Target


def _has_few_rows(program: LoopProgram, target: Target) -> Applicability:
    found = product_of(program)
    if isinstance(found, str):
        return never(found)
    if draws_words(program.body):
        return never(DRAWS)
    sizes = known_sums_of(found)
    if isinstance(sizes, str):
        return never(sizes)
    rows, (columns, terms) = found.rows.ends[0].constant, sizes
    if columns * terms <= SMALL_RIGHT:
        return never(f"the right operand has no more than {SMALL_RIGHT} elements")
    if terms > MOST_TERMS:
        return never(f"a sum has more than {MOST_TERMS} terms")
    if not isinstance(found.right, Load) or found.steps(found.right, found.terms) != 1:
        return never("its right operand is not in memory by columns")
    if are_uneven(columns, PANEL_ROWS, target):
        return never(f"{columns} columns are not equally many strips for {target.threads} threads")
    if isinstance(rows, Dim):
        return where(at_least(FEW_ROWS - rows))
    return ALWAYS if rows <= FEW_ROWS else never(f"there are {rows} rows, more than {FEW_ROWS}")


def _by_strips_of_columns(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide strips of columns over threads, which all read the panel of rows."""
    program = with_axes_of_products(program)
    product = product_of(program)
    assert isinstance(product, Product)
    rows, columns = product.rows.variable.name, product.columns.variable.name
    kept = (product.columns, product.rows)
    transposed = replace(product, kept=kept, left=product.right, right=product.left)
    width = call_columns(product.total.dtype)
    program = with_right_panels(program, transposed, None, BufferScope.SHARED, width)
    program = split(program, columns, PANEL_ROWS, Tail.SHORT)
    strip, columns = f"{columns}_outer", f"{columns}_inner"
    around = [rows]
    if may_exceed(product.rows, width):
        program = split(program, rows, width, Tail.SHORT)
        around, rows = [f"{rows}_inner", f"{rows}_outer"], f"{rows}_inner"
    for loop in around:
        program = reorder(program, loop, strip)
    program = multiplied(program, product, rows, columns, PanelFunction.TRANSPOSED)
    return bind(program, strip, LoopKind.TEAM)


FEW_ROWS_BY_COLUMNS = Mapping(
    "few rows by columns",
    _has_few_rows,
    _by_strips_of_columns,
    "weights are read once, in the order in which they lie, and not written as panels",
)
