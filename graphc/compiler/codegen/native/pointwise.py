"""Kernels whose results are computed element by element: pointwise, gather, window, update.

A pooling, and what is no product, walks its window or its sum in a loop inside of the element's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from graphc.compiler.codegen import emit_loops, emit_movement, emit_windows  # noqa: F401  (rules)
from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.concatenation import is_concatenation, store_parts
from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.nest import Limits, Nest
from graphc.compiler.codegen.pointwise import own_outputs
from graphc.compiler.codegen.statement import Assign, Statement
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import product
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel


def lower_pointwise(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function: a loop nest over the elements, for an update one for each part."""
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    lines: list[str] = []
    for part in kernel.parts or (kernel,):
        nest = _loops(part, context, signature)
        lines += ["{", *(f"  {line}" for line in nest), "}"] if kernel.parts else nest
    extents = " x ".join(map(str, kernel.extents)) or "one"
    how = f"{len(kernel.parts)} parts" if kernel.parts else f"{extents} elements"
    return [context.function(name, kernel, signature, lines, how)]


def _loops(kernel: Kernel, context: NativeContext, signature: NativeSignature) -> list[str]:
    alone = len(kernel.outputs) == 1 and kernel.kind == "pointwise" and context.share is None
    # A copy of one reads its value, and nothing of its parts.
    if alone and is_concatenation(kernel.outputs[0]) and kernel.outputs[0] not in kernel.inputs:
        store = partial(store_value, kernel.outputs[0], context)
        return store_parts(kernel.outputs[0], signature, store)
    return _nest(kernel, context, signature).listing(partial(_element, kernel, context)).lines


def _nest(kernel: Kernel, context: NativeContext, signature: NativeSignature) -> Nest:
    """The loops over a kernel's elements: all, or in a divided loop those of the thread's rows."""
    if context.share is None:
        return Nest(signature, product(kernel.extents))
    return Nest(
        signature, product(kernel.extents), limits=own_rows(context, signature), threads=False
    )


def own_rows(context: NativeContext, signature: NativeSignature) -> Limits:
    """The rows of the thread, in the body of a divided loop."""
    assert context.share is not None
    return Limits(context.share.rows, signature.limit(end=False), signature.limit(end=True))


def _element(
    kernel: Kernel, context: NativeContext, emitter: NativeEmitter, position: Expression
) -> list[Statement]:
    outputs: Sequence[Node] = kernel.outputs
    if kernel.kind == "window":
        outputs = own_outputs(kernel, context, emitter)
    return store_elements(outputs, context, emitter, position)


def store_elements(
    outputs: Sequence[Node], context: NativeContext, emitter: NativeEmitter, position: Expression
) -> list[Statement]:
    """Print the values of outputs with equally many elements at a position; returns what stores
    them."""
    # All values before the first store: a result may take the place of what another one reads.
    values = [emitter.value(node, Index(node.shape, linear=position)) for node in outputs]
    stores: list[Statement] = []
    for node, value in zip(outputs, values, strict=True):
        stores += store_value(node, context, emitter, position, value)
    return stores


def store_value(
    node: Node,
    context: NativeContext,
    emitter: NativeEmitter,
    position: Expression,
    value: Expression,
) -> list[Statement]:
    """What stores a node's value at a position, wherever it is wanted."""
    targets = [
        emitter.signature.stored(place, node.shape, position)[0] for place in context.sinks[node]
    ]
    return [Assign(target, value) for target in targets]
