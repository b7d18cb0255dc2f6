"""Mapping of products whose columns only a call knows: threads divide blocks, each of a strip of
rows by a panel of columns.

    allocate panels: float32[(m + 31) // 32, k, 32] in shared
    for panels_axis1_outer < (m + 31) // 32 (team):
      ... a panel of columns
    for i0_outer_i1_outer < (n + 127) // 128 * ((m + 31) // 32) (team):
      gc_panel_product(y0[...], x0[...], panels[...])

A right operand that is in memory by rows is read there for few rows, and multiplied by tiles of
columns (`few_rows`) for even fewer. Each form is a variant, behind a test of the sizes of
a call, and those of panels have one for sums of one part: of fewer terms than `DEPTH`, they are
stored where they belong. A row's sums have the same order in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import For, LoopKind
from graphc.compiler.loops.value import Condition, Local, at_least
from graphc.compiler.targets.cpu.products.few_rows import (
    MOST_KNOWN_ROWS,
    MOST_ROWS,
    by_columns,
    strided_element,
)
from graphc.compiler.targets.cpu.products.panels import (
    PANEL_ROWS,
    call_columns,
    panel_columns,
)
from graphc.compiler.targets.cpu.products.pieces import (
    DEPTH,
    multiplied,
    with_left_rows,
    with_named_factors,
    with_right_panels,
)
from graphc.compiler.targets.cpu.products.rows_by_panels import FEW_ROWS, why_not_of_one_matrix
from graphc.compiler.targets.cpu.products.strips import FETCHING
from graphc.compiler.targets.cpu.reductions.loops import may_exceed
from graphc.compiler.targets.mapping import (
    ALWAYS,
    Applicability,
    Mapping,
    in_variants,
    knowing,
    never,
)
from graphc.compiler.targets.product_loops import (
    Product,
    product_of,
    with_axes_of_products,
)
from graphc.compiler.targets.target import Target

LEAST_COLUMNS_IN_PLACE = 256
"""Columns from which on one more panel, of columns that are left and of others again, costs little.
"""


def _has_unknown_columns(program: LoopProgram, target: Target) -> Applicability:
    found = product_of(program)
    if isinstance(found, str):
        return never(found)
    if reason := why_not_of_one_matrix(program, found):
        return never(reason)
    if not isinstance(found.columns.ends[0].constant, Dim):
        return never("the number of its columns is known")
    return ALWAYS


def _by_panels(program: LoopProgram, target: Target) -> LoopProgram:
    """Store a left operand that is computed; divide blocks over threads, or, of few rows, whose
    right operand is in memory by rows, the panels."""
    program = with_named_factors(with_axes_of_products(program))
    product = product_of(program)
    assert isinstance(product, Product)
    if isinstance(product.left, Local):
        name = product.left.name
        program = stage_value(program, None, name, BufferScope.SHARED, name="left")
        program = bind(propagate(program, name), "left_axis0", LoopKind.TEAM)
    *ahead, nest = program.body
    mapped = _mapped(replace(program, body=(nest,)), target)
    program = replace(program, body=tuple(ahead))
    return replace(program, body=(*ahead, *Names(program).copied(mapped.body)))


def _mapped(program: LoopProgram, target: Target) -> LoopProgram:
    """Return a program of nothing but a product, with a variant for each form that its number of
    rows may be for."""
    product = product_of(program)
    assert isinstance(product, Product)
    rows, columns = product.rows.ends[0].constant, product.columns.ends[0].constant
    width = panel_columns(product.total.dtype, target)
    mapped = _for_all_depths(program, product, partial(_by_blocks, width=width))
    if product.steps(product.right, product.columns) != 1:
        return mapped
    few = _tests(rows, FEW_ROWS)
    if few is not None:
        is_wide = at_least(columns - LEAST_COLUMNS_IN_PLACE)
        in_place = _for_all_depths(knowing(program, is_wide), product, _in_place)
        mapped = in_variants((is_wide, *few), in_place, mapped)
    few = _tests(rows, MOST_ROWS if isinstance(rows, Dim) else MOST_KNOWN_ROWS)
    if few is None or strided_element(program, product):
        return mapped
    tiles = by_columns(program, target)
    return in_variants(few, tiles, mapped) if few else tiles


def _tests(rows: Size, most: int) -> tuple[Condition, ...] | None:
    """Return the conditions that there are at most so many rows, none if it is known; None if there
    are more."""
    if isinstance(rows, Dim):
        return (at_least(most - rows),)
    return () if rows <= most else None


def _for_all_depths(
    program: LoopProgram,
    product: Product,
    form: Callable[[LoopProgram, Product], LoopProgram],
) -> LoopProgram:
    """Return a program in a form; if only a call knows the number of terms, with a variant for sums
    of one part."""
    terms = product.terms.ends[0].constant
    mapped = form(program, product)
    if isinstance(terms, int):
        return mapped
    is_short = at_least(DEPTH - terms)
    return in_variants((is_short,), form(knowing(program, is_short), product), mapped)


def _by_blocks(program: LoopProgram, product: Product, width: int) -> LoopProgram:
    """Divide the panels over threads, which write them; then blocks of a strip of rows by one of
    the panels."""
    program = with_right_panels(program, product, None, BufferScope.SHARED, width)
    *teams, _ = (one.variable.name for one in program.body if isinstance(one, For))
    for loop in teams:
        program = bind(program, loop, LoopKind.TEAM)
    rows, columns = product.rows.variable.name, product.columns.variable.name
    program = split(program, columns, width, Tail.SHORT)
    block, columns = f"{columns}_outer", f"{columns}_inner"
    if may_exceed(product.rows, PANEL_ROWS):
        program = split(program, rows, PANEL_ROWS, Tail.SHORT)
        strip, panel, rows = f"{rows}_outer", block, f"{rows}_inner"
        program = fuse(reorder(program, rows, panel), strip, panel)
        block = f"{strip}_{panel}"
    else:
        program = reorder(program, rows, block)
    program, function = with_left_rows(program, product, block)
    return bind(multiplied(program, product, rows, columns, function), block, LoopKind.TEAM)


def _in_place(program: LoopProgram, product: Product) -> LoopProgram:
    """Divide the panels over threads, which read them where they are; the last one has columns of
    the one ahead, too."""
    rows, columns = product.rows.variable.name, product.columns.variable.name
    width = call_columns(product.total.dtype)
    program = simplify(split(program, columns, width, Tail.AGAIN))
    program = fission(program, rows, 1)
    whole, left = (replace(program, body=(one,)) for one in program.body)
    whole = reorder(whole, rows, f"{columns}_outer")
    whole = bind(_of_panel(whole), f"{columns}_outer", LoopKind.TEAM)
    return replace(whole, body=(*whole.body, *Names(whole).copied(_of_panel(left).body)))


def _of_panel(program: LoopProgram) -> LoopProgram:
    """Return a program that multiplies all rows by a panel, where it is."""
    product = product_of(program)
    assert isinstance(product, Product)
    rows, columns = product.rows.variable.name, product.columns.variable.name
    around = product.batch[0].variable.name if product.batch else None
    if may_exceed(product.rows, PANEL_ROWS):
        program = split(program, rows, PANEL_ROWS, Tail.SHORT)
        rows = f"{rows}_inner"
    program, function = with_left_rows(program, product, around)
    return multiplied(program, product, rows, columns, FETCHING[function])


UNKNOWN_COLUMNS = Mapping(
    "panels of unknown columns",
    _has_unknown_columns,
    _by_panels,
    "all threads write the panels once, and the last one has the columns that are left",
)
