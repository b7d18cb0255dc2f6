"""A convolution by transforms with a 2 x 2 pooling behind it: a tile of results is a window.

The sums of the first place of each window lie one after the other, then those of the second. So
neighbours in memory are neighbouring windows, and the loops over them, with all that lies between
the convolution and the pooling, are vectorised. Random words are drawn four at a time, ahead of the
loops that read them.
"""

from __future__ import annotations

import math

from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.conv_loops import ConvLoops, call, indented, known
from graphc.compiler.codegen.native.pooled_windows import REDUCTIONS, PooledWindows
from graphc.compiler.codegen.native.scratch import Slot
from graphc.compiler.codegen.native.winograd import HEIGHT, sizes, tiles_of, transformed_weights
from graphc.compiler.graph import OPS, Node, dependents
from graphc.compiler.graph.dim import product
from graphc.compiler.schedule.kernel import Kernel

_TILE = (2, 2)


def pooled_in_tiles(kernel: Kernel) -> Node | None:
    """The pooling (of a walk, the `argmax_pool`) of a convolution's kernel whose results are one a
    window each, if its windows are the tiles; else None."""
    (node,) = kernel.anchors
    found = [x for x in kernel.body if x.op in ("argmax_pool", *REDUCTIONS)]
    if not found:
        return None
    pooling = found[0]
    padding = [side for pair in pooling.attrs["padding"] for side in pair]
    # Elements keep the names of their coordinates through pointwise ops alone.
    picked = [x.inputs[1] for x in kernel.body if x.op == "gather_pool" and x.inputs[0] is pooling]
    between = dependents([pooling.inputs[0], *picked], [node], stop=kernel.inputs) - {node}
    fits = (
        all(OPS[x.op].family == "pointwise" for x in between)
        and all(product(output.shape) == product(pooling.shape) for output in kernel.outputs)
        and pooling.attrs["window"] == _TILE == pooling.attrs["strides"]
        and all(side == 0 for side in padding)
    )
    return pooling if fits else None


class PooledWinograd(ConvLoops):
    """The text of such a kernel: sums are made for all windows of a sample at once."""

    def __init__(
        self, kernel: Kernel, context: NativeContext, signature: NativeSignature, pooling: Node
    ):
        super().__init__(kernel, context, signature)
        context.program.includes["host_winograd.h"] = None
        self._pooling = pooling
        (self._filters,) = known([self.filters])
        down, across = self._tiles = tiles_of(known(self.windows))
        self._pooled = known(pooling.shape[2:])
        self.reach = (2 * down + 2, 2 * across + 2)

    def lines(self) -> tuple[list[str], str]:
        """The function's lines, and what its loops go over."""
        m, places, (down, across) = self._filters, math.prod(_TILE), self._tiles
        wide = down * across
        pitches = (m * wide, wide, across, 1)
        windows = PooledWindows(self, self._pooling, (m, *self._pooled), pitches)
        by_place, results = windows.lines()
        head = f"for (int place = 0; place < {places}; ++place) {{"
        elements = self.image_elements(self.channels)
        arguments = (*sizes(self, self.channels, self._tiles), "true", "image", "turned", "s0")
        sample = [
            self.array("image", self.scalar, Slot.IMAGE, elements, self.samples),
            *self.padded(self.channels, "sample"),
            self.array("s0", self.scalar, Slot.SUMS, places * m * wide, self.samples),
            *windows.arrays(),
            call("gc_winograd_conv", HEIGHT, arguments),
            *([head, *indented(by_place), "}"] if by_place else []),
            *results,
        ]
        how = (
            f"{self.samples} samples; {m} x {self.channels} windows of 3 x 3 by tiles of 2 x 2 "
            f"results, {down} x {across} of them, each pooled"
        )
        return [*transformed_weights(self), *self.per_sample(sample)], how
