"""Kernels of kind conv: as loop programs, or in one of two forms.

- with fewer multiplications, where windows are 3 x 3 and channels many: `winograd`, and with a
  pooling of 2 x 2 behind it `pooled_winograd`.
- the gradient of weights, where that of the result is what `max_unpool` spreads: `sparse_conv`.

What follows the convolution, pooling too, is computed from a sample's results while they are
cached.
"""

from __future__ import annotations

from graphc.compiler.codegen.native.context import NativeContext
from graphc.compiler.codegen.native.loop_program import lower_by_mapping
from graphc.compiler.codegen.native.pooled_winograd import PooledWinograd, pooled_in_tiles
from graphc.compiler.codegen.native.sparse_conv import SparseConv, spread_weights
from graphc.compiler.codegen.native.winograd import Winograd, is_faster
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS


def lower_conv(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function."""
    if is_loop_program(kernel):
        launch = lower_by_mapping(kernel, context, CPU_MAPPINGS[kernel.kind])
        assert launch is not None
        return [launch]
    max_unpool, pooling = spread_weights(kernel), pooled_in_tiles(kernel)
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    if max_unpool is not None:
        lines, how = SparseConv(kernel, context, signature).lines(max_unpool)
    elif pooling is not None:
        lines, how = PooledWinograd(kernel, context, signature, pooling).lines()
    else:
        lines, how = Winograd(kernel, context, signature).lines()
    return [context.function(name, kernel, signature, lines, how)]


def is_loop_program(kernel: Kernel) -> bool:
    """Return True if a convolution runs as a loop program."""
    (node,) = kernel.anchors
    if 0 in (*node.shape, *node.inputs[1].shape):
        return True  # zeros, or nothing
    return not (spread_weights(kernel) is not None or is_faster(node))
