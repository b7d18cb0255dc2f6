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

from functools import partial

from graphc.compiler.graph.dim import Dim, evaluate_at
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, loop_beside, walk
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import For, LoopKind, Store
from graphc.compiler.loops.value import Load, at_least
from graphc.compiler.targets.cpu.panels import (
    PANEL_ROWS,
    PanelFunction,
    panel_columns,
    whole_columns,
)
from graphc.compiler.targets.cpu.product_panels import (
    DEPTH,
    shape_of,
    terms_outermost,
    with_calls,
    with_left_rows,
    with_one_nest,
    with_right_panels,
    with_right_rows,
    with_whole_panels,
)
from graphc.compiler.targets.cpu.products import are_uneven
from graphc.compiler.targets.cpu.reduced_loops import steps_of
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never, where
from graphc.compiler.targets.product_loops import (
    DRAWS,
    Product,
    draws_words,
    product_of,
    with_axes_of_products,
)
from graphc.compiler.targets.target import Target

TILE_ROWS = 8
"""``GC_ROWS`` of ``kernels/host_rows.h``, at most: the rows that are multiplied at once."""

LEAST_ROWS = 16
"""Rows of a strip from which on it is worth its reads of the panels."""

MOST_CALLS = 3
"""Calls that make a panel of a strip, at most: more rows of sums and of what is made of them follow
each other than one call makes."""

STRIP = 1 << 16
"""Elements of a strip's sums, about: they stay in the cache with what follows of them."""

FEW_COLUMNS = 64
"""Columns up to which the rows of the left operand that follow are fetched into the cache: for more
of them, rows are read again from there."""

TYPICAL = 64
"""The number that a symbol counts as, to say which sums are long."""


def _has_few_terms(program: LoopProgram, target: Target) -> Applicability:
    answer = _has_terms(program, target)
    found = product_of(program)
    if answer.refusal or isinstance(found, str):
        return answer
    return where(at_least(DEPTH - found.terms.ends[0].constant))


def _has_terms(program: LoopProgram, target: Target) -> Applicability:
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
    if _strip_rows(rows, columns, target) is None:
        return never(f"{rows} rows are not equally many strips for {target.threads} threads")
    if not isinstance(found.left, Load):
        return never("its left operand is computed")
    return ALWAYS


def _by_strips(program: LoopProgram, target: Target, *, in_parts: bool) -> LoopProgram:
    """Divide the rows over threads; each multiplies strips of its rows by all panels, and computes
    what follows of a strip's sums."""
    program = with_axes_of_products(program)
    product = product_of(program)
    assert isinstance(product, Product)
    rows, columns = product.rows.ends[0].constant, product.columns.ends[0].constant
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    width = panel_columns(product.total.dtype)
    is_whole = columns < width or columns % width == 0
    written = with_right_panels if is_whole else with_right_rows
    program = written(program, product, None, BufferScope.SHARED)
    row, strip = product.rows.variable.name, _strip_rows(rows, columns, target)
    assert strip is not None
    program = split(program, row, strip, Tail.SHORT)
    program = _multiplied_strip(program, product, f"{row}_inner", f"{row}_outer", in_parts)
    for loop in [one for one in program.body if isinstance(one, For)]:  # of panels, and strips
        program = bind(program, loop.variable.name, LoopKind.TEAM)
    return program


def _strip_rows(rows: int, columns: int, target: Target) -> int | None:
    """Return the rows of a strip: as many as the cache has room for, if threads get about as many
    of them as others; None if there is no such number. They are those of whole calls, or, of fewer
    than one has, a multiple of a tile's that divides all rows, as a call has one end of rows."""
    room = max(LEAST_ROWS, STRIP // columns)
    calls = range(min(MOST_CALLS, room // PANEL_ROWS), 0, -1)
    whole = range(min(PANEL_ROWS, room) // TILE_ROWS * TILE_ROWS, LEAST_ROWS - 1, -TILE_ROWS)
    found = [count * PANEL_ROWS for count in calls]
    for strip in (*found, *(strip for strip in whole if rows % strip == 0)):
        if not are_uneven(rows, strip, target):
            return strip
    return None


def _multiplied_strip(
    program: LoopProgram, product: Product, rows: str, around: str, in_parts: bool
) -> LoopProgram:
    """Return a program that makes the sums of a strip by a call for each panel, then what follows
    of all of them."""
    columns, total = product.columns.variable.name, product.total.name
    thread = BufferScope.THREAD
    program, function = with_left_rows(program, product, around)
    program = expand(expand(program, columns, total, thread), rows, total, thread)
    program = fission(fission(program, columns, 2), rows, 1)
    program = _with_joined_rows(program, loop_beside(program, rows, 1))
    most, count = shape_of(program, total)
    if in_parts:
        terms = product.terms.variable.name
        program = terms_outermost(program, (rows, columns), terms, nests=2)
        tree = Tree.AT_ONCE
        program = partial_sums(program, terms, length=DEPTH, tree=tree, scope=thread)
        program, rows, columns = with_one_nest(program, f"{terms}_inner")
    if most > PANEL_ROWS:
        program = split(program, rows, PANEL_ROWS, Tail.SHORT)
        rows, most = f"{rows}_inner", PANEL_ROWS
    program, sums = with_whole_panels(program, rows, columns, product.total.dtype, most)
    if function is PanelFunction.COLUMNS and count <= FEW_COLUMNS:
        function = PanelFunction.COLUMNS_AND_FETCH
    return with_calls(program, sums, function)


def _with_joined_rows(program: LoopProgram, rows: For) -> LoopProgram:
    """Return a program that goes over the columns of rows in one loop, where those are no whole
    vectors and what is read and stored of a row begins where that of the row ahead ends."""
    (columns,) = (one for one in rows.body if isinstance(one, For))
    count = columns.ends[0].constant
    dtype = next(x.target.dtype for x in walk(columns.body) if isinstance(x, Store))
    if not isinstance(count, int) or count % whole_columns(dtype) == 0 or len(rows.body) > 1:
        return program
    names = rows.variable.name, columns.variable.name
    joined = fuse(program, *names)
    loop = joined.loop("_".join(names))
    return program if None in steps_of(joined, loop) else joined


STRIPS = Mapping(
    "strips of rows",
    _has_few_terms,
    partial(_by_strips, in_parts=False),
    "all threads write the panels once, and what follows of a row's sums is one loop",
)
STRIPS_IN_PARTS = Mapping(
    "strips of rows in parts",
    _has_terms,
    partial(_by_strips, in_parts=True),
    "the sums of a strip stay in the cache while part after part is added to them",
)
