"""Stores of the elements of a kernel's outputs behind a convolution."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.codegen import emit_loops, emit_movement, emit_windows  # noqa: F401  (rules)
from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.context import NativeContext
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.statement import Assign, Statement
from graphc.compiler.graph import Node


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
