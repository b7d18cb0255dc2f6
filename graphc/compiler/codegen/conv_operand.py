"""The operands of a convolution as matrices of a product: weights[filter, k], image[k, pixel]."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from graphc.compiler.codegen.c_text import minus, plus, times
from graphc.compiler.codegen.conv_classes import Axis
from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.product import Axis as Fast
from graphc.compiler.codegen.product import Direct, Operand, Pulled
from graphc.compiler.codegen.strides import Strided, strided
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Shape, Size, product

Walk = tuple[Size, Size]
"""An axis that is walked: how many elements, and how far apart in memory two neighbours lie."""

# Below this many pixels a sample, products of samples apart would leave much of a tile empty.
_FEW_PIXELS = 64


@dataclass(frozen=True)
class Summed:
    """One axis of k.

    Attributes:
        axis: of the kernel's shape: 1 is the channel, 2 the first spatial axis.
        extent: how many channels or places.
        backwards: whether k counts it from its end.
    """

    axis: int
    extent: Size
    backwards: bool = False


def affine(node: Node, memory: Collection[Node], counters: Collection[Node]) -> Strided | None:
    """`strided`, and flips, whose strides are negative; None where a loop's step picks a slice."""
    if node.op == "flip":
        x = affine(node.inputs[0], memory, counters)
        if x is None:
            return None
        flipped, offset = list(x.strides), x.offset
        for axis in node.attrs["axes"]:
            offset = offset + (node.shape[axis] - 1) * flipped[axis]
            flipped[axis] = -flipped[axis]
        return replace(x, shape=node.shape, strides=tuple(flipped), offset=offset)
    if node.op == "transpose":
        x = affine(node.inputs[0], memory, counters)
        if x is None:
            return None
        strides = tuple(x.strides[axis] for axis in node.attrs["order"])
        return replace(x, shape=node.shape, strides=strides)
    x = strided(node, memory, counters)
    return None if x is None or x.steps else x


def nested(walks: Sequence[Walk]) -> Size | None:
    """How far apart neighbours are if the axes together are one walk, the last one the fastest;
    None where they are not. Of a single element 1."""
    wide = [(extent, stride) for extent, stride in walks if extent != 1]
    for (_, outer), (extent, inner) in itertools.pairwise(wide):
        if outer != extent * inner:
            return None
    return wide[-1][1] if wide else 1


@dataclass(frozen=True)
class Weights:
    """The kernel of a convolution, as it is read by one class of windows.

    Attributes:
        node: the kernel, (filters, channels, *places).
        axes: the spatial axes.
        map: where it lies, if strides say that.
    """

    node: Node
    axes: tuple[Axis, ...]
    map: Strided | None

    def _stride(self, axis: int) -> Size:
        """Elements from one place of the class to the next."""
        assert self.map is not None
        every = self.axes[axis - 2].place_every if axis >= 2 else 1
        return self.map.strides[axis] * every

    def order(self) -> tuple[Summed, ...]:
        """The axes of k: in the order of memory, if that makes them one walk."""
        extents = (self.node.shape[1], *(axis.places for axis in self.axes))
        plain = tuple(Summed(k, extent) for k, extent in enumerate(extents, start=1))
        if self.map is None or any(isinstance(stride, Dim) for stride in self.map.strides):
            return plain
        forwards = tuple(replace(one, backwards=self._stride(one.axis) < 0) for one in plain)
        ordered = sorted(forwards, key=lambda one: -abs(self._stride(one.axis)))
        if nested(self._walks(forwards)) is None and nested(self._walks(ordered)) is not None:
            return tuple(ordered)
        return forwards

    def _walks(self, order: Sequence[Summed]) -> list[Walk]:
        return [
            (one.extent, -self._stride(one.axis) if one.backwards else self._stride(one.axis))
            for one in order
        ]

    def operand(self, order: tuple[Summed, ...], batch: int) -> Operand:
        """weights[filter, k], the same for each of `batch` batch axes."""
        if self.map is None:
            return Pulled(self.node, "k", lambda *at: self._element(order, *at))
        offset = self.map.offset
        for number, axis in enumerate(self.axes, start=2):
            offset = offset + axis.first_place * self.map.strides[number]
        for one in order:
            if one.backwards:
                offset = offset + (one.extent - 1) * self._stride(one.axis)
        row, step = self.map.strides[0], nested(self._walks(order))
        for fast, neighbour, other in (("k", step, row), ("outer", row, step)):
            if neighbour == 1 and other is not None:
                return Direct(self.map.node, fast, other, (0,) * batch, offset)
        return Pulled(self.node, self._fast(order), lambda *at: self._read(order, offset, *at))

    def _fast(self, order: Sequence[Summed]) -> Fast:
        assert self.map is not None
        return "outer" if self.map.strides[0] == 1 else "k"

    def _read(
        self, order: Sequence[Summed], offset: Size, emitter: Emitter, batch: object, i: str, k: str
    ) -> str:
        """The element where strides put it; axes that are one walk are one coordinate."""
        assert self.map is not None
        runs: list[Walk] = []
        for extent, stride in self._walks(order):
            if runs and runs[-1][1] == extent * stride:
                runs[-1] = (runs[-1][0] * extent, stride)
            elif extent != 1:
                runs.append((extent, stride))
        index = Index(tuple(extent for extent, _ in runs), linear=k)
        terms = [(emitter.coordinate(index, n), stride) for n, (_, stride) in enumerate(runs)]
        position = emitter.integer(total(emitter, [(i, self.map.strides[0]), *terms], offset))
        return emitter.value(self.map.node, Index(self.map.node.shape, linear=position))

    def _element(
        self, order: Sequence[Summed], emitter: Emitter, batch: object, i: str, k: str
    ) -> str:
        """The element as the sub-graph in front of the convolution has it."""
        index = Index(tuple(one.extent for one in order), linear=k)
        coords = [i, emitter.coordinate(index, 0)]
        for number, axis in enumerate(self.axes, start=1):
            place = [(emitter.coordinate(index, number), axis.place_every)]
            coords.append(emitter.integer(total(emitter, place, axis.first_place)))
        return emitter.value(self.node, Index(self.node.shape, coords=tuple(coords)))


@dataclass(frozen=True)
class Image:
    """The image of a convolution, as one class of windows reads it.

    Attributes:
        node: the image, (samples, channels, *spatial).
        axes: the spatial axes.
        order: the axes of k.
        map: where it lies, if strides say that.
    """

    node: Node
    axes: tuple[Axis, ...]
    order: tuple[Summed, ...]
    map: Strided | None

    @property
    def pixels(self) -> Shape:
        """The axes of the columns: samples, then windows."""
        return (self.node.shape[0], *(axis.windows for axis in self.axes))

    def _step(self, one: Summed) -> Size:
        """How far the image's coordinate moves for the next element of an axis of k."""
        step = self.axes[one.axis - 2].place_step if one.axis >= 2 else 1
        return -step if one.backwards else step

    def _start(self, one: Summed) -> Size:
        """The image's coordinate for the first element of an axis of k and window 0."""
        first = -self._step(one) * (one.extent - 1) if one.backwards else 0
        return first + (self.axes[one.axis - 2].shift if one.axis >= 2 else 0)

    def direct(self) -> tuple[Direct, bool] | None:
        """The image as plain matrices, and whether each sample is one; None where it is not."""
        if self.map is None or not all(axis.inside for axis in self.axes):
            return None
        strides = self.map.strides
        spatial = [
            (axis.windows, axis.window_step * stride)
            for axis, stride in zip(self.axes, strides[2:], strict=True)
        ]
        step = nested([(one.extent, self._step(one) * strides[one.axis]) for one in self.order])
        if step is None:
            return None
        offset = self._offset()
        for apart in (False, True):
            pixel = nested(spatial if apart else [(self.pixels[0], strides[0]), *spatial])
            few = product(self.pixels[1:])
            if pixel is None or (apart and not isinstance(few, Dim) and few < _FEW_PIXELS):
                continue
            batch = (strides[0],) if apart else ()
            for fast, neighbour, other in (("outer", pixel, step), ("k", step, pixel)):
                if neighbour == 1:
                    return Direct(self.map.node, fast, other, batch, offset), apart
        return None

    def _offset(self) -> Size:
        """The position of the element that window 0 of each axis meets at k = 0."""
        assert self.map is not None
        offset = self.map.offset
        for one in self.order:
            offset = offset + self._start(one) * self.map.strides[one.axis]
        return offset

    def pulled(self) -> Pulled:
        """The image, an element at a time."""
        inner = next((one.extent for one in self.order[::-1] if one.extent != 1), 1)
        windows = self.axes[-1].windows
        longer = isinstance(inner, Dim) and not isinstance(windows, Dim)
        if not isinstance(inner, Dim) and not isinstance(windows, Dim):
            longer = inner > windows
        return Pulled(self.node, "k" if longer else "outer", self._element)

    def _element(self, emitter: Emitter, batch: object, j: str, k: str) -> str:
        pixel = Index(self.pixels, linear=j)
        summed = Index(tuple(one.extent for one in self.order), linear=k)
        coords, conditions = {}, []
        for number, one in enumerate(self.order):
            axis = self.axes[one.axis - 2] if one.axis >= 2 else None
            if self.map is not None and (axis is None or axis.inside):
                continue  # strides say where it lies, and there is nothing to test
            windows = []
            if axis is not None:
                windows = [(emitter.coordinate(pixel, one.axis - 1), axis.window_step)]
            start = emitter.integer(total(emitter, windows, self._start(one)))
            place = (emitter.coordinate(summed, number), self._step(one))
            coord = emitter.integer(total(emitter, [(start, 1), place], 0))
            coords[one.axis] = coord
            if axis is not None and not axis.inside:
                extent = emitter.signature.size(axis.extent)
                conditions += [f"{coord} >= 0", f"{coord} < {extent}"]
        if self.map is not None:
            value = self._read(emitter, pixel, summed)
            element = Index(self.map.node.shape, linear=value)
            source = self.map.node
        else:
            inside = (emitter.coordinate(pixel, 0), *(coords[axis] for axis in sorted(coords)))
            element, source = Index(self.node.shape, coords=inside), self.node
        if not conditions:
            return emitter.value(source, element)
        result = emitter.variable(self.node, "0")
        with emitter.block(f"if ({' && '.join(conditions)})"):
            emitter.line(f"{result} = {emitter.value(source, element)};")
        return result

    def _read(self, emitter: Emitter, pixel: Index, summed: Index) -> str:
        """The position in memory: what depends on the pixel, which the compiler moves out of the
        loop over k, plus what depends on k."""
        assert self.map is not None
        strides = self.map.strides
        windows = [(0, strides[0])]
        windows += [
            (number, axis.window_step * stride)
            for number, (axis, stride) in enumerate(zip(self.axes, strides[2:], strict=True), 1)
        ]
        terms = [(emitter.coordinate(pixel, n), by) for n, by in windows if by != 0]
        base = emitter.integer(total(emitter, terms, self._offset()))
        steps = [self._step(one) * strides[one.axis] for one in self.order]
        terms = [(emitter.coordinate(summed, n), by) for n, by in enumerate(steps) if by != 0]
        return emitter.integer(plus(base, emitter.integer(total(emitter, terms, 0))))


def total(emitter: Emitter, terms: Sequence[tuple[str, Size]], constant: Size) -> str:
    """The expression ``sum(coordinate * factor) + constant``; factors may be negative."""
    size = emitter.signature.size
    text = "0"
    negative = []
    for coord, factor in [*terms, ("1", constant)]:
        if isinstance(factor, Dim) or factor >= 0:
            text = plus(text, times(coord, size(factor)))
        else:
            negative.append(times(coord, size(-factor)))
    for part in negative:
        text = minus(text, part)
    return text
