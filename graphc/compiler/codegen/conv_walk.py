"""Walks over memory: what both operands of a convolution are, seen from the axes of a product."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import ONE, ZERO, Expression, minus, plus, times, when
from graphc.compiler.codegen.index import Coordinates
from graphc.compiler.codegen.product import Indexed, OperandAxis, Pulled
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.graph.ops import OPS
from graphc.compiler.schedule.inline import is_splat
from graphc.compiler.schedule.strides import Strided, contiguous, strided

Walk = tuple[Size, Size]
"""An axis that is walked: how many elements, and how far apart in memory two neighbours lie."""


@dataclass(frozen=True)
class Summed:
    """One axis of k.

    Attributes:
        axis: of the kernel's shape: 1 is the channel, 2 the first spatial axis.
        extent: how many channels or places.
        backwards: whether k counts it from its end.
    """

    axis: int
    extent: Size
    backwards: bool = False


def affine(node: Node, memory: Collection[Node], counters: Collection[Node]) -> Strided | None:
    """`strided`, and flips, whose strides are negative, of values in memory and of values that are
    computed element by element from such; None where a loop's step picks a slice."""
    if node.op == "flip":
        x = affine(node.inputs[0], memory, counters)
        if x is None:
            return None
        flipped, offset = list(x.strides), x.offset
        for axis in node.attrs["axes"]:
            offset = offset + (node.shape[axis] - 1) * flipped[axis]
            flipped[axis] = -flipped[axis]
        return replace(x, shape=node.shape, strides=tuple(flipped), offset=offset)
    if node.op == "transpose":
        x = affine(node.inputs[0], memory, counters)
        if x is None:
            return None
        strides = tuple(x.strides[axis] for axis in node.attrs["order"])
        return replace(x, shape=node.shape, strides=strides)
    x = strided(node, memory, counters)
    if x is None and elementwise(node, memory):
        return contiguous(node)
    return None if x is None or x.steps else x


def elementwise(node: Node, memory: Collection[Node]) -> bool:
    """Whether a value is computed element by element from values of its shape in memory, so that
    it may be asked for by position as if it lay there itself."""
    pending = [node]
    while pending:
        x = pending.pop()
        if x in memory or is_splat(x) or x.op == "random" or _is_spread(x, memory):
            continue
        if OPS[x.op].family != "pointwise":
            return False
        pending += x.inputs
    return True


def _is_spread(node: Node, memory: Collection[Node]) -> bool:
    """Whether a node broadcasts a number, or a value in memory (a bias)."""
    x = node
    while x.op in ("broadcast", "reshape"):
        x = x.inputs[0]
    return node.op == "broadcast" and (x in memory or is_splat(x))


def nested(walks: Sequence[Walk]) -> Size | None:
    """How far apart neighbours are if the axes together are one walk, the last one the fastest;
    None where they are not. Of a single element 1."""
    wide = [(extent, stride) for extent, stride in walks if extent != 1]
    for (_, outer), (extent, inner) in itertools.pairwise(wide):
        if outer != extent * inner:
            return None
    return wide[-1][1] if wide else 1


def total(emitter: Emitter, terms: Sequence[tuple[Expression, Size]], constant: Size) -> Expression:
    """The expression ``sum(coordinate * factor) + constant``; factors may be negative."""
    size = emitter.signature.size
    found = ZERO
    negative = []
    for coord, factor in [*terms, (ONE, constant)]:
        if isinstance(factor, Dim) or factor >= 0:
            found = plus(found, times(coord, size(factor)))
        else:
            negative.append(times(coord, size(-factor)))
    for part in negative:
        found = minus(found, part)
    return found


def from_memory(
    node: Node, fast: OperandAxis, indexed: Indexed, before: Callable[[Emitter], None] | None = None
) -> Pulled:
    """An operand that is read through index arithmetic; see `Pulled` for the arguments."""

    def value(emitter: Emitter, batch: Coordinates, outer: Expression, k: Expression) -> Expression:
        conditions, element = indexed(emitter, batch, outer, k)
        if not conditions:
            return element(emitter)
        result = emitter.variable(node)
        with emitter.block(when(conditions)):
            emitter.assign(result, element(emitter))
        return result

    return Pulled(node, fast, value, before, indexed)
