"""Kernels of kind conv: as loop programs, or in one of three forms.

- with fewer multiplications, where windows are 3 x 3 and channels many: `winograd`.
- with a pooling behind it: `pooled_conv`; the gradient of its weights then: `sparse_conv`.

What follows the convolution, pooling too, is computed from a sample's results while they are
cached.
"""

from __future__ import annotations

from graphc.compiler.codegen.native.context import NativeContext
from graphc.compiler.codegen.native.loop_program import lower_by_mapping
from graphc.compiler.codegen.native.pooled_conv import PooledConv, pooled_alone
from graphc.compiler.codegen.native.pooled_winograd import PooledWinograd, pools_tiles
from graphc.compiler.codegen.native.sparse_conv import SparseConv, spread_weights
from graphc.compiler.codegen.native.winograd import Winograd, is_faster
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
    else:
        assert pooling is not None
        lines, how = PooledConv(kernel, context, signature, pooling).lines()
    return [context.function(name, kernel, signature, lines, how)]


def is_loop_program(kernel: Kernel) -> bool:
    """Return True if a convolution runs as a loop program."""
    (node,) = kernel.anchors
    if 0 in (*node.shape, *node.inputs[1].shape):
        return True  # zeros, or nothing
    is_pooled = spread_weights(kernel) is not None or pooled_alone(kernel) is not None
    return not (is_pooled or is_faster(node))
