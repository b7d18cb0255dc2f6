"""Movement ops and leaves: arithmetic on coordinates, and choices by them."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence

import numpy as np

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size
from graphc.compiler.loops.build.block import Block, Coords
from graphc.compiler.loops.build.builder import (
    Alternatives,
    Builder,
    Need,
    index_map,
    rule,
    undecided,
)
from graphc.compiler.loops.build.reshape import reshaped
from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.value import (
    Apply,
    Condition,
    Constant,
    IndexValue,
    Value,
    at_least,
    below,
    is_multiple_of,
)


@index_map("reshape")
def _reshape(node: Node, coords: Coords, ranges: Ranges) -> Coords:
    return reshaped(coords, node.shape, node.inputs[0].shape, ranges)


@index_map("broadcast")
def _broadcast(node: Node, coords: Coords, ranges: Ranges) -> Coords:
    return tuple(coords[axis] for axis in node.attrs["axes"])


@index_map("transpose")
def _transpose(node: Node, coords: Coords, ranges: Ranges) -> Coords:
    order = node.attrs["order"]
    return tuple(coords[order.index(axis)] for axis in range(len(order)))


@index_map("flip")
def _flip(node: Node, coords: Coords, ranges: Ranges) -> Coords:
    axes = node.attrs["axes"]
    return tuple(
        node.shape[axis] - 1 - coord if axis in axes else coord for axis, coord in enumerate(coords)
    )


@index_map("slice")
def _slice(node: Node, coords: Coords, ranges: Ranges) -> Coords:
    start, step = node.attrs["start"], node.attrs["step"]
    return tuple(coord * by + first for coord, first, by in zip(coords, start, step, strict=True))


@index_map("alias")
@index_map("stop_gradient")
@index_map("own_batch")
@index_map("print_tensor")
def _mark(node: Node, coords: Coords, ranges: Ranges) -> Coords:
    """A mark for what reads the graph is the value itself."""
    return coords


@rule("iota")
def _iota(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    return IndexValue(coords[0], node.dtype)
    yield  # a rule is a generator, though this one needs no element


@rule("dim")
def _dim(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    return IndexValue(as_index(node.attrs["size"]), node.dtype)
    yield  # as above


@rule("pad")
def _pad(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    (x,) = node.inputs
    inner, conditions = behind_borders(
        coords,
        x.shape,
        node.attrs["low"],
        [one + 1 for one in node.attrs["interior"]],
        block.ranges,
    )
    left = undecided(block.ranges, conditions)
    if left is None:
        return _filling(node)
    if not left:
        return (yield x, inner, block)
    inside, outside = block.branch(left), block.branch(())
    value = yield x, tuple(map(inside.ranges.simplified, inner)), inside
    return builder.chosen(block, node, Alternatives(left, inside, value, outside, _filling(node)))


def behind_borders(
    coords: Coords, extents: Shape, low: Sequence[Size], every: Sequence[int], ranges: Ranges
) -> tuple[Coords, list[Condition]]:
    """Return which element of a value lies at coordinates in a larger frame, and the conditions
    under which there is one.

    Args:
        extents: the value's.
        low: how many places are ahead of it along each axis; what is cropped is negative.
        every: the distance of neighbours along each axis.
    """
    found, conditions = [], []
    for coord, extent, before, distance in zip(coords, extents, low, every, strict=True):
        place = coord - before
        conditions.append(at_least(place))
        if distance != 1:
            conditions.append(is_multiple_of(place, distance))
            place = ranges.simplified(place // distance)
        conditions.append(below(place, extent))
        found.append(place)
    return tuple(found), conditions


def _filling(node: Node) -> Value:
    """Return what lies around: the attribute is a number that is cast to the dtype."""
    number = node.attrs["value"]
    kind = np.dtype(node.dtype).kind
    if kind == "f" or number == 0:
        return Constant(np.asarray(number, node.dtype).item(), node.dtype)
    wide = Constant(float(number), "float64")
    return Apply("cast", (wide,), node.dtype, {"dtype": node.dtype})


@rule("concat")
def _concat(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    axis = node.attrs["axis"]
    sizes = [x.shape[axis] for x in node.inputs]
    starts: list[Size] = list(itertools.accumulate(sizes, initial=0))
    value = yield from _part(node, coords, block, starts, 0, len(sizes))
    return builder.chosen(block, node, value) if isinstance(value, Alternatives) else value


def _part(
    node: Node, coords: Coords, block: Block, starts: Sequence[Size], first: int, end: int
) -> Generator[Need, Value, Value | Alternatives]:
    """Return the value at coordinates that are in one of the inputs from `first` to ahead of `end`.
    They are halved, so that conditions are few and do not nest deeply."""
    axis = node.attrs["axis"]
    if end - first == 1:
        inside = (*coords[:axis], coords[axis] - starts[first], *coords[axis + 1 :])
        return (yield node.inputs[first], inside, block)
    middle = (first + end) // 2
    test = below(coords[axis], starts[middle])
    left = undecided(block.ranges, [test])
    if left is None:
        return (yield from _part(node, coords, block, starts, middle, end))
    if not left:
        return (yield from _part(node, coords, block, starts, first, middle))
    ahead, behind = block.branch(left), block.branch((at_least(coords[axis], starts[middle]),))
    value = yield from _part(node, coords, ahead, starts, first, middle)
    otherwise = yield from _part(node, coords, behind, starts, middle, end)
    return Alternatives(left, ahead, value, behind, otherwise)
