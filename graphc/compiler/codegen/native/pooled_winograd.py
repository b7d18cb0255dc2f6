"""A convolution by transforms with a 2 x 2 pooling behind it: a tile of results is a window."""

from __future__ import annotations

from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.conv_loops import call, known
from graphc.compiler.codegen.native.pooled_conv import PooledConv
from graphc.compiler.codegen.native.scratch import Slot
from graphc.compiler.codegen.native.winograd import HEIGHT, sizes, tiles_of, transformed_weights
from graphc.compiler.graph import Node
from graphc.compiler.schedule.kernel import Kernel

_TILE = (2, 2)


class PooledWinograd(PooledConv):
    """A pooled convolution whose sums are made for all windows of a sample at once, and lie as
    `PooledConv` wants them: those of the first place of each window, then those of the second."""

    def __init__(
        self, kernel: Kernel, context: NativeContext, signature: NativeSignature, pooling: Node
    ):
        super().__init__(kernel, context, signature, pooling)
        context.program.includes["host_winograd.h"] = None
        down, across = self._tiles = tiles_of(known(self.windows))
        self.reach = (2 * down + 2, 2 * across + 2)
        self._steps = (across, 1)
        self._wide = down * across

    def _tile_rows(self) -> int:
        return self._pooled[0]

    def _how(self) -> str:
        down, across = self._tiles
        return (
            f"{self.samples} samples; {self._filters} x {self.channels} windows of 3 x 3 by tiles "
            f"of 2 x 2 results, {down} x {across} of them, each pooled"
        )

    def _weights_of_kernel(self) -> list[str]:
        return transformed_weights(self)

    def _image_of_sample(self) -> list[str]:
        elements = self.image_elements(self.channels)
        array = self.array("image", self.scalar, Slot.IMAGE, elements, self.samples)
        return [array, *self.padded(self.channels, "sample")]

    def _sums_of_tile(self) -> list[str]:
        first = sizes(self, self.channels, self._tiles)
        return [call("gc_winograd_conv", HEIGHT, (*first, "true", "image", "turned", "s0"))]

    def _sums_of_place(self) -> list[str]:
        return []


def pools_tiles(pooling: Node) -> bool:
    """Whether a pooling's windows are the tiles."""
    return bool(pooling.attrs["window"] == _TILE == pooling.attrs["strides"])
