"""A convolution with a pooling behind it: nothing of the convolution's size is stored.

A tile of the pooling's windows is computed at a time, so that it stays in the cache: the sums for
the first place of each window, then those for the second, and so on. So neighbours in memory are
neighbouring windows, and the loops over them, with all that lies between the convolution and the
pooling, are vectorised. For that the image is copied by phases (`phases`), the strides of which are
the pooling's.

    sums(place, window) = conv(window * stride + place)
    image(window * stride + place + k) = copy[(place + k) % stride][window + (place + k) // stride]

Random words are drawn four at a time, ahead of the loops that read them.
"""

from __future__ import annotations

import math

from graphc.compiler.codegen.expression import Expression, plus
from graphc.compiler.codegen.index import Coordinates
from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.conv_loops import (
    ConvLoops,
    call,
    indented,
    known,
)
from graphc.compiler.codegen.native.phased_image import PhasedImage
from graphc.compiler.codegen.native.pooled_windows import REDUCTIONS, PooledWindows
from graphc.compiler.codegen.native.scratch import Slot
from graphc.compiler.graph import OPS, Node, dependents
from graphc.compiler.graph.dim import Dim, Shape, product
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.cpu.convolution_operands import height_of_tiles

_SUMS = 16384
"""Sums of a tile, about: with their random words they fit into the L2 cache."""

_COLUMNS = 32
"""Neighbouring sums that ``gc_conv_windows`` makes at once: two vectors of float32."""


def pooled_alone(kernel: Kernel) -> Node | None:
    """The pooling (of a walk, the `argmax_pool`) of a convolution's kernel whose results are one a
    window each, if its tiles can be computed by phases; else None."""
    (node,) = kernel.anchors
    found = [x for x in kernel.body if x.op in ("argmax_pool", *REDUCTIONS)]
    if not found:
        return None
    pooling = found[0]
    sizes: Shape = (*node.shape[1:], *node.inputs[1].shape)
    steps = (*node.attrs["strides"], *node.attrs["input_dilation"], *node.attrs["kernel_dilation"])
    padding = [side for pair in pooling.attrs["padding"] for side in pair]
    # Elements keep the names of their coordinates through pointwise ops alone.
    picked = [x.inputs[1] for x in kernel.body if x.op == "gather_pool" and x.inputs[0] is pooling]
    between = dependents([pooling.inputs[0], *picked], [node], stop=kernel.inputs) - {node}
    fits = (
        all(OPS[x.op].family == "pointwise" for x in between)
        and all(product(output.shape) == product(pooling.shape) for output in kernel.outputs)
        and not any(isinstance(size, Dim) for size in (*sizes, *pooling.shape[1:]))
        and math.prod(pooling.attrs["window"]) > 1
        and all(step == 1 for step in steps)
        and all(side == 0 for side in padding)
    )
    return pooling if fits else None


class PooledConv(ConvLoops):
    """The text of such a kernel."""

    def __init__(
        self, kernel: Kernel, context: NativeContext, signature: NativeSignature, pooling: Node
    ):
        super().__init__(kernel, context, signature)
        self._pooling = pooling
        (self._filters,) = known([self.filters])
        self._extents = known(pooling.attrs["window"])
        self._strides = known(pooling.attrs["strides"])
        self._pooled = known(pooling.shape[2:])
        self._image = PhasedImage(self, self._strides)
        self._steps = self._image.phases.steps
        self._high = self._tile_rows()
        self._tile = (self._high, *self._pooled[1:])
        self._wide = self._flat(self._high)

    def lines(self) -> tuple[list[str], str]:
        """The function's lines, and what its loops go over."""
        m, places = self._filters, math.prod(self._extents)
        pitches = (m * self._wide, self._wide, *self._steps)
        windows = PooledWindows(self, self._pooling, (m, *self._tile), pitches)
        walk, results = windows.lines()
        last = self._pooled[0] - self._high
        by_place = [*self._sums_of_place(), *walk]
        head = f"for (int place = 0; place < {places}; ++place) {{"
        tile = [
            *self._sums_of_tile(),
            *([head, *indented(by_place), "}"] if by_place else []),
            *results,
        ]
        sample = [
            *self._image_of_sample(),
            self.array("s0", self.scalar, Slot.SUMS, places * m * self._wide, self.samples),
            *windows.arrays(),
            f"for (int tile = 0; tile < {self._pooled[0]}; tile += {self._high}) {{",
            *indented(
                [
                    f"const int first = tile < {last} ? tile : {last};"
                    if last
                    else "const int first = tile;",
                    *tile,
                ]
            ),
            "}",
        ]
        return [*self._weights_of_kernel(), *self.per_sample(sample)], self._how()

    # ---- the sums -------------------------------------------------------------------------------

    def _how(self) -> str:
        """What the loops go over."""
        return (
            f"{self.samples} samples; {self._filters} x {self.k} weights by "
            f"{math.prod(self._extents)} places of {math.prod(self._pooled)} windows, "
            f"{math.prod(self._tile)} at a time"
        )

    def _weights_of_kernel(self) -> list[str]:
        """The lines ahead of the samples."""
        k, m = self.k, self._filters
        height, places = height_of_tiles(m), math.prod(self._extents)
        panels = -(-m // height) * height
        return [
            self.array("weights", self.scalar, Slot.WEIGHTS, m * k, 1),
            *self.weight_matrix(),
            self.array("panels", self.scalar, Slot.WEIGHT_PANELS, panels * k, 1),
            call("gc_gemm_pack", height, (m, k, "weights", k, 1, "panels")),
            self.array("at", "int", Slot.OFFSETS, places * k, 1),
            *self.offsets("at", (*self._extents, self.channels, *self.places), self._at),
        ]

    def _image_of_sample(self) -> list[str]:
        count = math.prod(self._image.phases.shape)
        array = self.array("image", self.scalar, Slot.IMAGE, count, self.samples, slack=True)
        return [array, *self._image.lines()]

    def _sums_of_tile(self) -> list[str]:
        """Sums of all places of a tile's windows, where they are computed at once."""
        return []

    def _sums_of_place(self) -> list[str]:
        """Sums of one place."""
        k, m = self.k, self._filters
        image = "image"
        if self._high < self._pooled[0]:
            image += f" + first * {self._steps[0]}"
        at, sums = f"at + place * {k}", f"s0 + place * {m * self._wide}"
        arguments = (m, self._wide, k, "panels", image, at, sums, self._wide)
        return [call("gc_conv_windows", height_of_tiles(m), arguments)]

    # ---- sizes ----------------------------------------------------------------------------------

    def _flat(self, high: int) -> int:
        """From the first window of so many rows to the last one, in a phase of the image."""
        counts = (high, *self._pooled[1:])
        return 1 + sum((n - 1) * step for n, step in zip(counts, self._steps, strict=True))

    def _tile_rows(self) -> int:
        """Along the first axis, windows of a tile: the last one is moved back to end with them."""
        rows, each = self._pooled[0], math.prod(self._extents) * self._filters
        most = max(1, min(rows, _SUMS // (each * self._steps[0])))

        def vectors(high: int) -> int:
            return -(-rows // high) * -(-self._flat(high) // _COLUMNS)

        return min(range(max(1, most // 2), most + 1), key=lambda high: (vectors(high), -high))

    def _at(self, coords: Coordinates) -> Expression:
        """Where a channel's place of a window lies in the image by phases, for a place of the
        pooling's window."""
        dims = len(self._extents)
        inside, channel, places = coords[:dims], coords[dims], coords[dims + 1 :]
        sums = [plus(place, k) for place, k in zip(inside, places, strict=True)]
        return self._image.phases.position(channel, sums)
