"""Bounds inference: the box of elements that statements access, over the loops inside.

>>> row, tap = LoopVariable("row"), LoopVariable("tap")
>>> around = Ranges().within(row, 30)
>>> access = (index_of(row) * 2 + index_of(tap),)
>>> box_of([(access, around.within(tap, 3))], around, {row})
Box(start=(2*row,), extents=(3,))
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from graphc.compiler.graph.dim import Shape, Size
from graphc.compiler.loops.index import (
    Index,
    IndexAtom,
    LoopVariable,
    Quotient,
    as_index,
    index_of,
)
from graphc.compiler.loops.ranges import Ranges, is_never_negative

_MOST_BOUNDS = 16
"""Bounds of one index that are compared: two ends each of up to four loops."""


@dataclass(frozen=True)
class Box:
    """A rectangle of coordinates.

    Attributes:
        start: the least coordinates, of the variables around.
        extents: how many there are along each axis.
    """

    start: tuple[Index, ...]
    extents: Shape


Access = tuple[tuple[Index, ...], Ranges]
"""The coordinates of an element, and the ranges where it is accessed."""


def box_of(accesses: Iterable[Access], around: Ranges, kept: Set[LoopVariable]) -> Box | int:
    """Return a box with all accessed elements; an axis along which none is found.

    Args:
        accesses: at least one.
        around: the ranges where the box is known.
        kept: the variables that its start may depend on.
    """
    accesses = list(accesses)
    start, extents = [], []
    for axis in range(len(accesses[0][0])):
        span = _span([(coords[axis], ranges) for coords, ranges in accesses], around, kept)
        if span is None:
            return axis
        start.append(span[0])
        extents.append(span[1])
    return Box(tuple(start), tuple(extents))


def most_turns(ends: Iterable[Index], ranges: Ranges) -> Size | None:
    """Return a size that the trip count of a loop is at most, wherever it is met; None if none is
    found."""
    nothing: frozenset[LoopVariable] = frozenset()
    bounds = [
        bound.constant for end in ends for bound in _bounds(end, ranges, nothing, greatest=True)
    ]
    return _least(bounds) if bounds else None


def _span(
    indices: list[tuple[Index, Ranges]], around: Ranges, kept: Set[LoopVariable]
) -> tuple[Index, Size] | None:
    """Return the least of some indices, and the number of integers to the greatest."""
    best: tuple[Index, Size] | None = None
    for index, ranges in indices:
        found = _span_of(index, ranges, around, kept)
        if found is None:
            return None
        best = found if best is None else _joined(best, found, around)
        if best is None:
            return None
    return best


def _joined(
    one: tuple[Index, Size], other: tuple[Index, Size], around: Ranges
) -> tuple[Index, Size] | None:
    for (start, extent), (later, length) in ((one, other), (other, one)):
        distance = later - start
        if not around.is_never_negative(distance):
            continue
        end = distance + length
        if around.is_never_negative(extent - end):
            return start, extent
        return _with_known_extent(start, end, around)
    return None


def _with_known_extent(start: Index, extent: Index, around: Ranges) -> tuple[Index, Size] | None:
    most = most_turns((extent,), around)
    return None if most is None else (start, most)


def _span_of(
    index: Index, ranges: Ranges, around: Ranges, kept: Set[LoopVariable]
) -> tuple[Index, Size] | None:
    index = ranges.simplified(index)
    spans = []
    for least in _bounds(index, ranges, kept, greatest=False):
        for greatest in _bounds(index, ranges, kept, greatest=True):
            found = _with_known_extent(least, greatest - least + 1, around)
            if found is not None:
                spans.append(found)
    if not spans:
        return None
    extent = _least([extent for _, extent in spans])
    return next(span for span in spans if span[1] == extent)


def _least(sizes: list[Size]) -> Size:
    """Return the size that is proved to be at most each other; of several that are not compared,
    one without symbols, else the first."""
    best = sizes[0]
    for size in sizes[1:]:
        known_first = isinstance(size, int) and not isinstance(best, int)
        if is_never_negative(best - size) or (known_first and not is_never_negative(size - best)):
            best = size
    return best


def _bounds(
    index: Index, ranges: Ranges, kept: Set[LoopVariable], *, greatest: bool
) -> Iterator[Index]:
    """Yield indices of kept variables alone that an index is at most, or at least."""
    return itertools.islice(_all_bounds(index, ranges, kept, greatest), _MOST_BOUNDS)


def _all_bounds(
    index: Index, ranges: Ranges, kept: Set[LoopVariable], greatest: bool
) -> Iterator[Index]:
    inner = [atom for atom, _ in index.terms if not atom.variables <= kept]
    if not inner:
        yield index
        return
    depth = {variable: number for number, variable in enumerate(ranges.ends)}

    def order(atom: IndexAtom) -> int:
        return max(depth.get(variable, -1) for variable in atom.variables)

    atom = max(inner, key=order)
    factor = index.factor(atom)
    rest = index - index_of(atom) * factor
    if is_never_negative(factor):
        upwards = greatest
    elif is_never_negative(-factor):
        upwards = not greatest
    else:
        return
    for bound in _atom_bounds(atom, ranges, kept, upwards):
        yield from _all_bounds(rest + bound * factor, ranges, kept, greatest)


def _atom_bounds(
    atom: IndexAtom, ranges: Ranges, kept: Set[LoopVariable], greatest: bool
) -> Iterator[Index]:
    if isinstance(atom, LoopVariable):
        if not greatest:
            yield as_index(0)
        else:
            for end in ranges.ends.get(atom, ()):
                yield end - 1
        return
    if isinstance(atom, Quotient):
        for bound in _bounds(atom.dividend, ranges, kept, greatest=greatest):
            yield bound // atom.divisor
    elif greatest:
        yield as_index(atom.divisor - 1)
        if ranges.is_never_negative(atom.dividend):
            yield from _bounds(atom.dividend, ranges, kept, greatest=True)
    else:
        yield as_index(0)
