"""The image of a convolution as the right matrix of a product: image[k, pixel].

The position of an element is a part that depends on the pixel plus a part that depends on k, and so
is its coordinate along each axis where windows reach over the image's ends. Both parts are
divisions by constants. Where threads lie side by side along the pixels, a thread works out its
pixel's part once, and asks for k's at each element; the lanes of a warp ask for the same k. Where
they lie side by side along k (the gradient of a kernel, whose pixels are channels and places) it is
the other way round. The part that is asked for at each element comes from a table in shared memory,
which the block makes first, if the axis is short enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.compiler.codegen.conv_classes import Axis
from graphc.compiler.codegen.conv_walk import Summed, from_memory, nested, total
from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Parameter,
    Variable,
    call,
    compare,
    counting,
    expression,
    plus,
    subscript,
    when,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.product import Direct, Indexed, OperandAxis, Pulled
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Shape, Size, floor_divide, product
from graphc.compiler.schedule.strides import Strided

Part = Callable[[Emitter, Expression], list[Expression]]
"""Prints the part of an element's position, and those of its coordinates, that j or k settle."""

# Below this many pixels a sample, products of samples apart would leave much of a tile empty.
_FEW_PIXELS = 64


_SPAN = 128
"""A table goes on to the end of the longest tile."""


def _padded(count: Size) -> int | None:
    return None if isinstance(count, Dim) else -(-count // _SPAN) * _SPAN


@dataclass(frozen=True)
class Image:
    """The image, as one class of windows reads it.

    Attributes:
        node: the image, (samples, channels, *spatial).
        axes: the spatial axes.
        order: the axes of k.
        map: where it lies, if strides say that.
        stored: whether it lies there, not what it is computed from element by element.
        pooled: of a convolution with a pooling behind it, the sizes of the pooling's window.
    """

    node: Node
    axes: tuple[Axis, ...]
    order: tuple[Summed, ...]
    map: Strided | None
    stored: bool
    pooled: tuple[int, ...] | None = None

    @property
    def pixels(self) -> Shape:
        """The axes of the columns: samples, then windows; with a pooling, samples, the windows of
        the pooling, then what is inside of one."""
        windows = tuple(axis.windows for axis in self.axes)
        if self.pooled is None:
            return (self.node.shape[0], *windows)
        outer = (floor_divide(x, by) for x, by in zip(windows, self.pooled, strict=True))
        return (self.node.shape[0], *outer, *self.pooled)

    def _window(self, emitter: Emitter, pixel: Index, number: int) -> list[tuple[Expression, int]]:
        """A pixel's window along a spatial axis, as coordinates of the pixel and factors."""
        coord = emitter.coordinate(pixel, 1 + number)
        if self.pooled is None:
            return [(coord, 1)]
        inside = emitter.coordinate(pixel, 1 + len(self.axes) + number)
        return [(coord, self.pooled[number]), (inside, 1)]

    def _step(self, one: Summed) -> Size:
        """How far the image's coordinate moves for the next element of an axis of k."""
        step = self.axes[one.axis - 2].place_step if one.axis >= 2 else 1
        return -step if one.backwards else step

    def _start(self, one: Summed) -> Size:
        """The image's coordinate for the first element of an axis of k and window 0."""
        first = -self._step(one) * (one.extent - 1) if one.backwards else 0
        return first + (self.axes[one.axis - 2].shift if one.axis >= 2 else 0)

    def _offset(self) -> Size:
        """The position of the element that window 0 of each axis meets at k = 0."""
        assert self.map is not None
        offset = self.map.offset
        for one in self.order:
            offset = offset + self._start(one) * self.map.strides[one.axis]
        return offset

    # ---- as a plain matrix ----------------------------------------------------------------------

    def direct(self) -> Direct | None:
        """The image as one plain matrix, or as one for each sample; None where it is neither."""
        if self.map is None or not self.stored or not all(axis.inside for axis in self.axes):
            return None
        strides = self.map.strides
        spatial = [
            (axis.windows, axis.window_step * stride)
            for axis, stride in zip(self.axes, strides[2:], strict=True)
        ]
        step = nested([(one.extent, self._step(one) * strides[one.axis]) for one in self.order])
        if step is None:
            return None
        together = nested([(self.pixels[0], strides[0]), *spatial])
        found = self._matrix(together, step, ())
        few = product(self.pixels[1:])
        if found is None and (isinstance(few, Dim) or few >= _FEW_PIXELS):
            found = self._matrix(nested(spatial), step, (strides[0],))
        return found

    def _matrix(self, pixel: Size | None, step: Size, batch: Shape) -> Direct | None:
        """The matrix whose columns are `pixel` elements apart, its rows `step`."""
        assert self.map is not None
        if pixel == 1:
            return Direct(self.map.node, "outer", step, batch, self._offset())
        if pixel is not None and step == 1:
            return Direct(self.map.node, "k", pixel, batch, self._offset())
        return None

    # ---- an element at a time -------------------------------------------------------------------

    def elementwise_operands(self, table: int) -> Pulled:
        """The image through index arithmetic; `table` is how many bytes of shared memory a table
        of positions may take."""
        inner = next((one.extent for one in reversed(self.order) if one.extent != 1), 1)
        windows = self.axes[-1].windows
        along_k = not isinstance(windows, Dim) and (isinstance(inner, Dim) or inner > windows)
        fast: OperandAxis = "k" if along_k else "outer"
        if self.map is None:
            return Pulled(self.node, fast, self._in_front)
        shape = self.pixels if along_k else tuple(one.extent for one in self.order)
        if not self._may_have_table(shape, table):
            return from_memory(self.node, fast, self._by(self._of_pixel, self._of_k))
        if along_k:
            value = self._by(self._entry, self._of_k)
            return from_memory(self.node, fast, value, self._table(product(shape), self._of_pixel))
        value = self._by(self._of_pixel, self._entry)
        return from_memory(self.node, fast, value, self._table(product(shape), self._of_k))

    @property
    def _tested(self) -> list[Summed]:
        """The axes of k along which there may be no element."""
        return [one for one in self.order if one.axis >= 2 and not self.axes[one.axis - 2].inside]

    def _in_front(
        self, emitter: Emitter, batch: object, j: Expression, k: Expression
    ) -> Expression:
        """The element as the sub-graph in front of the convolution has it."""
        pixel, summed = Index(self.pixels, linear=j), self._summed(k)
        coords = [emitter.coordinate(pixel, 0)]
        for one in sorted(self.order, key=lambda one: one.axis):
            first, move = self._first(emitter, pixel, one), self._move(emitter, summed, one)
            coords.append(emitter.integer(plus(first, move)))
        element = Index(self.node.shape, coords=tuple(coords))
        tested = [coords[one.axis] for one in self._tested]
        if not tested:
            return emitter.value(self.node, element)
        result = emitter.variable(self.node)
        with emitter.block(when(self._inside(emitter, tested))):
            emitter.assign(result, emitter.value(self.node, element))
        return result

    def _by(self, of_pixel: Part, of_k: Part) -> Indexed:
        """An element where strides put it, from the two parts of its position and coordinates."""
        assert self.map is not None
        source = self.map.node

        def indexed(
            emitter: Emitter, batch: object, j: Expression, k: Expression
        ) -> tuple[list[Expression], Callable[[Emitter], Expression]]:
            position, *coords = (
                emitter.integer(plus(first, move))
                for first, move in zip(of_pixel(emitter, j), of_k(emitter, k), strict=True)
            )
            element = Index(source.shape, linear=position)
            return self._inside(emitter, coords), lambda inner: inner.value(source, element)

        return indexed

    def _inside(self, emitter: Emitter, coords: Sequence[Expression]) -> list[Expression]:
        """The conditions under which the tested axes' coordinates are inside of the image."""
        conditions = []
        for coord, one in zip(coords, self._tested, strict=True):
            extent = emitter.signature.size(self.axes[one.axis - 2].extent)
            conditions += [compare(coord, ">=", 0), compare(coord, "<", extent)]
        return conditions

    # ---- the two parts --------------------------------------------------------------------------

    def _of_pixel(self, emitter: Emitter, j: Expression) -> list[Expression]:
        """Where a pixel meets k = 0: the position in memory, the coordinates that are tested."""
        assert self.map is not None
        pixel = Index(self.pixels, linear=j)
        terms = [(emitter.coordinate(pixel, 0), self.map.strides[0])]
        for number, (axis, stride) in enumerate(zip(self.axes, self.map.strides[2:], strict=True)):
            for coord, factor in self._window(emitter, pixel, number):
                terms.append((coord, factor * axis.window_step * stride))
        terms = [(coord, step) for coord, step in terms if step != 0]
        base = emitter.integer(total(emitter, terms, self._offset()))
        return [base, *(self._first(emitter, pixel, one) for one in self._tested)]

    def _of_k(self, emitter: Emitter, k: Expression) -> list[Expression]:
        """How far k is from there: in memory, and along the axes that are tested."""
        assert self.map is not None
        summed = self._summed(k)
        steps = [self._step(one) * self.map.strides[one.axis] for one in self.order]
        terms = [(emitter.coordinate(summed, n), step) for n, step in enumerate(steps) if step != 0]
        way = emitter.integer(total(emitter, terms, 0))
        return [way, *(self._move(emitter, summed, one) for one in self._tested)]

    def _summed(self, k: Expression) -> Index:
        return Index(tuple(one.extent for one in self.order), linear=k)

    def _first(self, emitter: Emitter, pixel: Index, one: Summed) -> Expression:
        """The image's coordinate along an axis where k is 0."""
        if one.axis < 2:
            return emitter.integer(total(emitter, [], self._start(one)))
        step = self.axes[one.axis - 2].window_step
        window = self._window(emitter, pixel, one.axis - 2)
        terms = [(coord, factor * step) for coord, factor in window]
        return emitter.integer(total(emitter, terms, self._start(one)))

    def _move(self, emitter: Emitter, summed: Index, one: Summed) -> Expression:
        """From the coordinate along an axis where k is 0 to that of another k."""
        place = emitter.coordinate(summed, self.order.index(one))
        return emitter.integer(total(emitter, [(place, self._step(one))], 0))

    # ---- a table of one of them -----------------------------------------------------------------

    @property
    def _entry_type(self) -> str:
        """An int for the memory, and one for each axis that is tested."""
        return ("int", "int2", "int4", "int4")[len(self._tested)]

    def _may_have_table(self, shape: Shape, most: int) -> bool:
        """Whether the table of an axis of the product, with these axes inside, is small enough, and
        saves more than a multiplication."""
        count = _padded(product(shape))
        if count is None:
            return False
        words = {"int": 1, "int2": 2, "int4": 4}[self._entry_type]
        return sum(size != 1 for size in shape) > 1 and 4 * words * count <= most

    def _table(self, count: Size, part: Part) -> Callable[[Emitter], None]:
        def fill(emitter: Emitter) -> None:
            size = _padded(count)
            assert size is not None
            of = "pixel" if part == self._of_pixel else "k"
            emitter.line("", f"The part of an element's position, and of its coordinates, by {of}.")
            emitter.line(f"__shared__ {self._entry_type} part_of[{size}];")
            at = Variable("e")
            with emitter.block(
                counting(at, size, Parameter("threadIdx.x"), Parameter("blockDim.x"))
            ):
                parts = part(emitter, at)
                if self._entry_type != "int":
                    parts += [ZERO] * (int(self._entry_type[-1]) - len(parts))
                    parts = [call(f"make_{self._entry_type}", *parts)]
                emitter.assign(subscript("part_of", at), parts[0])
            emitter.line("__syncthreads();")

        return fill

    def _entry(self, emitter: Emitter, at: Expression) -> list[Expression]:
        """The table's entry."""
        type_text = self._entry_type
        name = emitter.once(
            ("part_of", at), lambda: emitter.define(type_text, subscript("part_of", at), "part")
        )
        if type_text == "int":
            return [name]
        letters = "xyzw"[: 1 + len(self._tested)]
        return [expression(f"{{}}.{letter}", name) for letter in letters]
