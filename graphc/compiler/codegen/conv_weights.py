"""The kernel of a convolution as the left matrix of a product: weights[filter, k]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graphc.compiler.codegen.conv_classes import Axis
from graphc.compiler.codegen.conv_walk import Summed, Walk, from_memory, nested, total
from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.product import Direct, Operand, OperandAxis, Pulled
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.schedule.strides import Strided


@dataclass(frozen=True)
class Weights:
    """The kernel, as it is read by one class of windows.

    Attributes:
        node: the kernel, (filters, channels, *places).
        axes: the spatial axes.
        map: where it lies, if strides say that.
        stored: whether it lies there, not what it is computed from element by element.
    """

    node: Node
    axes: tuple[Axis, ...]
    map: Strided | None
    stored: bool

    def _stride(self, axis: int) -> Size:
        """Elements from one place of the class to the next."""
        assert self.map is not None
        every = self.axes[axis - 2].place_every if axis >= 2 else 1
        return self.map.strides[axis] * every

    def order(self) -> tuple[Summed, ...]:
        """The axes of k: in the order of memory, if that makes them one walk."""
        extents = (self.node.shape[1], *(axis.places for axis in self.axes))
        plain = tuple(Summed(k, extent) for k, extent in enumerate(extents, start=1))
        if self.map is None:
            return plain
        strides = {one.axis: self._stride(one.axis) for one in plain}
        known = {axis: stride for axis, stride in strides.items() if not isinstance(stride, Dim)}
        if len(known) < len(strides):
            return plain
        forwards = tuple(replace(one, backwards=known[one.axis] < 0) for one in plain)
        ordered = sorted(forwards, key=lambda one: -abs(known[one.axis]))
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
        if step == 1 and self.stored:
            return Direct(self.map.node, "k", row, (0,) * batch, offset)
        if row == 1 and step is not None and self.stored:
            return Direct(self.map.node, "outer", step, (0,) * batch, offset)
        fast: OperandAxis = "outer" if row == 1 else "k"
        return from_memory(self.node, fast, lambda *at: self._read(order, offset, *at))

    def _read(
        self,
        order: Sequence[Summed],
        offset: Size,
        emitter: Emitter,
        batch: object,
        i: Expression,
        k: Expression,
    ) -> tuple[list[Expression], Callable[[Emitter], Expression]]:
        """The element where strides put it; axes that are one walk are one coordinate."""
        assert self.map is not None
        source = self.map.node
        runs: list[Walk] = []
        for extent, stride in self._walks(order):
            if runs and runs[-1][1] == extent * stride:
                runs[-1] = (runs[-1][0] * extent, stride)
            elif extent != 1:
                runs.append((extent, stride))
        index = Index(tuple(extent for extent, _ in runs), linear=k)
        terms = [(emitter.coordinate(index, n), stride) for n, (_, stride) in enumerate(runs)]
        position = emitter.integer(total(emitter, [(i, self.map.strides[0]), *terms], offset))
        return [], lambda inner: inner.value(source, Index(source.shape, linear=position))

    def _element(
        self, order: Sequence[Summed], emitter: Emitter, batch: object, i: Expression, k: Expression
    ) -> Expression:
        """The element as the sub-graph in front of the convolution has it."""
        index = Index(tuple(one.extent for one in order), linear=k)
        coords = [i, emitter.coordinate(index, 0)]
        for number, axis in enumerate(self.axes, start=1):
            place = [(emitter.coordinate(index, number), axis.place_every)]
            coords.append(emitter.integer(total(emitter, place, axis.first_place)))
        return emitter.value(self.node, Index(self.node.shape, coords=tuple(coords)))
