"""What a launch moves between memory and its blocks, as formulas of how its work is spread.

Counted is what threads ask of memory and what they store, whether a cache has it or not: a row once
for each walk that reads it, an element once for each window that holds it. Two things are shared
within a block, and count there once:

- of one value a block moves no more than the whole, in one walk over its elements (a lookup table,
  the vector of a product);
- an element that is spread over neighbours (the scale of a channel) counts once for those of a
  block that lie side by side.

What lies outside of an image, where windows reach over its ends, counts as read.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphc.compiler.codegen.signature import Place
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size, floor_divide, product
from graphc.compiler.program.launch import Count, Formula, Traffic
from graphc.compiler.schedule.relation import Split


@dataclass(frozen=True)
class Asked:
    """An element of a value that lines of a kernel read.

    Attributes:
        node: the value.
        place: where it lies.
        times: how many elements for each time that the lines are run.
        split: of a value that is spread, the runs of the walked elements, and which it has.
    """

    node: Node
    place: Place
    times: Count
    split: Split | None = None


def reads(
    asked: Iterable[Asked],
    runs: Sequence[Formula],
    turns: Sequence[Formula],
    neighbours: int | None = None,
) -> list[Traffic]:
    """What a launch reads by lines that it runs again and again.

    Args:
        asked: what the lines read.
        runs: factors of how often all threads together run them.
        turns: factors of how often a block comes to new elements, all blocks together.
        neighbours: how many elements that lie side by side a block takes in a turn.
    """
    found = []
    for one in asked:
        size = product(one.node.shape)
        counts = [Count(tuple(runs)) * one.times, Count((*turns, size))]
        split = one.split or ()
        if neighbours is not None and runs == (product(extent for extent, _ in split),):
            counts += [Count((*turns, *each)) for each in _distinct(split, neighbours)]
        found.append(Traffic(_name(one.place), one.node.dtype, tuple(counts)))
    return found


def _distinct(split: Split, neighbours: int) -> list[tuple[Size, ...]]:
    """Upper bounds of how many elements of a value that is spread `neighbours` elements meet: along
    each axis that it has all, or as many as they go over."""
    bounds, behind = [], product(extent for extent, _ in split)
    for extent, kept in split:
        behind = floor_divide(behind, extent)
        if kept:
            bounds.append((extent, floor_divide(behind + (neighbours - 1), behind)))
    return list(itertools.product(*bounds))


def writes(
    nodes: Iterable[Node], sinks: Mapping[Node, Sequence[Place]], elements: Size | None = None
) -> list[Traffic]:
    """What a launch stores of its outputs: each element once, at each place where it goes.

    Args:
        elements: how many of each this launch computes, if not all.
    """
    return [
        Traffic(
            _name(place),
            node.dtype,
            (Count((product(node.shape) if elements is None else elements,)),),
            written=True,
        )
        for node in nodes
        for place in sinks[node]
    ]


def _name(place: Place) -> str:
    return place.buffers[-1].name
