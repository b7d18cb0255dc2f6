"""The intrinsics that a product is made of: all rows of a strip by a panel of columns, and panels
of columns that are rows in memory.

``kernels/host_panel.h`` holds the sums of a few rows in vector registers. Its bounds are the same
for every machine, so a program's text is, too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.compiler.graph.dim import Shape, symbol
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index, variable
from graphc.compiler.loops.program import Body
from graphc.compiler.loops.statement import Allocate, For, Intrinsic, Store
from graphc.compiler.loops.value import Apply, Constant, Load

PANEL_ROWS = 128
"""``GC_PANEL_ROWS`` of ``kernels/host_panel.h``: the most rows of a strip."""

_PANEL_BYTES = 128
"""``GC_PANEL_BYTES``: those of the most columns of a panel."""

_ROWS, _COLUMNS, _DEPTH = map(symbol, ("rows", "columns", "depth"))
_FROM_ROW, _TO_ROW, _LEFT_NEXT, _RIGHT_ROW = map(
    symbol, ("from_row", "to_row", "left_next", "right_row")
)


def panel_columns(dtype: str) -> int:
    """Return the most columns of a panel."""
    return _PANEL_BYTES // np.dtype(dtype).itemsize


def whole_columns(dtype: str) -> int:
    """Return the columns of the widest vectors: of multiples of so many, a panel is read where it
    is, without what is beyond its end."""
    return 64 // np.dtype(dtype).itemsize


def panel_product(
    dtype: str,
    left_scope: BufferScope,
    right_scope: BufferScope,
    *,
    by_columns: bool,
    sums: tuple[int, int],
    is_stored: bool,
    is_fetched: bool = False,
) -> Intrinsic:
    """Return the product of a strip of rows and a panel of columns.

    Args:
        dtype: of all elements.
        left_scope, right_scope: of the operands: a left one in thread memory is the rows of a
            strip; a right one that is not in global memory is panels.
        by_columns: True if neighbours in the left operand's memory are its rows, else terms.
        sums: the most rows and columns that the program sums together.
        is_stored: True if the results are stored in memory as they are, from registers; else they
            stay in an array of the thread.
        is_fetched: True if the columns behind the right operand's are fetched into the cache
            meanwhile, or, where the left operand's neighbours are its rows, the rows behind these.
    """
    thread = BufferScope.THREAD
    if is_stored:
        to = _strided("to", dtype, (_ROWS, _COLUMNS), (_TO_ROW, 1))
        total = new_buffer("total", dtype, sums, BufferScope.REGISTER)
    else:
        to = total = _strided("to", dtype, sums, (_TO_ROW, 1), thread)
    rows = sums[0] if left_scope is thread else _ROWS
    left_strides = (1, _LEFT_NEXT) if by_columns else (_LEFT_NEXT, 1)
    left = _strided("left", dtype, (rows, _DEPTH), left_strides, left_scope)
    columns = _COLUMNS if right_scope is BufferScope.GLOBAL else sums[1]
    right = _strided("right", dtype, (_DEPTH, columns), (_RIGHT_ROW, 1), right_scope)
    term = variable("term")

    def cleared(row: Index, column: Index) -> Store:
        return Store(Load(total, (row, column)), Constant(0, dtype))

    def added(row: Index, column: Index) -> Store:
        element = Load(total, (row, column))
        factors = (Load(left, (row, term)), Load(right, (term, column)))
        return Store(element, Apply("fma", (*factors, element), dtype, {}))

    def stored(row: Index, column: Index) -> Store:
        return Store(Load(to, (row, column)), Load(total, (row, column)))

    clear = _each(dtype, "cleared", cleared)
    add = For(_variable_of(term), (as_index(_DEPTH),), (_each(dtype, "added", added),))
    body: Body = (clear, add)
    if is_stored:
        body = (Allocate(total), *body, _each(dtype, "stored", stored))
    name = "gc_panel_product"
    if by_columns:
        name += "_by_columns"
    if is_fetched:
        name += "_and_fetch"
    return Intrinsic(name, (to, left, right), body, "host_panel.h")


def transposition(dtype: str, scope: BufferScope) -> Intrinsic:
    """Return the copy of rows of memory as columns of an array in the memory of a scope."""
    source = _strided("source", dtype, (_ROWS, _COLUMNS), (_FROM_ROW, 1))
    target = _strided("target", dtype, (_COLUMNS, _ROWS), (_TO_ROW, 1), scope)
    row, column = variable("row"), variable("column")
    store = Store(Load(target, (column, row)), Load(source, (row, column)))
    inner = For(_variable_of(column), (as_index(_COLUMNS),), (store,))
    body = For(_variable_of(row), (as_index(_ROWS),), (inner,))
    return Intrinsic("gc_transpose", (source, target), (body,), "host_transpose.h")


def _strided(
    name: str,
    dtype: str,
    shape: Shape,
    strides: Shape,
    scope: BufferScope = BufferScope.GLOBAL,
) -> Buffer:
    return Buffer(name, dtype, shape, scope, strides, 0, name)


def _each(dtype: str, label: str, store: Callable[[Index, Index], Store]) -> For:
    """Return a store for each element of a strip's panel."""
    row, column = variable(f"row_{label}"), variable(f"column_{label}")
    columns = (as_index(panel_columns(dtype)), as_index(_COLUMNS))
    inner = For(_variable_of(column), columns, (store(row, column),))
    return For(_variable_of(row), (as_index(PANEL_ROWS), as_index(_ROWS)), (inner,))


def _variable_of(index: Index) -> LoopVariable:
    assert isinstance(index.atom, LoopVariable)
    return index.atom
