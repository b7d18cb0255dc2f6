"""Kernels of kind conv: as loop programs, or in one of four forms.

- with fewer multiplications, where windows are 3 x 3 and channels many: `winograd`.
- with a pooling behind it: `pooled_conv`; the gradient of its weights then: `sparse_conv`.
- **by sample**: where there are few windows and each is long (the gradient of the weights), a sum
  of products, one for each channel of the image.

What follows the convolution, pooling too, is computed from a sample's results while they are
cached.
"""

from __future__ import annotations

from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Variable,
    minus,
    subscript,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.native.context import NativeContext
from graphc.compiler.codegen.native.conv_loops import PARTS, ConvLoops, call, tile_height
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.loop_program import lower_by_mapping
from graphc.compiler.codegen.native.pooled_conv import PooledConv, pooled_alone
from graphc.compiler.codegen.native.pooled_winograd import PooledWinograd, pools_tiles
from graphc.compiler.codegen.native.scratch import Slot
from graphc.compiler.codegen.native.sparse_conv import SparseConv, spread_weights
from graphc.compiler.codegen.native.winograd import Winograd, is_faster
from graphc.compiler.codegen.statement import Assign, Statement
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Size, product, typical
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS


def lower_conv(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function."""
    (node,) = kernel.anchors
    if is_loop_program(kernel):
        launch = lower_by_mapping(kernel, context, CPU_MAPPINGS[kernel.kind])
        assert launch is not None
        return [launch]
    max_unpool, pooling = spread_weights(kernel), pooled_alone(kernel)
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    context.program.includes["host_conv.h"] = None
    if max_unpool is not None:
        lines, how = SparseConv(kernel, context, signature).lines(max_unpool)
    elif is_faster(node) and pooling is not None and pools_tiles(pooling):
        lines, how = PooledWinograd(kernel, context, signature, pooling).lines()
    elif is_faster(node):
        lines, how = Winograd(kernel, context, signature).lines()
    elif pooling is not None:
        lines, how = PooledConv(kernel, context, signature, pooling).lines()
    else:
        lines, how = _Conv(kernel, context, signature).by_sample()
    return [context.function(name, kernel, signature, lines, how)]


def is_loop_program(kernel: Kernel) -> bool:
    """Return True if a convolution runs as a loop program."""
    (node,) = kernel.anchors
    if 0 in (*node.shape, *node.inputs[1].shape):
        return True  # zeros, or nothing
    others = is_faster(node), _has_long_windows(node)
    is_pooled = spread_weights(kernel) is not None or pooled_alone(kernel) is not None
    return not (is_pooled or any(others))


def _has_long_windows(node: Node) -> bool:
    """Return True if there are more taps than windows, or only a call knows how many terms."""
    terms = node.inputs[1].shape[1:]
    if isinstance(product(terms), Dim):
        return True
    return typical(product(terms[1:])) > typical(product(node.shape[2:]))


class _Conv(ConvLoops):
    def by_sample(self) -> tuple[list[str], str]:
        """A sum over the image's channels of products of all its windows."""
        size = self.signature.size
        m, steps = product((self.samples, *self.windows)), product(self.places)
        height, width = tile_height(m), self.wide(self.filters, 2)
        before = [
            self.array("row", "int", Slot.STARTS, m, 1),
            *self.offsets("row", (self.samples, *self.windows), self.window_offset),
            self.array("at", "int", Slot.OFFSETS, steps, 1),
            *self.offsets("at", self.places, self.step_offset),
        ]
        arguments = (size(m), size(width), size(steps), "image", "row", "at", "other", "part_sum")
        ahead = [f"for (int i = 0; i < {size(m * width)}; ++i) part_sum[i] = 0;"]
        inside = [
            self.array("image", self.scalar, Slot.IMAGE, self.image_elements(self.samples), PARTS),
            *self.padded(self.samples, "channel"),
            self.array("other", self.scalar, Slot.WEIGHTS, steps * width, PARTS),
            *self._turned(width),
            call("gc_conv_weights", height, arguments),
        ]
        how = (
            f"{m} x {steps} windows by {self.filters} filters, summed over {self.channels} "
            f"channels in {PARTS} parts"
        )
        return [*before, *self.in_parts(m, width, ahead, inside, [])], how

    def _turned(self, width: Size) -> list[str]:
        """What copies a channel of the weights, filters innermost."""
        size = self.signature.size
        filters, places = size(self.filters), size(product(self.places))

        def body(
            emitter: NativeEmitter, position: Expression, coords: Coordinates
        ) -> list[Statement]:
            filter_, *rest = coords
            element = Index(self.weights.shape, coords=(filter_, Variable("channel"), *rest))
            value = emitter.value(self.weights, element)
            return [Assign(subscript("planes", position), value)]

        rest = minus(size(width), size(self.filters))
        clear = [] if rest is ZERO else [
            f"for (int i = 0; i < {size(product(self.places) * width)}; ++i) other[i] = 0;"
        ]  # fmt: skip
        return [
            self.array(
                "planes", self.scalar, Slot.PLANES, product((self.filters, *self.places)), PARTS
            ),
            *self.nest((self.filters, *self.places), body),
            *clear,
            f"gc_transpose({filters}, {places}, planes, {places}, other, {size(width)});",
        ]
