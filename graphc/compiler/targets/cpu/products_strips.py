"""Mapping of products whose sums have as many terms as a call says, up to `DEPTH`, as of the
gradient of a weight: threads multiply strips of rows by panels that all have written.

    allocate panels: float32[16, batch, 32] in shared
    for panels_axis1_outer < 16 (team):
      ... panels of columns
    for i0_outer < 14 (team):
      allocate s0: float32[56, 512] in thread
      for i1_outer < 16:
        gc_panel_product_by_columns(s0[0:, 32*i1_outer:], x0[0:, 56*i0_outer:], panels[...])
      for i0_inner < 56:
        for i1 < 512 (vector):
          ... what follows of a sum

What follows is computed from whole rows of a strip's sums, in the order in which they are in
memory: an optimizer's update reads and writes more than the product.
"""

from __future__ import annotations

from graphc.compiler.graph.dim import Dim, evaluate_at
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, loops_in
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.loops.value import Load, at_least
from graphc.compiler.targets.cpu.panels import PANEL_ROWS, panel_columns
from graphc.compiler.targets.cpu.product_panels import (
    DEPTH,
    shape_of,
    terms_outermost,
    with_calls,
    with_left_rows,
    with_right_panels,
)
from graphc.compiler.targets.cpu.products import MOST_UNEVEN
from graphc.compiler.targets.mapping import Applicability, Mapping, never, where
from graphc.compiler.targets.product_loops import DRAWS, Product, draws_words, product_of
from graphc.compiler.targets.target import Target

TILE_ROWS = 8
"""``GC_ROWS`` of ``kernels/host_rows.h``, at most: the rows that are multiplied at once."""

LEAST_ROWS = 16
"""Rows of a strip from which on it is worth its reads of the panels."""

STRIP = 1 << 16
"""Elements of a strip's sums, about: they stay in the cache with what follows of them."""

FEW_COLUMNS = 64
"""Columns up to which other forms leave out half of a last vector."""

TYPICAL = 64
"""The number that a symbol counts as, to say which sums are long."""


def _has_few_terms(program: LoopProgram, target: Target) -> Applicability:
    found = product_of(program)
    if isinstance(found, str):
        return never(found)
    if draws_words(program.body):
        return never(DRAWS)
    if found.batch:
        return never("it has several matrices")
    rows, columns, terms = (
        loop.ends[0].constant for loop in (found.rows, found.columns, found.terms)
    )
    if isinstance(rows, Dim) or isinstance(columns, Dim):
        return never("only a call knows how many rows or columns there are")
    if not isinstance(terms, Dim):
        return never(f"its sums have {terms} terms, whatever the call")
    if evaluate_at(terms, TYPICAL) > DEPTH:
        return never(f"sums of {terms} terms are long")
    if columns <= FEW_COLUMNS or columns % panel_columns(found.total.dtype):
        return never(f"{columns} columns are few, or no whole panels")
    if _strip_rows(rows, columns, target) is None:
        return never(f"{rows} rows are not equally many strips for {target.threads} threads")
    if not isinstance(found.left, Load):
        return never("its left operand is computed")
    return where(at_least(DEPTH - terms))


def _by_strips(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide the rows over threads; each multiplies strips of its rows by all panels, and computes
    what follows of a strip's sums."""
    product = product_of(program)
    assert isinstance(product, Product)
    rows, columns = product.rows.ends[0].constant, product.columns.ends[0].constant
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    program = with_right_panels(program, product, None, BufferScope.SHARED)
    panels = loops_in(program.body)[0].variable.name
    row, strip = product.rows.variable.name, _strip_rows(rows, columns, target)
    assert strip is not None
    program = split(program, row, strip, Tail.NONE)
    team = f"{row}_outer"
    program = _multiplied_strip(program, product, f"{row}_inner", team)
    return bind(bind(program, panels, LoopKind.TEAM), team, LoopKind.TEAM)


def _strip_rows(rows: int, columns: int, target: Target) -> int | None:
    """Return the rows of a strip, a multiple of a tile's: as many as the cache has room for, if
    threads get about as many strips as others; None if there is no such number."""
    threads = max(1, target.threads)
    most = min(PANEL_ROWS, max(LEAST_ROWS, STRIP // columns))
    for strip in range(most // TILE_ROWS * TILE_ROWS, LEAST_ROWS - 1, -TILE_ROWS):
        strips = rows // strip
        if rows % strip == 0 and threads * -(-strips // threads) <= strips * MOST_UNEVEN:
            return strip
    return None


def _multiplied_strip(
    program: LoopProgram, product: Product, rows: str, around: str
) -> LoopProgram:
    """Return a program that makes the sums of a strip by a call for each panel, then what follows
    of all of them."""
    columns, total = product.columns.variable.name, product.total.name
    width, thread = panel_columns(product.total.dtype), BufferScope.THREAD
    program, by_columns = with_left_rows(program, product, around)
    program = expand(expand(program, columns, total, thread), rows, total, thread)
    program = fission(fission(program, columns, 2), rows, 1)
    program = split(program, columns, width, Tail.NONE)
    program = reorder(program, rows, f"{columns}_outer")
    terms = product.terms.variable.name
    program = terms_outermost(program, rows, f"{columns}_inner", terms, nests=2)
    sums = (shape_of(program, total)[0], width)
    return with_calls(
        program, [terms], sums, by_columns=by_columns, is_stored=False, is_fetched=False
    )


STRIPS = Mapping(
    "strips of rows",
    _has_few_terms,
    _by_strips,
    "all threads write the panels once, and what follows of a row's sums is one loop",
)
