"""Convolutions of 3 x 3 windows, and the gradients of their weights, with fewer multiplications
(``kernels/host_winograd.h``).

A tile of 2 x 2 results takes 16 multiplications for each channel and filter, not 36; and sums over
channels alone are shorter than sums over whole windows, so they round no worse. Results of one tile
share intermediate sums: where an element is infinite or NaN, all results of the tiles that hold it
may be NaN.
"""

from __future__ import annotations

import math

from graphc.compiler.codegen.expression import Expression, Variable, plus, subscript, times
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.conv_loops import (
    PARTS,
    ConvLoops,
    call,
    known,
)
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.lanes import whole_vectors
from graphc.compiler.codegen.native.scratch import Slot, take_winograd, take_winograd_weights
from graphc.compiler.codegen.statement import Assign, Statement
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Shape, Size
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.cpu.convolution_operands import height_of_tiles

WINDOW = (3, 3)
PLACES = 16
"""Elements of a tile of the image."""

HEIGHT = 8
"""Tiles whose sums are in registers at once: of GC_WINOGRAD_TILES, which are in L2."""

# What a tile takes, in steps of a vector: its transforms read 16 elements, add 32 times and write
# 16, for a vector of channels; read 16, add 24 times and write 4, for one of filters, and these are
# laid out filter by filter then. Direct sums take the multiplications of all places.
_STEPS_OF_IMAGE, _STEPS_OF_RESULTS = 64, 48

_GAIN = 5, 4
"""How many times as many steps direct sums have to take, as a quotient: a margin for what the count
leaves out, as the tiles' way to the products and back."""


class Winograd(ConvLoops):
    """A convolution that `is_faster`."""

    def __init__(self, kernel: Kernel, context: NativeContext, signature: NativeSignature):
        super().__init__(kernel, context, signature)
        context.program.includes["host_winograd.h"] = None
        self._is_gradient = self.windows == WINDOW
        results = self.places if self._is_gradient else self.windows
        self._tiles = tiles_of(known(results))
        self._results: Shape = tuple(2 * count for count in self._tiles)
        self.reach = tuple(2 * count + 2 for count in self._tiles)

    def lines(self) -> tuple[list[str], str]:
        """The body of the function, and what its loops go over."""
        return self._gradient() if self._is_gradient else self._forward()

    def _forward(self) -> tuple[list[str], str]:
        """A sample at a time."""
        channels, filters = self.channels, self.filters
        down, across = self._tiles
        pixels = 4 * down * across
        arguments = (*sizes(self, channels, self._tiles), "false", "image", "turned", "s0")
        elements = self.image_elements(channels)
        inside = [
            self.array("image", self.scalar, Slot.IMAGE, elements, self.samples),
            *self.padded(channels, "sample"),
            self.array("s0", self.scalar, Slot.SUMS, filters * pixels, self.samples),
            call("gc_winograd_conv", HEIGHT, arguments),
        ]

        def place(emitter: NativeEmitter, index: Index) -> Expression:
            _, filter_, row, column = emitter.coordinates(index)
            return plus(times(filter_, pixels), plus(times(row, 2 * across), column))

        how = (
            f"{self.samples} samples; {filters} x {channels} windows of 3 x 3 by tiles of 2 x 2 "
            f"results, {down} x {across} of them"
        )
        samples = self.per_sample([*inside, *self.after(place)])
        return [*transformed_weights(self), *samples], how

    def _gradient(self) -> tuple[list[str], str]:
        """A sum over samples, which are the image's channels here."""
        channels, filters = self.samples, self.filters
        down, across = self._tiles
        wide = self.wide(filters, 2)
        sums = PLACES * channels * wide
        ahead = [
            self.array("sums", self.scalar, Slot.PLACE_SUMS, sums, PARTS),
            f"for (int i = 0; i < {sums}; ++i) sums[i] = 0;",
        ]
        arguments = (
            *sizes(self, channels, self._tiles, gradient=True),
            "image",
            "cotangents",
            "sums",
        )
        inside = [
            self.array("image", self.scalar, Slot.IMAGE, self.image_elements(channels), PARTS),
            *self.padded(channels, "channel"),
            self.array("cotangents", self.scalar, Slot.WEIGHTS, filters * 4 * down * across, PARTS),
            *self._cotangents(),
            call("gc_winograd_gradient", height_of_tiles(channels), arguments),
        ]
        behind = [f"gc_winograd_gathered({channels}, {wide}, sums, part_sum);"]
        lines = self.in_parts(channels * 9, wide, ahead, inside, behind)
        how = (
            f"{channels} x {filters} windows of 3 x 3 from tiles of 2 x 2 cotangents, summed over "
            f"{self.channels} samples in {PARTS} parts"
        )
        return lines, how

    def _cotangents(self) -> list[str]:
        """The loops that copy those of a sample, with zeros to whole tiles."""

        def body(emitter: NativeEmitter, _: Expression, coords: Coordinates) -> list[Statement]:
            filter_, *places = coords
            element = Index(self.weights.shape, coords=(filter_, Variable("channel"), *places))
            place = emitter.place(Index((self.filters, *self._results), coords=coords))
            value = emitter.value(self.weights, element)
            return [Assign(subscript("cotangents", place), value)]

        elements = self.filters * self._results[0] * self._results[1]
        whole = self.places == self._results
        clear = [] if whole else [f"for (int i = 0; i < {elements}; ++i) cotangents[i] = 0;"]
        return [*clear, *self.nest((self.filters, *self.places), body)]


def transformed_weights(loops: ConvLoops) -> list[str]:
    """What transforms the weights, ahead of the samples."""
    channels, filters = loops.channels, loops.filters
    wide = loops.wide(filters, 2)
    take_winograd_weights(loops.signature, loops.scalar, channels, wide)
    return [
        loops.array("weights", loops.scalar, Slot.WEIGHTS, filters * loops.k, 1),
        *loops.weight_matrix(),
        loops.array("turned", loops.scalar, Slot.WEIGHT_PANELS, PLACES * channels * wide, 1),
        f"gc_winograd_weights({filters}, {channels}, {wide}, weights, turned);",
    ]


def sizes(
    loops: ConvLoops, channels: Size, tiles: tuple[int, int], gradient: bool = False
) -> tuple[Size, ...]:
    """The first arguments of the functions that compute a sample, whose scratch memory is noted."""
    filters = loops.filters
    wide = loops.wide(channels, 1), loops.wide(filters, 2)
    threads = PARTS if gradient else loops.samples
    take_winograd(loops.signature, loops.scalar, *wide, tiles, gradient, threads)
    return (channels, wide[0], filters, wide[1], *tiles)


def is_faster(node: Node) -> bool:
    """Whether a convolution has windows, or places, that the transforms are for, and enough
    channels and filters to make good for the transforms.

    Counted in steps of a vector for each tile: 16 multiplications for each channel and filter,
    or 36 without transforms, and the transforms. Of direct sums, those of a gradient have filters
    innermost too, in whole vectors.
    """
    windows, places = node.shape[2:], node.inputs[1].shape[2:]
    attrs = node.attrs
    plain = all(
        step == 1
        for name in ("strides", "kernel_dilation", "input_dilation")
        for step in attrs[name]
    )
    if not plain or WINDOW not in (windows, places):
        return False
    gradient = windows == WINDOW
    results = places if gradient else windows
    channels = node.shape[0] if gradient else node.inputs[1].shape[1]
    needed = (channels, node.shape[1], *results, *node.inputs[0].shape[2:])
    if any(isinstance(size, Dim) for size in needed):
        return False
    channels, filters, rows, columns, *_ = known(needed)
    down, across = tiles_of(known(results))
    wide, channels_wide = known([
        whole_vectors(filters, 2, node.dtype), whole_vectors(channels, 1, node.dtype)
    ])  # fmt: skip
    transforms = _STEPS_OF_IMAGE * channels_wide + _STEPS_OF_RESULTS * wide
    transformed = down * across * (PLACES * channels * wide + transforms)
    direct = rows * columns * math.prod(WINDOW) * channels * (wide if gradient else filters)
    times, of = _GAIN
    return times * transformed < of * direct


def tiles_of(results: tuple[int, ...]) -> tuple[int, int]:
    """How many tiles a sample's results are, down and across."""
    down, across = results
    return -(-down // 2), -(-across // 2)
