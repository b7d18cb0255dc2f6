"""Concatenations, part after part: a loop over all elements would choose a part for each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from graphc.compiler.codegen.expression import Expression, plus, times
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.context import NativeSignature
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.nest import Nest
from graphc.compiler.codegen.statement import Statement, braces
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size, product

Store = Callable[[NativeEmitter, Expression, Expression], list[Statement]]
"""(emitter, position, value) -> what stores the element at a position in C order."""


def is_concatenation(node: Node) -> bool:
    """Whether a node is a concatenation along its last axis."""
    return node.op == "concat" and node.attrs["axis"] == len(node.shape) - 1


def store_parts(node: Node, signature: NativeSignature, store: Store) -> list[str]:
    """The loops over the elements of a node, those of a concatenation one part after the other."""
    parts = node.inputs if is_concatenation(node) else (node,)
    lines: list[str] = []
    first: Size = 0
    for part in parts:
        body = partial(_element, part, first, node.shape[-1], store)
        nest = Nest(signature, product(part.shape))
        lines += braces(nest.listing(body)).lines
        first += part.shape[-1]
    return lines


def _element(
    part: Node,
    first: Size,
    width: Size,
    store: Store,
    emitter: NativeEmitter,
    position: Expression,
) -> list[Statement]:
    """An element of the part of rows of `width` elements that begins with the column `first`."""
    value = emitter.value(part, Index(part.shape, linear=position))
    if part.shape[-1] == width:
        return store(emitter, position, value)
    rows, size = product(part.shape[:-1]), emitter.signature.size
    row, column = emitter.coordinates(Index((rows, part.shape[-1]), linear=position))
    place = plus(plus(times(row, size(width)), size(first)), column)
    return store(emitter, place, value)
