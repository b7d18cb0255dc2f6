"""Pooling and its gradients: reductions over the taps of a window, or over the windows of an
element.

An element of the padding takes no part, so its turn has no term.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import TypeAlias

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape
from graphc.compiler.loops.build.block import Block, Coords
from graphc.compiler.loops.build.builder import NO_ATTRIBUTES, Builder, Need, note, rule
from graphc.compiler.loops.build.reductions import (
    Contribution,
    Reduced,
    accumulate,
    accumulators,
    purpose,
    reduction,
    within,
)
from graphc.compiler.loops.build.reshape import reshaped
from graphc.compiler.loops.index import Index, coordinates, position
from graphc.compiler.loops.statement import Let, Statement, Store
from graphc.compiler.loops.value import (
    Apply,
    Condition,
    Constant,
    IndexValue,
    Local,
    Value,
    at_least,
    below,
)
from graphc.compiler.schedule.window_passes import in_one_pass


def _tap(node: Node, windows: Sequence[Index], taps: Coords) -> list[Index]:
    """Return the spatial coordinates of a tap of a window."""
    sides = zip(windows, taps, node.attrs["strides"], node.attrs["padding"], strict=True)
    return [window * stride - low + tap for window, tap, stride, (low, _) in sides]


def _inside(coords: Sequence[Index], extents: Shape) -> list[Condition]:
    return [
        one
        for coord, extent in zip(coords, extents, strict=True)
        for one in (at_least(coord), below(coord, extent))
    ]


# ---- one value a window -------------------------------------------------------------------------


def _over_taps(op: str, node: Node, coords: Coords) -> Reduced:
    (x,) = node.inputs
    sample, channel, *windows = coords
    extents = node.attrs["window"]

    def term(builder: Builder, block: Block, taps: Coords) -> Generator[Need, Value, Contribution]:
        place = _tap(node, windows, taps)
        inside = within(block, _inside(place, x.shape[2:]))
        assert inside is not None, "a window without elements"
        element = (sample, channel, *place)
        values = [(yield x, element, inside)]
        if op == "argmax":
            values.append(IndexValue(position(taps, extents), "int32"))
        beside = yield from _stored_beside(builder, node, element, inside)
        return Contribution(inside, tuple(values), tuple(beside))

    return Reduced(node, op, x.dtype, extents, term)


def _stored_beside(
    builder: Builder, node: Node, element: Coords, block: Block
) -> Generator[Need, Value, list[Statement]]:
    """Return stores of what lies in front of a pooling, at an element of its window."""
    elements = []
    for beside in builder.beside.get(node, ()):
        at = reshaped(element, node.inputs[0].shape, beside.shape, block.ranges)
        elements.append((beside, at, (yield beside, at, block)))
    return [*builder.stores(block, elements)]


@reduction("max_pool")
def _max_pool(node: Node, coords: Coords) -> Reduced:
    return _over_taps("max", node, coords)


@reduction("sum_pool")
def _sum_pool(node: Node, coords: Coords) -> Reduced:
    return _over_taps("sum", node, coords)


@rule("argmax_pool")
def _argmax_pool(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    """The place of the first maximum; and what the kernel gathers there in the same pass: a tap is
    the place as soon as it is the best one so far."""
    gathers = builder.gathered.get(node, ())
    gathered = [(one, builder.register(block, "p", one.dtype)) for one in gathers]
    block.add(*(Store(register, Constant(0, one.dtype)) for one, register in gathered))
    reduced = _over_taps("argmax", node, coords)
    best, place = targets = accumulators(builder, block, reduced)
    inner, taps = builder.loops(block, reduced.extents, "k", purpose([reduced]))
    term = yield from reduced.term(builder, inner, taps)
    stores: list[Statement] = []
    if gathered:
        element = (*coords[:2], *_tap(node, coords[2:], taps))
        values = []
        for one, _ in gathered:
            values.append((yield one.inputs[1], element, term.block))
        met = Local(builder.name("t"), "bool")
        stores.append(Let(met, _apply("equal", "bool", place, term.values[1]), note(node)))
        for (one, register), value in zip(gathered, values, strict=True):
            stores.append(Store(register, _apply("where", one.dtype, met, value, register)))
            block.known[one, coords] = register
    accumulate(inner, reduced, targets, replace(term, beside=(*stores, *term.beside)))
    inner.close(block)
    block.known["maximum", node, coords] = best
    return place


@rule("gather_pool")
def _gather_pool(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    argmax, values = node.inputs
    place = yield argmax, coords, block
    best = block.find(("maximum", argmax, coords))
    gathered = block.find((node, coords))
    if gathered is not None:
        return gathered
    if best is not None and values is argmax.inputs[0] and in_one_pass(argmax, node):
        return best
    extents = node.attrs["window"]
    key = ("place", argmax, coords, extents)
    found = block.find(key)
    if not isinstance(found, IndexValue):
        number = builder.known_index(block, place, math.prod(extents))
        block.known[key] = found = IndexValue(number, "int32")
    sample, channel, *windows = coords
    inner = _tap(node, windows, coordinates(found.index, extents))
    return (yield values, (sample, channel, *inner), block)


def _apply(op: str, dtype: str, *operands: Value) -> Value:
    return Apply(op, operands, dtype, NO_ATTRIBUTES)


# ---- one value an element -----------------------------------------------------------------------


TermAt: TypeAlias = Callable[[Builder, Coords, Coords, Block], Generator[Need, Value, Value]]
"""The term of a window that holds an element at a tap."""


def _over_windows(node: Node, coords: Coords, cotangents: Node, term_at: TermAt) -> Reduced:
    """Return the sum over the windows that hold an element, from its first tap to its last one.

    Along an axis with stride s it is tap ``p % s + k*s`` of window ``p // s - k``, p being its
    place in the padded axis.
    """
    sample, channel, *elements = coords
    attrs = node.attrs
    counts = tuple(
        -(-extent // stride)
        for extent, stride in zip(attrs["window"], attrs["strides"], strict=True)
    )

    def term(builder: Builder, block: Block, turns: Coords) -> Generator[Need, Value, Contribution]:
        windows, taps = [], []
        conditions: list[Condition] = []
        sides = zip(
            elements, turns, attrs["window"], attrs["strides"], attrs["padding"], strict=True
        )
        for axis, (element, turn, extent, stride, (low, _)) in enumerate(sides):
            place = element + low
            windows.append(block.ranges.simplified(place // stride) - turn)
            taps.append(block.ranges.simplified(place % stride) + turn * stride)
            conditions += [
                below(taps[-1], extent),
                at_least(windows[-1]),
                below(windows[-1], cotangents.shape[axis + 2]),
            ]
        inside = within(block, conditions)
        if inside is None:
            return Contribution(block, (Constant(0, node.dtype),))
        here = (sample, channel, *windows)
        value = yield from term_at(builder, here, tuple(taps), inside)
        return Contribution(inside, (value,))

    return Reduced(node, "sum", node.dtype, counts, term)


@reduction("sum_unpool")
def _sum_unpool(node: Node, coords: Coords) -> Reduced:
    (cotangents,) = node.inputs

    def term_at(
        builder: Builder, window: Coords, taps: Coords, block: Block
    ) -> Generator[Need, Value, Value]:
        return (yield cotangents, window, block)

    return _over_windows(node, coords, cotangents, term_at)


@reduction("max_unpool")
def _max_unpool(node: Node, coords: Coords) -> Reduced:
    """Each element asks the windows that hold it whether it is at their place."""
    argmax, cotangents = node.inputs

    def term_at(
        builder: Builder, window: Coords, taps: Coords, block: Block
    ) -> Generator[Need, Value, Value]:
        place = yield argmax, window, block
        value = yield cotangents, window, block
        tap = IndexValue(position(taps, node.attrs["window"]), "int32")
        met = builder.let(block, node, _apply("equal", "bool", place, tap))
        return _apply("where", node.dtype, met, value, Constant(0, node.dtype))

    return _over_windows(node, coords, cotangents, term_at)
