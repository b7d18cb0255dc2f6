"""The statements that make the sums of a convolution by transforms of tiles: calls of the
intrinsics of `winograd_tiles`, and what their operands lie in."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace

from graphc.compiler.graph.dim import Size, Symbol, symbols
from graphc.compiler.loops.access import sizes_in
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer, view
from graphc.compiler.loops.index import Index, IndexLike, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.statement import (
    Allocate,
    BufferWindow,
    For,
    Intrinsic,
    LoopKind,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Constant, Load
from graphc.compiler.targets.cpu.convolutions.operands import (
    height_of_tiles,
    indices_in,
)
from graphc.compiler.targets.cpu.convolutions.winograd_tiles import (
    ELEMENTS,
    PLACES,
    RESULTS,
    TILES,
    WINDOW,
    cotangents_transform,
    gradient_transform,
    image_transform,
    results_transform,
    tiles_product,
    weights_transform,
)
from graphc.compiler.targets.cpu.products.panels import (
    call_columns,
    transposition,
    whole_columns,
)

HEIGHT = 8
"""Tiles whose sums are in registers at once, of `TILES`."""

LEAST_OF_PART, MOST_OF_PART = 8, 32
"""Channels of a part of the weights, which a thread transforms."""


@dataclass(frozen=True)
class ConvolutionSizes:
    """The sizes of a convolution, of which each is a number.

    Attributes:
        channels, filters: how many there are.
        rows, columns: of a sample's results.
    """

    channels: int
    filters: int
    rows: int
    columns: int

    @property
    def tiles(self) -> tuple[int, int]:
        """The number of tiles of a sample's results, down and across."""
        return -(-self.rows // RESULTS), -(-self.columns // RESULTS)


@dataclass(frozen=True)
class TileStatements:
    """The statements that make sums by transforms.

    Attributes:
        names: those of the program that they become a part of.
        dtype: of all elements.
        sizes: those of the convolution.
    """

    names: Names
    dtype: str
    sizes: ConvolutionSizes

    def of_weights(self, weights: BufferWindow) -> tuple[Body, Buffer]:
        """Return the statements that transform weights, of a row for each filter, and where these
        are then."""
        channels, filters = self.sizes.channels, self.sizes.filters
        wide, of_filter = self._wide(filters), channels * WINDOW**2
        steps = (weights.buffer.strides[weights.axes[0]], 1)
        rows = self._view(weights, "rows", (filters, of_filter), steps)
        made = self._new("weights_transformed", (PLACES, channels, wide), BufferScope.SHARED)
        count = _channels_of_part(channels)
        part = self._variable("part") if count < channels else as_index(0)
        columns = count * WINDOW**2
        laid_out = self._new("weights_innermost", (count, WINDOW**2, wide))
        taps = view(laid_out, self.names.new(f"{laid_out}_rows"), (columns, wide))
        zero = as_index(0)
        transpose = transposition(self.dtype, taps.scope, rows.scope)
        transposed = UseIntrinsic(
            transpose,
            (BufferWindow(rows, (zero, part * columns), (0, 1)), _whole_of(taps)),
            _sizes(transpose, rows=filters, columns=columns),
        )
        transform = weights_transform(self.dtype)
        of_part = UseIntrinsic(
            transform,
            (BufferWindow(made, (zero, part * count, zero), (0, 1, 2)), _whole_of(laid_out)),
            _sizes(transform, channels=count, filters=filters),
        )
        body: Body = (Allocate(laid_out), transposed, of_part)
        if count < channels:
            body = (_loop(part, channels // count, body, "parts of weights", LoopKind.TEAM),)
        return (Allocate(made), *body), made

    def of_results(
        self, sums: Buffer, weights: Buffer, image: BufferWindow, plane: int, pitch: int
    ) -> Body:
        """Return the statements that make the sums of a sample.

        Args:
            sums: what they lie in, filters by places.
            weights: transformed ones.
            image: of the sample, with the zeros around it.
            plane, pitch: elements of a channel, and of a row.
        """
        channels, filters = self.sizes.channels, self.sizes.filters
        matrices, _, count = sums.shape
        assert isinstance(matrices, int)
        assert isinstance(count, int)
        ahead, innermost = self._image_innermost(image, plane, pitch)
        tiles, products = self._planes("tiles", channels), self._planes("products", filters)
        results = self._new("results", (matrices * count, self._wide(filters)))
        group, place = self._group(), self._variable("place")
        sizes = self._of_group(group)
        product = tiles_product(self.dtype, HEIGHT, sums_of_tiles=False)
        multiplied = UseIntrinsic(
            product,
            (_at(products[1], place), _at(tiles[1], place), _at(weights, place)),
            _sizes(product, rows=sizes["left"], columns=filters, depth=channels),
        )
        of_filters = {**sizes, "filters": filters}
        if matrices > 1:
            del of_filters["across"]
        transform = results_transform(self.dtype, matrices * count, are_separate=matrices > 1)
        back = _call(transform, of_filters, results, products[1])
        inside = (
            self._transformed_image(sizes, tiles[1], innermost, pitch),
            _loop(place, PLACES, (multiplied,), "places of tiles"),
            back,
        )
        return (
            *ahead,
            Allocate(tiles[0]),
            Allocate(products[0]),
            Allocate(results),
            *self._groups(group, inside),
            *self._with_results_innermost(sums, results),
        )

    def of_gradient(
        self, to: BufferWindow, matrix: BufferWindow, image: BufferWindow, plane: int, pitch: int
    ) -> tuple[Body, Body, Body]:
        """Return the statements ahead of the samples of a part, those of a sample, and those behind
        all.

        Args:
            to: the sums of the part.
            matrix: the cotangents of a sample, row by column by filter.
            image, plane, pitch: as of `of_results`.
        """
        channels, filters = self.sizes.channels, self.sizes.filters
        wide = self._wide(filters)
        sums = self._new("transformed_sums", (PLACES, channels, wide))
        clears = [self._variable(f"{sums}_axis{axis}") for axis in range(3)]
        clear: Body = (Store(Load(sums, tuple(clears)), Constant(0, self.dtype)),)
        kinds = LoopKind.SERIAL, LoopKind.SERIAL, LoopKind.VECTOR
        for one, end, kind in reversed([*zip(clears, sums.shape, kinds, strict=True)]):
            clear = (_loop(one, end, clear, kind=kind),)
        start, innermost = self._image_innermost(image, plane, pitch)
        tiles, others = self._planes("tiles", channels), self._planes("cotangents", filters)
        group, place = self._group(), self._variable("place")
        sizes = self._of_group(group)
        product = tiles_product(self.dtype, height_of_tiles(channels), sums_of_tiles=True)
        tiles_of_place = replace(_at(tiles[1], place), axes=(2, 1))
        added = UseIntrinsic(
            product,
            (_at(sums, place), tiles_of_place, _at(others[1], place)),
            _sizes(product, rows=channels, columns=filters, depth=sizes["left"]),
        )
        results = {"rows": self.sizes.rows, "columns": self.sizes.columns, "filters": filters}
        cotangents = cotangents_transform(self.dtype)
        of_matrix = UseIntrinsic(
            cotangents, (_whole_of(others[1]), matrix), _sizes(cotangents, **sizes, **results)
        )
        inside = (
            self._transformed_image(sizes, tiles[1], innermost, pitch),
            of_matrix,
            _loop(place, PLACES, (added,), "places of tiles"),
        )
        made = (
            *start,
            Allocate(tiles[0]),
            Allocate(others[0]),
            *self._groups(group, inside),
        )
        gradient = gradient_transform(self.dtype)
        of_sums = _sizes(gradient, channels=channels, filters=filters)
        last = UseIntrinsic(gradient, (to, _whole_of(sums)), of_sums)
        return (Allocate(sums), *clear), made, (last,)

    # ---- pieces ---------------------------------------------------------------------------------

    def _image_innermost(self, image: BufferWindow, plane: int, pitch: int) -> tuple[Body, Buffer]:
        """Return the statements that copy an image with its channels innermost, and zeros to the
        end of the last tile."""
        channels = self.sizes.channels
        down, across = self.sizes.tiles
        last = (RESULTS * (down - 1) + ELEMENTS - 1) * pitch + RESULTS * (across - 1) + ELEMENTS
        elements = max(plane, last)
        made = self._new("innermost", (elements, self._wide(channels)))
        planes = self._view(image, "planes", (channels, plane), (plane, 1))
        body: Body = (Allocate(made), self._transposed(made, planes, channels, plane))
        if elements == plane:
            return body, made
        row, column = self._variable("row_behind"), self._variable("column_behind")
        zero = Store(Load(made, (row + plane, column)), Constant(0, self.dtype))
        inner = _loop(column, channels, (zero,), kind=LoopKind.VECTOR)
        return (*body, _loop(row, elements - plane, (inner,), "what tiles reach behind it")), made

    def _with_results_innermost(self, sums: Buffer, results: Buffer) -> Body:
        """Return the statements that copy results, of which filters are neighbours, to sums."""
        matrices, filters, count = sums.shape
        assert isinstance(filters, int)
        assert isinstance(count, int)
        name = self.names.new(f"{results}_by_place")
        of_place = view(results, name, (matrices, count, results.shape[1]))
        intrinsic = transposition(self.dtype, sums.scope, results.scope)
        place = as_index(0) if matrices == 1 else self._variable("result")
        windows = (_at(of_place, place), _at(sums, place))
        call = UseIntrinsic(intrinsic, windows, _sizes(intrinsic, rows=count, columns=filters))
        return (call,) if matrices == 1 else (_loop(place, matrices, (call,), "results of tiles"),)

    def _transformed_image(
        self, sizes: Dictionary[str, IndexLike], tiles: Buffer, innermost: Buffer, pitch: int
    ) -> UseIntrinsic:
        elements = innermost.shape[0]
        assert isinstance(elements, int)
        given = {**sizes, "pitch": pitch, "channels": self.sizes.channels}
        return _call(image_transform(self.dtype, elements), given, tiles, innermost)

    def _transposed(self, to: Buffer, source: Buffer, rows: int, columns: int) -> UseIntrinsic:
        intrinsic = transposition(self.dtype, to.scope, source.scope)
        return _call(intrinsic, {"rows": rows, "columns": columns}, source, to)

    def _planes(self, name: str, count: int) -> tuple[Buffer, Buffer]:
        """Return what tiles are transformed to, a matrix for each place, and its memory. Matrices
        are apart by a vector more: a power of two would put all into the same lines of the cache.
        """
        wide, more = self._wide(count), whole_columns(self.dtype)
        memory = self._new(name, (PLACES, TILES * wide + more))
        strides = (memory.strides[0], wide, 1)
        name = self.names.new(f"{memory}_by_place")
        return memory, view(memory, name, (PLACES, TILES, count), strides)

    def _groups(self, group: Index, inside: Body) -> Body:
        """Return statements for each group of tiles, the only one of which is number 0."""
        down, across = self.sizes.tiles
        count = -(-down * across // TILES)
        return (
            (_loop(group, count, inside, "tiles that stay in the cache"),)
            if group.terms
            else inside
        )

    def _group(self) -> Index:
        """Return the number of a group of tiles."""
        down, across = self.sizes.tiles
        return self._variable("group") if down * across > TILES else as_index(0)

    def _of_group(self, group: Index) -> dict[str, IndexLike]:
        """Return the sizes that a transform of a group of tiles is given."""
        down, across = self.sizes.tiles
        left = group * -TILES + down * across
        return {"tiles": down * across, "left": left, "across": across}

    def _new(
        self, name: str, shape: tuple[int, ...], scope: BufferScope = BufferScope.THREAD
    ) -> Buffer:
        return new_buffer(self.names.new(name), self.dtype, shape, scope)

    def _view(
        self, window: BufferWindow, name: str, shape: tuple[int, ...], strides: tuple[Size, ...]
    ) -> Buffer:
        """Return the memory from the first element of a rectangle on with other axes."""
        whole = window.buffer
        start = (whole.place(window.start) - whole.offset).constant
        return view(whole, self.names.new(f"{whole.memory}_{name}"), shape, strides, start)

    def _variable(self, name: str) -> Index:
        return index_of(self.names.variable(name))

    def _wide(self, count: int) -> int:
        """Return what a row of so many elements has room for."""
        return whole_multiple(count, call_columns(self.dtype))


def _channels_of_part(channels: int) -> int:
    """Return the channels of a part of the weights that a thread transforms: a divisor of all."""
    some = range(MOST_OF_PART, LEAST_OF_PART - 1, -1)
    return next((count for count in some if channels % count == 0), channels)


def _call(
    intrinsic: Intrinsic, sizes: Dictionary[str, IndexLike], *buffers: Buffer
) -> UseIntrinsic:
    """Return the call of an intrinsic for buffers from their first element on."""
    return UseIntrinsic(intrinsic, tuple(map(_whole_of, buffers)), _sizes(intrinsic, **sizes))


def _sizes(intrinsic: Intrinsic, **sizes: IndexLike) -> dict[Symbol, Index]:
    """Return sizes, given by name, by the symbols of an intrinsic."""
    shapes = [size for one in intrinsic.parameters for size in one.shape]
    inside = [size for index in indices_in(intrinsic.body) for size in sizes_in(index)]
    known = {str(one): one for size in (*shapes, *inside) for one in symbols(size)}
    return {known[name]: as_index(size) for name, size in sizes.items()}


def _whole_of(buffer: Buffer) -> BufferWindow:
    rank = len(buffer.shape)
    return BufferWindow(buffer, (as_index(0),) * rank, tuple(range(rank)))


def _at(buffer: Buffer, place: Index) -> BufferWindow:
    """Return the matrix of a place."""
    return BufferWindow(buffer, (place, as_index(0), as_index(0)), (1, 2))


def _loop(
    index: Index, end: Size, body: Body, note: str = "", kind: LoopKind = LoopKind.SERIAL
) -> For:
    assert isinstance(index.atom, LoopVariable)
    return For(index.atom, (as_index(end),), body, kind, note)


def whole_multiple(count: int, of: int) -> int:
    """Return the least multiple of a number that is at least `count`."""
    return -(-count // of) * of
