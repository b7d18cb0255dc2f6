"""Kernels of kind scatter: scatter_add, the gradient of a gather, and what is computed from it.

The sums are made in the order of the indices. Rows that no index names are written too: they are
zeros in the gradient, and an optimizer's step may move them all the same.
"""

from __future__ import annotations

from functools import partial

from graphc.compiler.codegen.c_text import C_TYPES, plus
from graphc.compiler.codegen.emit_movement import checked_index
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.native.context import NativeContext
from graphc.compiler.codegen.native.nest import NativeEmitter, Nest
from graphc.compiler.codegen.native.pointwise import store_elements
from graphc.compiler.codegen.native.product import scratch_values
from graphc.compiler.graph.dim import product
from graphc.compiler.schedule.kernel import Kernel


def lower_scatter(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function: zeros, then the updates in order, then what is computed from the sums."""
    (node,) = kernel.anchors
    indices, updates = node.inputs
    axis, rank = node.attrs["axis"], len(indices.shape)
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    context.program.includes["scratch.h"] = None
    size, scalar = signature.size, C_TYPES[node.dtype]
    total = product(node.shape)

    def add(emitter: NativeEmitter, position: str) -> list[str]:
        coords = emitter.coordinates(Index(updates.shape, linear=position))
        place = Index(indices.shape, coords=coords[axis : axis + rank])
        row = checked_index(emitter, node, indices, place, node.attrs["size"])
        value = emitter.value(updates, Index(updates.shape, linear=position))
        target = Index(node.shape, coords=(*coords[:axis], row, *coords[axis + rank :]))
        at = emitter.position(target)
        return [f"s0[{at}] = gc_add(s0[{at}], {value});"]

    # Two updates of a vector may go to one place only where they are of one row.
    single = axis + rank < len(updates.shape)
    adding = Nest(signature, product(updates.shape), threads=False, vector=single).lines(add)
    given = partial(scratch_values, (node,), "0")
    after = Nest(signature, total, given).lines(partial(store_elements, kernel.outputs, context))
    lines = [
        f"{scalar}* s0 = gc_scratch<{scalar}>(0, (size_t)({plus(size(total), '1')}));",
        f"for (int i = 0; i < {size(total)}; ++i) s0[i] = 0;",
        "{",
        *(f"  {line}" for line in adding),
        "}",
        "{",
        *(f"  {line}" for line in after),
        "}",
    ]
    how = f"{product(indices.shape)} indices, added in their order"
    return [context.function(name, kernel, signature, lines, how)]
