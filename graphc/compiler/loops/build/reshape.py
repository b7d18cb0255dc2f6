"""Coordinates of the same element in two shapes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from graphc.compiler.graph.dim import Shape, Size
from graphc.compiler.loops.build.block import Coords
from graphc.compiler.loops.index import Index, as_index, coordinates, position
from graphc.compiler.loops.ranges import Ranges


def reshaped(coords: Coords, old: Shape, new: Shape, ranges: Ranges) -> Coords:
    """Return the coordinates, in another shape of as many elements, of the element at the same
    position. Axes that both shapes have, and runs of axes with as many elements, are converted by
    themselves, so that no more is divided than has to be."""
    if old == new:
        return coords
    if 0 in old or 0 in new:
        return tuple(as_index(0) for _ in new)
    left = [(size, coord) for size, coord in zip(old, coords, strict=True) if size != 1]
    wanted = [size for size in new if size != 1]
    found: list[Index] = []
    for old_run, new_run in _runs([size for size, _ in left], wanted):
        inside = left[old_run]
        if len(inside) == len(wanted[new_run]) == 1:
            found.append(inside[0][1])
            continue
        place = position([coord for _, coord in inside], [size for size, _ in inside])
        divided = coordinates(place, tuple(wanted[new_run]))
        found += map(ranges.simplified, divided)
    rest = iter(found)
    return tuple(as_index(0) if size == 1 else next(rest) for size in new)


def _runs(old: Sequence[Size], new: Sequence[Size]) -> list[tuple[slice, slice]]:
    """Return the shortest runs of axes of two shapes that have as many elements each."""
    ends = {total: k for k, total in enumerate(itertools.accumulate(old, lambda a, b: a * b), 1)}
    runs, first, before = [], 0, 0
    for k, total in enumerate(itertools.accumulate(new, lambda a, b: a * b), 1):
        end = len(old) if k == len(new) else ends.get(total, 0)
        if end > first or k == len(new):
            runs.append((slice(first, end), slice(before, k)))
            first, before = end, k
    return runs
