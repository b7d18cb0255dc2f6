"""The intrinsics that a product is made of: all rows of a strip by a panel of columns, and panels
of columns that are rows in memory.

``kernels/host_panel.h`` holds the sums of a few rows in vector registers. Its bounds are the same
for every machine, so a program's text is, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import TypeAlias

import numpy as np

from graphc.compiler.graph.dim import Shape, Size, symbol
from graphc.compiler.loops.buffer import Buffer, BufferScope, c_strides, new_buffer
from graphc.compiler.loops.index import Index, IndexLike, LoopVariable, as_index, variable
from graphc.compiler.loops.program import Body
from graphc.compiler.loops.statement import Accumulate, Allocate, For, Intrinsic, Statement, Store
from graphc.compiler.loops.value import Apply, Constant, Load
from graphc.compiler.targets.cpu.facts import LINE_BYTES
from graphc.compiler.targets.target import Target

_Loop: TypeAlias = tuple[Index, Sequence[IndexLike]]
"""A variable, and what it is below: each of these."""

PANEL_ROWS = 128
"""``GC_PANEL_ROWS`` of ``kernels/host_panel.h``: the most rows of a strip."""

_CALL_BYTES = 128
"""``GC_PANEL_BYTES``: those of the most columns of a call."""

_ROWS, _COLUMNS, _DEPTH = map(symbol, ("rows", "columns", "depth"))
_FROM_ROW, _TO_ROW, _LEFT_NEXT, _RIGHT_ROW = map(
    symbol, ("from_row", "to_row", "left_next", "right_row")
)


def call_columns(dtype: str) -> int:
    """Return the most columns of a call."""
    return _CALL_BYTES // np.dtype(dtype).itemsize


def panel_columns(dtype: str, target: Target) -> int:
    """Return the columns of a panel that is written: those of two vectors, which are multiplied
    together. (Vectors of 32 bytes would find a half of each row of 128 bytes, which have half of
    the first cache's places: 1,024^3 by written panels took 81 to 86 GFLOP/s of a thread so, with
    rows of 64 bytes 90; AVX2, Zen 3.)"""
    nbytes = min(_CALL_BYTES, max(LINE_BYTES, 2 * target.vector_bytes))
    return nbytes // np.dtype(dtype).itemsize


def whole_columns(dtype: str) -> int:
    """Return the columns of the widest vectors: of multiples of so many, a panel is read where it
    is, without what is beyond its end."""
    return 64 // np.dtype(dtype).itemsize


def in_halves_of_vectors(columns: int, dtype: str) -> int:
    """Return the columns of the rows of a panel that has so many: whole halves of the widest
    vectors, so that fewer rows lie on two lines."""
    half = whole_columns(dtype) // 2
    return -(-columns // half) * half


class PanelFunction(Enum):
    """The functions of ``kernels/host_panel.h``, by what neighbours in the operands' memory are.

    Attributes:
        ROWS: terms of a row of the left operand, and columns of the right one.
        ROWS_AND_FETCH: the same; the columns behind those of the call are fetched into the cache.
        ROWS_AND_FETCH_NEXT: the same; what follows the right operand in memory, as the panel that
            is multiplied next, is fetched.
        COLUMNS: rows of the left operand, and columns of the right one.
        COLUMNS_AND_FETCH: the same; the rows behind those of the call are fetched into the cache.
        COLUMNS_AND_FETCH_RIGHT: the same; the columns of the right operand behind those of the call
            are.
        TRANSPOSED: rows of the left operand, which are a panel, and terms of a column of the right
            one.
    """

    ROWS = "gc_panel_product"
    ROWS_AND_FETCH = "gc_panel_product_and_fetch"
    ROWS_AND_FETCH_NEXT = "gc_panel_product_and_fetch_next"
    COLUMNS = "gc_panel_product_by_columns"
    COLUMNS_AND_FETCH = "gc_panel_product_by_columns_and_fetch"
    COLUMNS_AND_FETCH_RIGHT = "gc_panel_product_by_columns_and_fetch_right"
    TRANSPOSED = "gc_panel_product_transposed"


class PanelSums(Enum):
    """The ends of the sums that a call makes.

    Attributes:
        KEPT: they stay in an array, for what follows.
        STORED: they are stored as they are.
        ADDED: they are added to others when they are complete.
    """

    KEPT = auto()
    STORED = auto()
    ADDED = auto()


_BY_COLUMNS = (
    PanelFunction.COLUMNS,
    PanelFunction.COLUMNS_AND_FETCH,
    PanelFunction.COLUMNS_AND_FETCH_RIGHT,
)


def panel_product(
    function: PanelFunction,
    dtype: str,
    end: PanelSums,
    scopes: tuple[BufferScope, BufferScope, BufferScope],
    *,
    sums: tuple[int, int],
    terms: int | None = None,
    most: tuple[int | None, int | None] = (None, None),
    is_of_strip: bool = False,
    is_one_part: bool = False,
) -> Intrinsic:
    """Return the product of a strip of rows and a panel of columns.

    Args:
        function: what is called.
        dtype: of all elements.
        end: what is done with the sums.
        scopes: of the sums' memory and of the operands: a left one in thread memory is the rows of
            a strip; a right one that is not in global memory is panels.
        sums: the most rows and columns that the program sums together.
        terms: the most terms of a call, `DEPTH`, where more may follow them.
        most: the most rows and columns of a call, where more may follow them; by default
            `PANEL_ROWS` and `call_columns`, which of a transposed product are the other way round.
        is_of_strip: True if the sums' memory has room for `sums` alone.
        is_one_part: True if the right operand has room for `terms` alone.
    """
    scope, left_scope, right_scope = scopes
    is_kept = end is PanelSums.KEPT
    to_shape: Shape = sums if is_kept or is_of_strip else (_ROWS, _COLUMNS)
    to = total = strided_buffer("to", dtype, to_shape, (_TO_ROW, 1), scope)
    if not is_kept:
        total = new_buffer("total", dtype, sums, BufferScope.REGISTER)
    limits = (PANEL_ROWS, call_columns(dtype))
    rows, columns = (
        limit if given is None else given for limit, given in zip(limits, most, strict=True)
    )
    left_shape: Shape = (sums[0] if left_scope is BufferScope.THREAD else _ROWS, _DEPTH)
    left_strides: Shape = (_LEFT_NEXT, 1)
    right_strides: Shape = (_RIGHT_ROW, 1)
    if function in _BY_COLUMNS:
        left_strides = (1, _LEFT_NEXT)
    elif function is PanelFunction.TRANSPOSED:
        rows, columns = columns, rows
        left_shape, left_strides, right_strides = (
            (in_halves_of_vectors(sums[0], dtype), _DEPTH),
            (1, _LEFT_NEXT),
            (1, _RIGHT_ROW),
        )
    left = strided_buffer("left", dtype, left_shape, left_strides, left_scope)
    right_columns = _COLUMNS if right_scope is BufferScope.GLOBAL else sums[1]
    right_shape: Shape = (terms if is_one_part and terms else _DEPTH, right_columns)
    right = strided_buffer("right", dtype, right_shape, right_strides, right_scope)
    term = variable("term")

    def cleared(row: Index, column: Index) -> Statement:
        return Store(Load(total, (row, column)), Constant(0, dtype))

    def added(row: Index, column: Index) -> Statement:
        element = Load(total, (row, column))
        factors = (Load(left, (row, term)), Load(right, (term, column)))
        return Store(element, Apply("fma", (*factors, element), dtype, {}))

    def ended(row: Index, column: Index) -> Statement:
        target, element = Load(to, (row, column)), Load(total, (row, column))
        if end is PanelSums.STORED:
            return Store(target, element)
        return Accumulate("sum", (target,), (element,))

    clear = _each((rows, columns), "cleared", cleared)
    depth = (as_index(_DEPTH),) if terms is None else (as_index(terms), as_index(_DEPTH))
    add = For(_variable_of(term), depth, (_each((rows, columns), "added", added),))
    body: Body = (clear, add)
    if not is_kept:
        body = (Allocate(total), *body, _each((rows, columns), "ended", ended))
    constants = ["GC_ADDED" if end is PanelSums.ADDED else "GC_STORED", str(rows), str(columns)]
    if most[1] is None:
        constants = constants[: 1 if most[0] is None else 2]
    has_defaults = constants == ["GC_STORED"]
    name = function.value + ("" if has_defaults else f"<{', '.join(constants)}>")
    return Intrinsic(name, (to, left, right), body, _header(dtype))


def panel_product_add(
    dtype: str, left_scope: BufferScope, most_terms: int, most_columns: int
) -> Intrinsic:
    """Return what adds the product of a strip of rows and a panel of columns to what is in an
    array, term by term (``kernels/host_panel.h``).

    Args:
        dtype: of all elements.
        left_scope: of the left operand; the other ones are in thread memory.
        most_terms, most_columns: those of a call, where more may follow them.
    """
    thread = BufferScope.THREAD
    to = strided_buffer("to", dtype, (_ROWS, most_columns), (_TO_ROW, 1), thread)
    left = strided_buffer("left", dtype, (_ROWS, _DEPTH), (_LEFT_NEXT, 1), left_scope)
    right = strided_buffer("right", dtype, (most_terms, most_columns), (_RIGHT_ROW, 1), thread)
    row, column, term = variable("row"), variable("column"), variable("term")
    element = Load(to, (row, column))
    factors = (Load(left, (row, term)), Load(right, (term, column)))
    body: Body = (Store(element, Apply("fma", (*factors, element), dtype, {})),)
    ends = (
        (column, (as_index(most_columns), as_index(_COLUMNS))),
        (row, (as_index(_ROWS),)),
        (term, (as_index(most_terms), as_index(_DEPTH))),
    )
    for index, of_loop in ends:
        body = (For(_variable_of(index), of_loop, body),)
    parameters, most = (to, left, right), (most_terms, most_columns)
    return Intrinsic("gc_panel_product_add", parameters, body, _header(dtype), constants=most)


def _header(dtype: str) -> str:
    """Return the file that has products by panels of a type."""
    return f"host_panel_{dtype}.h"


def windows_product(
    dtype: str, left_scope: BufferScope, height: int, terms: Sequence[int]
) -> Intrinsic:
    """Return the product of rows and the windows of an image that neighbour each other, read where
    they are (``kernels/host_windows.h``).

    Args:
        dtype: of all elements.
        left_scope: of the left operand; the other ones are in thread memory.
        height: rows that are added up together where there are 32 registers.
        terms: how many there are along each axis, of which the left operand has all one after the
            other.
    """
    thread = BufferScope.THREAD
    to = strided_buffer("to", dtype, (_ROWS, _COLUMNS), (_TO_ROW, 1), thread)
    left = strided_buffer("left", dtype, (_ROWS, *terms), (_LEFT_NEXT, *c_strides(tuple(terms))))
    left = replace(left, scope=left_scope)
    steps = tuple(symbol(f"step{axis}") for axis in range(len(terms)))
    image = strided_buffer("image", dtype, (*terms, _COLUMNS), (*steps, 1), thread)
    row, column = variable("row"), variable("column")
    axes = [variable(f"term{axis}") for axis in range(len(terms))]
    of_terms = [(one, (count,)) for one, count in zip(axes, terms, strict=True)]
    element = Load(to, (row, column))
    factors = (Load(left, (row, *axes)), Load(image, (*axes, column)))

    own_row, own_column = variable("row_cleared"), variable("column_cleared")
    clear = Store(Load(to, (own_row, own_column)), Constant(0, dtype))
    add = Store(element, Apply("fma", (*factors, element), dtype, {}))
    body = (
        *nest_of((clear,), (own_row, (_ROWS,)), (own_column, (_COLUMNS,))),
        *nest_of((add,), *of_terms, (row, (_ROWS,)), (column, (_COLUMNS,))),
    )
    constants: tuple[Size | str, ...] = (f"gc_height({height})", *terms)
    parameters, source = (to, left, image), "host_windows.h"
    return Intrinsic("gc_windows_product", parameters, body, source, constants=constants)


def window_sums(
    dtype: str,
    sums: Shape,
    places: int,
    chunk: tuple[int, int | None],
    width: int | None,
    *,
    height: int,
    scope_of_sums: BufferScope,
) -> Intrinsic:
    """Return what adds to sums, a row of them for each window of an image, the products of the
    elements of windows and a matrix with a row for each place in one
    (``kernels/host_window_sums.h``).

    Args:
        dtype: of all elements.
        sums: how many windows there are along each axis, and columns if there are several.
        places: the number of axes of the places in a window.
        chunk: how many places along the first of these axes are added up before they are added to
            the sums, and how many there are; None if only a call knows, and they are whole chunks.
        width: columns that the matrix has room for, of which whole vectors are read; None if it
            has one, and the sums no axis of columns.
        height: rows that are added up together where there are 32 registers.
        scope_of_sums: the memory in which the sums are.
    """
    counts = sums if width is None else sums[:-1]
    (length, count), scope = chunk, BufferScope.THREAD
    names = [f"place{axis}" for axis in range(places)]
    extents: list[Size] = [symbol(name) for name in names]
    chunks = symbol("chunks")
    if places:
        extents[0] = chunks * length if count is None else count
    strides = c_strides(sums)
    if counts:  # only a call may know how many windows there are
        counts = (symbol("windows"), *counts[1:])
        sums = (*counts, *sums[len(counts) :])
    to = strided_buffer("to", dtype, sums, strides, scope_of_sums)
    columns: Shape = () if width is None else (width,)
    matrix_steps: Shape = tuple(symbol(f"matrix_{name}") for name in names)
    matrix_steps = (*matrix_steps, *(1 for _ in columns))
    matrix = strided_buffer("matrix", dtype, (*extents, *columns), matrix_steps, scope)
    steps = tuple(symbol(f"step_{one}") for one in (*names, *range(len(counts))))
    image = strided_buffer("image", dtype, (*extents, *counts), steps, scope)
    total = new_buffer("total", dtype, sums, scope)
    number = variable("chunk")

    def each(label: str) -> tuple[list[Index], list[_Loop]]:
        """Return the indices of a sum, and the loops over all."""
        ends = counts if width is None else (*counts, _COLUMNS)
        indices = [variable(f"{label}{axis}") for axis in range(len(ends))]
        return indices, [(one, (end,)) for one, end in zip(indices, ends, strict=True)]

    cleared, of_clear = each("cleared")
    added, of_add = each("added")
    stored, of_store = each("stored")
    place = [variable(name) for name in names]
    in_places: list[_Loop] = []
    if places:
        ends: list[IndexLike] = [length]
        if count is not None and count % length:
            ends.append(number * -length + count)
        in_places = [(place[0], ends)]
        in_places += [(one, (end,)) for one, end in zip(place[1:], extents[1:], strict=True)]
        place[0] = place[0] + number * length
    window, column = (added[:-1], added[-1:]) if width is not None else (added, [])
    factors = Load(image, (*place, *window)), Load(matrix, (*place, *column))
    element = Load(total, tuple(added))
    add = Store(element, Apply("fma", (*factors, element), dtype, {}))
    body = (
        Allocate(total),
        *nest_of((Store(Load(total, tuple(cleared)), Constant(0, dtype)),), *of_clear),
        *nest_of((add,), *in_places, *of_add),
        *nest_of(
            (Accumulate("sum", (Load(to, tuple(stored)),), (Load(total, tuple(stored)),)),),
            *of_store,
        ),
    )
    last = length if count is None or count % length == 0 else count % length
    has = (str(bool(counts)).lower(), str(width is not None).lower())
    constants = (f"gc_height({height})", length, last, *has, *counts[1:])
    whole = nest_of(body, (number, (chunks,)))
    parameters, source = (to, matrix, image), "host_window_sums.h"
    return Intrinsic("gc_window_sums", parameters, whole, source, constants=constants)


def nest_of(body: Body, *loops: _Loop) -> Body:
    """Return statements inside of loops, the outermost first."""
    for index, ends in reversed(loops):
        body = (For(_variable_of(index), tuple(map(as_index, ends)), body),)
    return body


def transposition(
    dtype: str, scope: BufferScope, source_scope: BufferScope = BufferScope.GLOBAL
) -> Intrinsic:
    """Return the copy of rows as columns of an array; both are in the memory of a scope."""
    source = strided_buffer("source", dtype, (_ROWS, _COLUMNS), (_FROM_ROW, 1), source_scope)
    target = strided_buffer("target", dtype, (_COLUMNS, _ROWS), (_TO_ROW, 1), scope)
    row, column = variable("row"), variable("column")
    store = Store(Load(target, (column, row)), Load(source, (row, column)))
    inner = For(_variable_of(column), (as_index(_COLUMNS),), (store,))
    body = For(_variable_of(row), (as_index(_ROWS),), (inner,))
    return Intrinsic("gc_transpose", (source, target), (body,), "host_transpose.h")


def strided_buffer(
    name: str,
    dtype: str,
    shape: Shape,
    strides: Shape,
    scope: BufferScope = BufferScope.GLOBAL,
) -> Buffer:
    """Return a parameter of an intrinsic, with strides of its own."""
    return Buffer(name, dtype, shape, scope, strides, 0, name)


def _each(most: tuple[int, int], label: str, made: Callable[[Index, Index], Statement]) -> For:
    """Return a statement for each element of a strip's panel, which has so many rows and columns at
    most."""
    row, column = variable(f"row_{label}"), variable(f"column_{label}")
    inner = For(_variable_of(column), (as_index(most[1]), as_index(_COLUMNS)), (made(row, column),))
    return For(_variable_of(row), (as_index(most[0]), as_index(_ROWS)), (inner,))


def _variable_of(index: Index) -> LoopVariable:
    assert isinstance(index.atom, LoopVariable)
    return index.atom
