"""Footprints: the elements of a buffer that the turns of loops touch, as boxes.

A box is a set of coordinates along each axis; `Region` is the union of those of several accesses.
Counts are exact where the coordinates are sums of loop variables times constants, each variable in
one coordinate; else they are upper bounds, and say so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from graphc.compiler.graph.dim import Shape, Size, exact_quotient, floor_divide, product
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.domain import Dimension, IterationDomain, Space
from graphc.compiler.loops.index import (
    Index,
    IndexAtom,
    LoopVariable,
    Remainder,
    as_index,
    index_of,
)
from graphc.compiler.loops.ranges import is_never_negative

Multiples = tuple[tuple[Size, Size], ...]
"""Steps, each with a count: the numbers that are a sum of ``k * step`` with ``0 <= k < count``. No
number is two of these sums; the steps grow."""


@dataclass(frozen=True)
class AxisSet:
    """Numbers along an axis.

    Attributes:
        start: the least; fixed variables may be in it.
        multiples: what is added to it.
        forms: the dimensions of the domain that it moves with.
        is_exact: False if some of the numbers may not be met.
    """

    start: Index
    multiples: Multiples
    forms: frozenset[Index] = frozenset()
    is_exact: bool = True

    @property
    def count(self) -> Size:
        """Their number."""
        return product(count for _, count in self.multiples)

    @property
    def span(self) -> Size:
        """The distance from the least to the greatest."""
        return _span(self.multiples)


@dataclass(frozen=True)
class Elements:
    """The elements whose coordinates are in a set for each axis."""

    axes: tuple[AxisSet, ...]
    is_exact: bool = True

    @property
    def count(self) -> Size:
        """The number of elements; an upper bound unless it is exact."""
        return product(axis.count for axis in self.axes)


@dataclass(frozen=True)
class Region:
    """The elements in at least one of several boxes.

    Attributes:
        boxes: without those that lie in another one, and joined where that gives a box.
        is_exact: True if they are exact and no element is in two of them.
    """

    parts: tuple[Elements, ...]
    is_exact: bool

    @property
    def count(self) -> Size:
        """The number of elements; an upper bound unless it is exact."""
        total: Size = 0
        for box in self.parts:
            total = total + box.count
        return total

    def extents(self, shape: Shape) -> Shape:
        """Return how many coordinates it has along each axis of a buffer's shape."""
        found = []
        for axis, extent in enumerate(shape):
            along = union_of(Elements((box.axes[axis],)) for box in self.parts).count
            found.append(extent if is_never_negative(along - extent) else along)
        return tuple(found)


# ---- one access ---------------------------------------------------------------------------------


def elements_of(
    shape: Shape, coords: Sequence[Index], domain: IterationDomain, fixed: int
) -> Elements:
    """Return the elements of an array of a shape that an access touches, for one turn of each of
    the outermost `fixed` loops of its domain."""
    space = domain.space(fixed)
    tests = list(space.tests)
    axes = []
    is_exact = space.is_exact
    used: frozenset[Index] = frozenset()
    for extent, coord in zip(shape, coords, strict=True):
        axis = _numbers(coord, domain, fixed)
        axis = (
            AxisSet(as_index(0), _normal([(1, extent)]), is_exact=False) if axis is None else axis
        )
        axis = _clipped(axis, coord, extent, tests)
        is_exact = is_exact and axis.is_exact and used.isdisjoint(axis.forms)
        used |= axis.forms
        axes.append(axis)
    return Elements(tuple(axes), is_exact and not tests)


def _clipped(axis: AxisSet, coord: Index, extent: Size, tests: list[Index]) -> AxisSet:
    """Return the numbers that are inside of an array, if conditions say that they are: these are
    taken out of `tests`."""
    if not axis.start.is_constant or [step for step, _ in axis.multiples] not in ([], [1]):
        return axis
    start, end = axis.start.constant, axis.start.constant + axis.count
    settled = []
    if coord in tests and (is_never_negative(start) or is_never_negative(-start)):
        start = start if is_never_negative(start) else 0
        settled.append(coord)
    below = as_index(extent - 1) - coord
    if below in tests and (is_never_negative(end - extent) or is_never_negative(extent - end)):
        end = extent if is_never_negative(end - extent) else end
        settled.append(below)
    if not axis.is_exact:
        end = extent if is_never_negative(end - extent) else end
    if not is_never_negative(end - start):
        return replace(axis, is_exact=False)
    for test in settled:
        tests.remove(test)
    return replace(axis, start=as_index(start), multiples=_normal([(1, end - start)]))


def _numbers(index: Index, domain: IterationDomain, fixed: int) -> AxisSet | None:
    """Return the values of an index; None if nothing is known of them."""
    space = domain.space(fixed)
    start = as_index(index.constant)
    multiples: list[tuple[Size, Size]] = []
    forms: frozenset[Index] = frozenset()
    is_exact = True
    rest = index - index.constant
    terms: list[tuple[AxisSet, Size]] = []
    for dimension in space.dimensions:
        for values, factor, part in _along(rest, dimension, domain):
            terms.append((values, factor))
            rest = rest - part
    for atom, factor in rest.terms:
        values_of_atom = _values(atom, domain, fixed, space)
        if values_of_atom is None:
            return None
        terms.append((values_of_atom, factor))
    for values, factor in terms:
        if is_never_negative(factor):
            start = start + values.start * factor
            multiples += [(step * factor, count) for step, count in values.multiples]
        elif is_never_negative(-factor):
            start = start + (values.start + values.span) * factor
            multiples += [(step * -factor, count) for step, count in values.multiples]
        else:
            return None
        is_exact = is_exact and values.is_exact and forms.isdisjoint(values.forms)
        forms |= values.forms
    found = _combined(multiples)
    if found is None:
        span = _span(multiples)
        return AxisSet(start, _normal([(1, span + 1)]), forms, False)
    return AxisSet(start, found, forms, is_exact)


def _along(
    index: Index, dimension: Dimension, domain: IterationDomain
) -> Iterable[tuple[AxisSet, Size, Index]]:
    """Yield the parts of an index that move with a dimension: the values of each, the factor that
    it has, and the part."""
    form = dimension.form
    used = [(atom, width) for atom, width in form.terms if index.factor(atom) != 0]
    if not used:
        return
    forms = frozenset((form,))
    unit, least = used[0]
    for atom, width in used:
        if exact_quotient(least, width) is not None:
            unit, least = atom, width
    factor = index.factor(unit)
    # A sum of the outer ones of its variables, 16*outer + middle of 128*outer + 8*middle + inner,
    # is the quotient of the form by the width of the least.
    part = as_index(0)
    for atom, width in form.terms:
        times = exact_quotient(width, least)
        if times is not None:
            part = part + index_of(atom) * times
        elif exact_quotient(least, width) is None:
            part = as_index(0)
            break
    if all(index.factor(atom) == times * factor for atom, times in part.terms) and (
        len(part.terms) == len(used)
    ):
        first = floor_divide(dimension.start, least)
        last = floor_divide(dimension.start + dimension.count - 1, least)
        values = AxisSet(as_index(first), _normal([(1, last - first + 1)]), forms)
        yield values, factor, part * factor
        return
    for atom, _ in used:
        most = domain.most(index_of(atom))
        assert most is not None
        alone = index_of(atom) * index.factor(atom)
        yield (
            AxisSet(as_index(0), _normal([(1, most + 1)]), forms, False),
            index.factor(atom),
            alone,
        )


def _values(atom: IndexAtom, domain: IterationDomain, fixed: int, space: Space) -> AxisSet | None:
    """Return the values of an atom that is no variable of a loop that moves."""
    if space.variables.isdisjoint(atom.variables):
        return AxisSet(index_of(atom), ())
    if isinstance(atom, LoopVariable):
        outside = domain.others[atom]
        around = outside.domain.space(fixed)
        count, end = around.points, outside.end
        if end is None:
            return None
        count = end if is_never_negative(count - end) else count
        forms = frozenset(one.form for one in around.dimensions)
        return AxisSet(as_index(0), _normal([(1, count)]), forms, False)
    dividend = _numbers(atom.dividend, domain, fixed)
    if dividend is None:
        return None
    divisor, start, span = atom.divisor, dividend.start, dividend.span
    steps = [step for step, _ in dividend.multiples]
    is_dense = len(steps) <= 1 and all(is_never_negative(divisor - step) for step in steps)
    if isinstance(atom, Remainder):
        fills = steps in ([], [1]) and is_never_negative(dividend.count - divisor)
        count = dividend.count if is_never_negative(divisor - dividend.count) else divisor
        exact = dividend.is_exact and fills
        return AxisSet(as_index(0), _normal([(1, count)]), dividend.forms, exact)
    first = start // divisor
    if start.is_constant:
        count = floor_divide(start.constant + span, divisor) - first.constant + 1
        exact = dividend.is_exact and is_dense
        return AxisSet(first, _normal([(1, count)]), dividend.forms, exact)
    most = floor_divide(span + (divisor - 1), divisor) + 1
    return AxisSet(first, _normal([(1, most)]), dividend.forms, False)


# ---- sums of multiples --------------------------------------------------------------------------


def _normal(multiples: Iterable[tuple[Size, Size]]) -> Multiples:
    return tuple((step, count) for step, count in multiples if count != 1)


def _span(multiples: Iterable[tuple[Size, Size]]) -> Size:
    total: Size = 0
    for step, count in multiples:
        total = total + step * (count - 1)
    return total


def _combined(multiples: Iterable[tuple[Size, Size]]) -> Multiples | None:
    """Return sums of multiples as sums that are all different; None if that is not proved."""
    left = list(_normal(multiples))
    found: list[tuple[Size, Size]] = []
    while left:
        least = left[0]
        for one in left:
            if is_never_negative(least[0] - one[0]):
                least = one
        left.remove(least)
        step, count = least
        if not found:
            found.append(least)
            continue
        last_step, last_count = found[-1]
        times = exact_quotient(step, last_step)
        if times is not None and is_never_negative(last_count - times):
            # Steps of several numbers that overlap or follow each other: one longer run.
            found[-1] = (last_step, last_count + times * (count - 1))
        elif is_never_negative(step - _span(found) - 1):
            found.append(least)
        else:
            return None
    return tuple(found)


# ---- unions -------------------------------------------------------------------------------------


def union_of(boxes: Iterable[Elements]) -> Region:
    """Return the elements in at least one of the boxes."""
    kept: list[Elements] = []
    is_exact = True
    waiting = list(dict.fromkeys(boxes))
    while waiting:
        box = waiting.pop(0)
        for other in kept:
            if _contains(other, box):
                break
            if _contains(box, other):
                kept.remove(other)
                waiting.insert(0, box)
                break
            joined = _joined(box, other)
            if joined is not None:
                kept.remove(other)
                waiting.insert(0, joined)
                break
        else:
            kept.append(box)
    for place, box in enumerate(kept):
        is_exact = is_exact and box.is_exact
        is_exact = is_exact and all(_are_disjoint(box, other) for other in kept[:place])
    return Region(tuple(kept), is_exact)


def _difference(left: AxisSet, right: AxisSet) -> Size | None:
    """Return by how much the least number of one is above that of another, if that is known."""
    difference = left.start - right.start
    return difference.constant if difference.is_constant else None


def _is_run(axis: AxisSet) -> bool:
    """Return True if it is one number or a run with one step."""
    return len(axis.multiples) <= 1


def _step(axis: AxisSet) -> Size | None:
    return axis.multiples[0][0] if axis.multiples else None


def _has(axis: AxisSet, other: AxisSet) -> bool:
    """Return True if all numbers of `other` are among those of `axis`."""
    difference = _difference(other, axis)
    if difference is None:
        return False
    if difference == 0 and axis.multiples == other.multiples:
        return True
    return (
        _is_run(axis)
        and _step(axis) == 1
        and is_never_negative(difference)
        and is_never_negative(axis.span - difference - other.span)
    )


def _contains(box: Elements, other: Elements) -> bool:
    return all(_has(a, b) for a, b in zip(box.axes, other.axes, strict=True))


def _joined(box: Elements, other: Elements) -> Elements | None:
    """Return the union of two boxes that differ along one axis, if it is a box."""
    differing = [
        k
        for k, (a, b) in enumerate(zip(box.axes, other.axes, strict=True))
        if _difference(a, b) != 0 or a.multiples != b.multiples
    ]
    if len(differing) != 1:
        return None
    (k,) = differing
    joined = _joined_runs(box.axes[k], other.axes[k])
    if joined is None:
        return None
    is_exact = box.is_exact and other.is_exact
    return Elements((*box.axes[:k], joined, *box.axes[k + 1 :]), is_exact)


def _joined_runs(left: AxisSet, right: AxisSet) -> AxisSet | None:
    """Return the union of two runs that overlap or follow each other."""
    difference = _difference(right, left)
    if difference is None or not (_is_run(left) and _is_run(right)):
        return None
    if not is_never_negative(difference):
        left, right, difference = right, left, -difference
        if not is_never_negative(difference):
            return None
    steps = {step for step, _ in (*left.multiples, *right.multiples)}
    if len(steps) > 1:
        return None
    step = steps.pop() if steps else 1
    times = exact_quotient(difference, step)
    if times is None or not is_never_negative(left.count - times):
        return None
    count = times + right.count
    if not is_never_negative(count - left.count):
        return None
    forms = left.forms | right.forms
    exact = left.is_exact and right.is_exact
    return AxisSet(left.start, _normal([(step, count)]), forms, exact)


def _are_disjoint(box: Elements, other: Elements) -> bool:
    """Return True if no element is proved to be in both."""
    for a, b in zip(box.axes, other.axes, strict=True):
        difference = _difference(b, a)
        if difference is None:
            continue
        if is_never_negative(difference - a.span - 1) or is_never_negative(
            -difference - b.span - 1
        ):
            return True
        common = {step for step, _ in (*a.multiples, *b.multiples)}
        if common and all(isinstance(step, int) for step in common):
            divisor = math.gcd(*common)
            if isinstance(difference, int) and difference % divisor:
                return True
    return False


def whole(buffer: Buffer) -> Elements:
    """Return all elements of a buffer."""
    return Elements(tuple(AxisSet(as_index(0), _normal([(1, extent)])) for extent in buffer.shape))
