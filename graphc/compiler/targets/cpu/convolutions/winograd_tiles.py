"""The intrinsics of convolutions by Winograd's transforms: tiles of 4 x 4 elements of an image, or
of 2 x 2 results, and back (``kernels/host_winograd.h``).

F(2 x 2, 3 x 3) of Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016: a tile
of 2 x 2 results is A' [(G g G') * (B' d B)] A, of a window's weights g and a tile d of 4 x 4
elements that overlaps its neighbours; * multiplies element by element, and channels are summed
ahead of A. All numbers in A and B are 0, 1 or -1, those in G 1/2 too. The gradient of the weights
is the transposed of it: G' [sum over tiles of (B' d B) * (A y A')] G.

What is inside of a tile is its outermost axis, and channels or filters the innermost one: they are
the lanes of vectors. A function reads and writes whole vectors: rows have room for these.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TypeAlias

from graphc.compiler.graph.dim import Shape, Size, symbol
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import Index, IndexLike, as_index, variable
from graphc.compiler.loops.program import Body
from graphc.compiler.loops.statement import Accumulate, Allocate, Intrinsic, Let, Store
from graphc.compiler.loops.value import Apply, Constant, Load, Local, Select, Value, below
from graphc.compiler.targets.cpu.products.panels import nest_of, strided_buffer

WINDOW = 3
"""Taps of a window along an axis."""

RESULTS = 2
"""Results of a tile along an axis."""

ELEMENTS = WINDOW + RESULTS - 1
"""Elements of a tile of the image along an axis."""

PLACES = ELEMENTS**2
"""Elements of a tile of the image: products of matrices."""

TILES = 48
"""``GC_WINOGRAD_TILES`` of ``kernels/host_winograd.h``: tiles that are transformed at a time, so
that they stay in the second cache."""

_SOURCE = "host_winograd.h"

_CHANNELS, _FILTERS, _TILES, _LEFT, _ACROSS, _PITCH, _ROWS, _COLUMNS, _DEPTH = map(
    symbol,
    ("channels", "filters", "tiles", "left", "across", "pitch", "rows", "columns", "depth"),
)

_Transform: TypeAlias = Callable[[Sequence[Value]], Sequence[Value]]
"""Along one axis of a tile."""


# ---- along an axis ------------------------------------------------------------------------------


def _of_image(d: Sequence[Value]) -> list[Value]:
    """Return B' d."""
    return [_sub(d[0], d[2]), _add(d[1], d[2]), _sub(d[2], d[1]), _sub(d[1], d[3])]


def _of_sums(m: Sequence[Value]) -> list[Value]:
    """Return A' m."""
    return [_add(_add(m[0], m[1]), m[2]), _sub(_sub(m[1], m[2]), m[3])]


def _of_results(y: Sequence[Value]) -> list[Value]:
    """Return A y."""
    negative = Apply("neg", (y[1],), y[1].dtype, {})
    return [y[0], _add(y[0], y[1]), _sub(y[0], y[1]), negative]


def _of_weights(g: Sequence[Value]) -> list[Value]:
    """Return G g."""
    summed, other = _add(_add(g[0], g[1]), g[2]), _add(_sub(g[0], g[1]), g[2])
    return [g[0], _half(summed), _half(other), g[2]]


def _of_products(u: Sequence[Value]) -> list[Value]:
    """Return G' u."""
    b, c = _half(u[1]), _half(u[2])
    return [_add(u[0], _add(b, c)), _sub(b, c), _add(_add(b, c), u[3])]


def _add(a: Value, b: Value) -> Value:
    return Apply("add", (a, b), a.dtype, {})


def _sub(a: Value, b: Value) -> Value:
    return Apply("sub", (a, b), a.dtype, {})


def _half(a: Value) -> Value:
    return Apply("mul", (a, Constant(0.5, a.dtype)), a.dtype, {})


def _transformed(
    elements: Sequence[Sequence[Value]], along: _Transform
) -> tuple[list[Let], list[list[Value]]]:
    """Return the values of a tile that is transformed along both axes, down first, and the names
    that they are made of."""
    numbers = itertools.count()
    lets: list[Let] = []

    def named(values: Sequence[Value]) -> list[Value]:
        names = [Local(f"t{next(numbers)}", one.dtype) for one in values]
        lets.extend(Let(local, one) for local, one in zip(names, values, strict=True))
        return list(names)

    rows = [named(one) for one in elements]
    columns = [named(along(one)) for one in zip(*rows, strict=True)]
    return lets, [list(along(one)) for one in zip(*columns, strict=True)]


# ---- the transforms -----------------------------------------------------------------------------


def weights_transform(dtype: str) -> Intrinsic:
    """Return what makes u[place, channel, filter] of weights[channel, tap, filter]."""
    strides = (symbol("place_next"), symbol("row"), 1)
    to = _buffer("to", dtype, (PLACES, _CHANNELS, _FILTERS), strides, BufferScope.SHARED)
    strides = (symbol("channel_next"), symbol("tap_next"), 1)
    weights = _buffer("weights", dtype, (_CHANNELS, WINDOW**2, _FILTERS), strides)
    channel, filter_ = variable("channel"), variable("filter")

    def element(i: int, j: int) -> Value:
        return Load(weights, (channel, as_index(WINDOW * i + j), filter_))

    body = _stores(to, (channel, filter_), _square(WINDOW, element), _of_weights)
    loops = ((channel, (_CHANNELS,)), (filter_, (_FILTERS,)))
    return Intrinsic("gc_winograd_weights", (to, weights), nest_of(body, *loops), _SOURCE)


def image_transform(dtype: str, elements: int) -> Intrinsic:
    """Return what makes v[place, tile, channel] of an image[element, channel] of so many elements,
    in rows of `pitch`, for the first of the tiles that are left."""
    strides = (symbol("place_next"), symbol("tile_next"), 1)
    to = _buffer("to", dtype, (PLACES, TILES, _CHANNELS), strides)
    image = _buffer("image", dtype, (elements, _CHANNELS), (symbol("element_next"), 1))
    tile, channel = variable("tile"), variable("channel")
    down, across = _place_of(tile)

    def element(i: int, j: int) -> Value:
        row, column = down * RESULTS + i, across * RESULTS + j
        return Load(image, (row * _PITCH + column, channel))

    body = _stores(to, (tile, channel), _square(ELEMENTS, element), _of_image)
    loops = ((tile, (TILES, _LEFT)), (channel, (_CHANNELS,)))
    return Intrinsic("gc_winograd_image", (to, image), nest_of(body, *loops), _SOURCE)


def cotangents_transform(dtype: str) -> Intrinsic:
    """Return what makes m[place, tile, filter] of the results' cotangents[row, column, filter],
    which are 0 behind the last row and the last column."""
    strides = (symbol("place_next"), symbol("tile_next"), 1)
    to = _buffer("to", dtype, (PLACES, TILES, _FILTERS), strides)
    strides = (symbol("row_next"), symbol("column_next"), 1)
    cotangents = _buffer("cotangents", dtype, (_ROWS, _COLUMNS, _FILTERS), strides)
    tile, filter_ = variable("tile"), variable("filter")
    down, across = _place_of(tile)

    def element(i: int, j: int) -> Value:
        row, column = down * RESULTS + i, across * RESULTS + j
        there = below(row, _ROWS), below(column, _COLUMNS)
        return Select(there, Load(cotangents, (row, column, filter_)), Constant(0, dtype))

    body = _stores(to, (tile, filter_), _square(RESULTS, element), _of_results)
    loops = ((tile, (TILES, _LEFT)), (filter_, (_FILTERS,)))
    return Intrinsic("gc_winograd_cotangents", (to, cotangents), nest_of(body, *loops), _SOURCE)


def results_transform(dtype: str, results: int, *, are_separate: bool) -> Intrinsic:
    """Return what makes results[number, filter], of which there are so many, of
    sums[place, tile, filter], for the first of the tiles that are left.

    Args:
        dtype: of all elements.
        results: how many there are.
        are_separate: True if results at the same place of all tiles follow each other; False if
            they are rows of two times `across`.
    """
    to = _buffer("to", dtype, (results, _FILTERS), (symbol("result_next"), 1))
    strides = (symbol("place_next"), symbol("tile_next"), 1)
    sums = _buffer("sums", dtype, (PLACES, TILES, _FILTERS), strides)
    tile, filter_ = variable("tile"), variable("filter")
    down, across = _place_of(tile)

    def element(i: int, j: int) -> Value:
        return Load(sums, (as_index(ELEMENTS * i + j), tile, filter_))

    lets, made = _transformed(_square(ELEMENTS, element), _of_sums)
    stores = []
    for i, j in itertools.product(range(RESULTS), repeat=2):
        row, column = down * RESULTS + i, across * RESULTS + j
        place = row * (_ACROSS * RESULTS) + column
        if are_separate:
            place = tile + (_TILES - _LEFT) + _TILES * (RESULTS * i + j)
        stores.append(Store(Load(to, (place, filter_)), made[i][j]))
    loops = ((tile, (TILES, _LEFT)), (filter_, (_FILTERS,)))
    body = nest_of((*lets, *stores), *loops)
    name = "gc_winograd_results_separate" if are_separate else "gc_winograd_results"
    return Intrinsic(name, (to, sums), body, _SOURCE)


def gradient_transform(dtype: str) -> Intrinsic:
    """Return what makes gradient[channel, row, column, filter] of sums[place, channel, filter]."""
    strides: Shape = (symbol("channel_next"), symbol("row_next"), symbol("column_next"), 1)
    to = _buffer("to", dtype, (_CHANNELS, WINDOW, WINDOW, _FILTERS), strides, BufferScope.SHARED)
    strides = (symbol("place_next"), symbol("row"), 1)
    sums = _buffer("sums", dtype, (PLACES, _CHANNELS, _FILTERS), strides)
    channel, filter_ = variable("channel"), variable("filter")

    def element(i: int, j: int) -> Value:
        return Load(sums, (as_index(ELEMENTS * i + j), channel, filter_))

    lets, made = _transformed(_square(ELEMENTS, element), _of_products)
    stores = []
    for i, j in itertools.product(range(WINDOW), repeat=2):
        target = Load(to, (channel, as_index(i), as_index(j), filter_))
        stores.append(Store(target, made[i][j]))
    loops = ((channel, (_CHANNELS,)), (filter_, (_FILTERS,)))
    return Intrinsic("gc_winograd_gradient", (to, sums), nest_of((*lets, *stores), *loops), _SOURCE)


def tiles_product(dtype: str, height: int, *, sums_of_tiles: bool) -> Intrinsic:
    """Return the product of matrices at one place of all tiles.

    Args:
        dtype: of all elements.
        height: rows that are added up together where there are 32 registers.
        sums_of_tiles: True for what is added to sums[channel, filter] for the first of the tiles
            that are left; False for sums[tile, filter] of all channels.
    """
    rows: Size = _ROWS if sums_of_tiles else TILES
    to = _buffer("to", dtype, (rows, _COLUMNS), (symbol("to_row"), 1))
    depth: Size = TILES if sums_of_tiles else _DEPTH
    steps = symbol("left_row"), symbol("left_term")
    left = _buffer("left", dtype, (rows, depth), steps)
    scope = BufferScope.THREAD if sums_of_tiles else BufferScope.SHARED
    right = _buffer("right", dtype, (depth, _COLUMNS), (symbol("right_row"), 1), scope)
    row, column, term = variable("row"), variable("column"), variable("term")
    total = Buffer("total", dtype, (), BufferScope.REGISTER, (), 0, "total")
    factors = Load(left, (row, term)), Load(right, (term, column))
    fma = Apply("fma", (*factors, Load(total, ())), dtype, {})
    added = nest_of(
        (Store(Load(total, ()), fma),),
        (term, (TILES, _DEPTH) if sums_of_tiles else (_DEPTH,)),
    )
    target, made = Load(to, (row, column)), Load(total, ())
    last = Accumulate("sum", (target,), (made,)) if sums_of_tiles else Store(target, made)
    body = (Allocate(total), Store(made, Constant(0, dtype)), *added, last)
    ends: tuple[IndexLike, ...] = (_ROWS,) if sums_of_tiles else (TILES, _ROWS)
    body = nest_of(body, (row, ends), (column, (_COLUMNS,)))
    parameters, constants = (to, left, right), (f"gc_height({height})", str(sums_of_tiles).lower())
    return Intrinsic("gc_winograd_product", parameters, body, _SOURCE, constants=constants)


# ---- pieces -------------------------------------------------------------------------------------


def _buffer(
    name: str,
    dtype: str,
    shape: Shape,
    strides: Shape,
    scope: BufferScope = BufferScope.THREAD,
) -> Buffer:
    return strided_buffer(name, dtype, shape, strides, scope)


def _square(size: int, element: Callable[[int, int], Value]) -> list[list[Value]]:
    return [[element(i, j) for j in range(size)] for i in range(size)]


def _place_of(tile: Index) -> tuple[Index, Index]:
    """Return the row and the column of a tile of those that are left."""
    number = tile + (_TILES - _LEFT)
    return number // _ACROSS, number % _ACROSS


def _stores(
    to: Buffer, inner: tuple[Index, ...], tile: Sequence[Sequence[Value]], along: _Transform
) -> Body:
    """Return the statements that store all elements of a transformed tile."""
    lets, made = _transformed(tile, along)
    places = itertools.product(range(ELEMENTS), repeat=2)
    stores = (Store(Load(to, (as_index(ELEMENTS * i + j), *inner)), made[i][j]) for i, j in places)
    return (*lets, *stores)
