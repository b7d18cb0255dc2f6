"""The gradient of a convolution's weights, where that of its result is what `max_unpool` spreads.

Where the pooling's windows do not overlap, the gradient of the result has one element a window that
is no zero. A sum over windows has all there is to add: for each filter and window the image that
the convolution read for the element at the window's place, scaled by the window's gradient. The
image is copied with its channels innermost, so that what a row of the weights reads lies side by
side.

An image that is infinite or NaN where every gradient is zero does not make the sum NaN here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from graphc.compiler.codegen.emit_windows import element_at
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Variable,
    grouped,
    plus,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.native.conv_loops import PARTS, ConvLoops, known
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.lanes import lanes_of
from graphc.compiler.codegen.native.scratch import Slot
from graphc.compiler.codegen.statement import Assign, Statement
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Size, product
from graphc.compiler.schedule.inline import are_disjoint
from graphc.compiler.schedule.kernel import Kernel

_MOST_SUMS = 24
"""Vectors of 64 bytes that are summed up in registers."""
_MOST_FILTERS = 8
"""Filters whose sums one call makes, at most."""


def spread_weights(kernel: Kernel) -> Node | None:
    """The `max_unpool` that the weights of a convolution's kernel are, with samples and filters
    exchanged, if its windows may be summed up; else None."""
    (node,) = kernel.anchors
    turned = node.inputs[1]
    if turned.op != "transpose" or turned.inputs[0].op != "max_unpool" or turned in kernel.inputs:
        return None
    (max_unpool,), order = turned.inputs, turned.attrs["order"]
    if max_unpool in kernel.inputs or order != (1, 0, *range(2, max_unpool.ndim)):
        return None
    sizes = (node.shape[0], *node.shape[2:])
    steps = (*node.attrs["strides"], *node.attrs["input_dilation"])
    padding = [side for pair in max_unpool.attrs["padding"] for side in pair]
    fits = (
        are_disjoint(max_unpool)
        and all(step == 1 for step in steps)
        and all(side == 0 for side in padding)
        and not any(isinstance(size, Dim) for size in sizes)
    )
    return max_unpool if fits else None


@dataclass(frozen=True)
class _Block:
    """What one call sums up: `rows` rows of the weights' places from `row` on, and of each the
    vectors from `vector` on."""

    row: int
    rows: int
    vector: int
    vectors: int


class SparseConv(ConvLoops):
    """The text of such a kernel. Channels of the weights' gradient are `samples` here, and samples
    `channels`, as of every gradient of weights."""

    def lines(self, max_unpool: Node) -> tuple[list[str], str]:
        """The function's lines, and what its loops go over."""
        self.context.program.includes["host_sparse_conv.h"] = None
        size = self.signature.size
        places, cotangents = max_unpool.inputs
        (samples, *rows) = known([self.samples, *self.windows])
        run = rows[-1] * samples
        lanes = lanes_of(self.node.dtype)
        vectors = -(-run // lanes)
        row_width = vectors * lanes
        width = math.prod(rows[:-1]) * row_width
        pooled = product(cotangents.shape[2:])
        filters = self.filters
        blocks = list(self._blocks(vectors))

        def windows(
            emitter: NativeEmitter, position: Expression, coords: Coordinates
        ) -> list[Statement]:
            filter_, *window = coords
            at = Index(cotangents.shape, coords=(Variable("channel"), filter_, *window))
            place = emitter.value(places, at)
            element = element_at(emitter, max_unpool, list(window), place)
            start = times(self.step_offset(tuple(element)), size(self.samples))
            scale = emitter.value(cotangents, at)
            return [
                Assign(subscript("from", position), start),
                Assign(subscript("scale", position), scale),
            ]

        def image(
            emitter: NativeEmitter, position: Expression, coords: Coordinates
        ) -> list[Statement]:
            *reach, channel = coords
            value = self.element(emitter, channel, reach, True)
            return [Assign(subscript("image", position), value)]

        calls = [line for block in blocks for line in self._calls(block, vectors, width, pooled)]
        elements = self.image_elements(self.samples)
        inside = [
            self.array("image", self.scalar, Slot.IMAGE, elements + row_width, PARTS),
            *self.nest((*self.reach, self.samples), image),
            self.array("scale", self.scalar, Slot.WEIGHTS, filters * pooled, PARTS),
            self.array("from", "int", Slot.STARTS, filters * pooled, PARTS),
            *self.nest((filters, *cotangents.shape[2:]), windows),
            *calls,
        ]
        clear = f"for (int i = 0; i < {size(filters * width)}; ++i) part_sum[i] = 0;"

        def place_of(emitter: NativeEmitter, index: Index) -> Expression:
            channel, filter_, *at = emitter.coordinates(index)
            row = emitter.place(Index(self.windows[:-1], coords=tuple(at[:-1])))
            inner = plus(times(row, row_width), times(at[-1], size(self.samples)))
            return plus(plus(times(filter_, width), inner), channel)

        lines = self.in_parts(filters, width, [clear], inside, [], place_of)
        how = (
            f"{filters} filters of {product(self.windows)} x {self.samples} places, summed over "
            f"{pooled} windows of {self.channels} samples in {PARTS} parts"
        )
        return lines, how

    def _blocks(self, vectors: int) -> Iterator[_Block]:
        """The weights' rows, in blocks whose sums are registers; each lies in one plane."""
        wide = min(vectors, _MOST_SUMS // 2) if vectors > _MOST_SUMS else vectors
        high = max(1, _MOST_SUMS // wide)
        axes = known(self.windows)
        rows = axes[-2] if len(axes) > 1 else 1
        for plane in range(math.prod(axes[:-2])):
            for row in range(0, rows, high):
                for vector in range(0, vectors, wide):
                    tall = min(high, rows - row)
                    yield _Block(plane * rows + row, tall, vector, min(wide, vectors - vector))

    def _calls(self, block: _Block, vectors: int, width: int, pooled: Size) -> list[str]:
        size = self.signature.size
        together = 1
        if not isinstance(self.filters, Dim):
            most = min(_MOST_FILTERS, _MOST_SUMS // (block.rows * block.vectors))
            together = max(n for n in range(1, max(most, 1) + 1) if self.filters % n == 0)
        lanes = lanes_of(self.node.dtype)
        row_width = vectors * lanes
        row = self._row_offset(block.row)
        begin = plus(times(row, size(self.samples)), block.vector * lanes)
        pitch = ZERO
        if len(self.windows) > 1:
            pitch = times(size(self.pitches[-2]), size(self.samples))
        start = times(Variable("f"), size(pooled))
        into = f"part_sum + (size_t)f * {width} + {block.row * row_width + block.vector * lanes}"
        return [
            f"for (int f = 0; f < {size(self.filters)}; f += {together}) {{",
            f"  gc_conv_spread<{together}, {block.rows}, {block.vectors}>({size(pooled)}, {pitch}, "
            f"image + {grouped(begin)}, from + {start}, scale + {start}, {into}, {row_width}, "
            f"{width});",
            "}",
        ]

    def _row_offset(self, row: int) -> Expression:
        """Where a row of the weights' places begins in the padded image, in elements of a plane."""
        found = ZERO
        for axis in reversed(range(len(self.windows) - 1)):
            extent = known(self.windows)[axis]
            found = plus(found, times(row % extent, self.signature.size(self.pitches[axis])))
            row //= extent
        return found
