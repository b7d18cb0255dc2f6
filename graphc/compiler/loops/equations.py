"""Equations: whether several indices can be 0 at once, as they are where two elements are one.

    32*step + lane - 32*step' - lane' = 0, where lane and lane' are below 32
    x' // 6 - x // 6 = 0 and x' % 6 - x % 6 = 0

The first one has no solution in which a step is later, as the lanes differ by less than 32. The
others have none where x' is more than x: a quotient and a remainder say what their dividend is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from graphc.compiler.graph.dim import Dim, Size, Symbol, symbols
from graphc.compiler.loops.access import sizes_in
from graphc.compiler.loops.index import (
    Index,
    LoopVariable,
    Quotient,
    Remainder,
    as_index,
    index_of,
)
from graphc.compiler.loops.ranges import Ranges


def have_common_zero(equations: Sequence[Index], ranges: Ranges) -> bool | None:
    """Return False if indices are proved never to be 0 all at once, True if a point was found where
    they are, else None."""
    found = _by_substitution(equations, ranges)
    if found is None and any(is_never_zero(one, ranges) for one in _implied(equations, ranges)):
        return False
    return found


def _by_substitution(given: Sequence[Index], ranges: Ranges) -> bool | None:
    equations = list(given)
    while True:
        points = _points(ranges, equations)
        if any(all(one.evaluate(*point) == 0 for one in equations) for point in points):
            return True
        if any(is_never_zero(equation, ranges, points) for equation in equations):
            return False
        solution = next(filter(None, map(_solved, equations)), None)
        if solution is None or len(equations) == 1:
            return None
        variable, value = solution
        equations = [one.substitute({variable: value}) for one in equations]
        equations = [one for one in dict.fromkeys(equations) if one is not as_index(0)]
        ranges = _without(ranges, variable, value)
        if not equations:
            return None


def _implied(equations: Sequence[Index], ranges: Ranges) -> Iterator[Index]:
    """Yield further indices that are 0 where all of these are: their parts; and dividends, where a
    quotient and a remainder are two parts."""
    parts = [part for equation in equations for part in _parts_of_zero(equation, ranges)]
    yield from parts
    yield from _dividends_of_both(parts)
    known = [one for part in parts for one in (part, -part)]
    left = [one for one in parts if _divisor_of_all(one) is not None]
    while left:  # the dividend of a remainder may be the quotient of another one
        found = {one: _dividends(one, known, ranges) for one in left}
        left = [one for one in left if found[one] is None]
        dividends = [one for one in found.values() if one is not None]
        if not dividends:
            return
        yield from dividends
        known += [one for part in dividends for one in (part, -part)]


def _dividends_of_both(indices: Sequence[Index]) -> Iterator[Index]:
    """Yield dividends that are 0 where indices are: one with the remainders, one the quotients."""
    for one in indices:
        for divisor in {atom.divisor for atom, _ in one.terms if isinstance(atom, Remainder)}:
            for other, sign in itertools.product(indices, (1, -1)):
                joined = one + other * divisor * sign
                if all(isinstance(atom, LoopVariable) for atom, _ in joined.terms):
                    yield joined


def _dividends(index: Index, known: Iterable[Index], ranges: Ranges) -> Index | None:
    """Return the sum of the dividends of remainders whose sum is 0, less what makes it 0 where some
    other sum is: that of the quotients, but for variables; None if no other is."""
    quotients, divisor = _quotients(index, ranges), _divisor_of_all(index)
    assert divisor is not None
    for one in known:
        further = quotients - one
        if not _is_divided(further):
            whole = sum((x.dividend * times for x, times in _remainders(index)), as_index(0))
            return whole - further * divisor
    return None


def _is_divided(index: Index) -> bool:
    return any(not isinstance(atom, LoopVariable) for atom, _ in index.terms)


def _remainders(index: Index) -> list[tuple[Remainder, Size]]:
    return [(atom, times) for atom, times in index.terms if isinstance(atom, Remainder)]


def _divisor_of_all(index: Index) -> Size | None:
    """Return the divisor of the remainders that an index is a sum of; None if it has other terms,
    or several divisors."""
    divisors = {atom.divisor for atom, _ in _remainders(index)}
    is_sum = len(_remainders(index)) == len(index.terms) and index.constant == 0
    return divisors.pop() if is_sum and len(divisors) == 1 else None


def _quotients(index: Index, ranges: Ranges) -> Index:
    """Return a sum of remainders with the quotients in their places."""
    found = as_index(0)
    for atom, times in _remainders(index):
        dividend, divisor = atom.dividend, atom.divisor
        for one, factor in dividend.terms:
            if isinstance(one, Quotient) and factor == 1:  # n + a // d = (n*d + a) // d
                dividend = (dividend - index_of(one)) * one.divisor + one.dividend
                divisor = divisor * one.divisor
                break
        found = found.plus(ranges.simplified(dividend // divisor), times)
    return found


_Point: TypeAlias = tuple[dict[LoopVariable, int], dict[Symbol, int]]

_POINT_SIZE = 40
"""Each symbol's value at the points that are tried: loops of a tile have several turns."""

_POINT_SHARES = ((0, 0), (1, 1), (0, 1), (1, 0), (0.5, 0), (0, 0.5))
"""By point, how far within their ranges the variables are: the first, third, ... and the others."""


def _points(ranges: Ranges, indices: list[Index]) -> list[_Point]:
    """Return values of variables and symbols that ranges allow. Where one is a counterexample, a
    proof need not be searched for."""
    known = [*indices, *ranges.facts, *itertools.chain(*ranges.ends.values())]
    bindings = dict.fromkeys(
        (one for index in known for size in sizes_in(index) for one in symbols(size)), _POINT_SIZE
    )
    unknown = dict.fromkeys((one for index in known for one in index.variables), 0)
    found = []
    for shares in _POINT_SHARES:
        values = dict(unknown)
        for number, (variable, ends) in enumerate(ranges.ends.items()):
            last = min((end.evaluate(values, bindings) for end in ends), default=1) - 1
            if last < 0:
                break
            values[variable] = int(shares[number % 2] * last)
        else:
            if all(fact.evaluate(values, bindings) >= 0 for fact in ranges.facts):
                found.append((values, bindings))
    return found


def is_never_zero(index: Index, ranges: Ranges, points: Iterable[_Point] = ()) -> bool:
    """Return True if an index is proved never to be 0; `points` are some that ranges allow."""
    signs = {(value > 0) - (value < 0) for value in (index.evaluate(*one) for one in points)}
    return (
        _has_other_remainder(index)
        or (signs <= {1} and ranges.is_never_negative(index - 1))
        or (signs <= {-1} and ranges.is_never_negative(-index - 1))
        or (0 not in signs and _is_between_multiples(index, ranges))
    )


def _is_between_multiples(index: Index, ranges: Ranges) -> bool:
    """Return True if a number divides some terms of an index, and the sum of the others is proved
    to lie between two of its multiples: ``32*turn + lane``, where ``0 < lane < 32``."""
    for divisor in {abs(factor) for _, factor in index.terms if isinstance(factor, int)} - {1}:
        rest = _not_multiple(index, divisor)
        for one in (rest, -rest):
            if ranges.is_never_negative(one - 1) and ranges.is_below(one, divisor):
                return True
    return False


def _parts_of_zero(index: Index, ranges: Ranges) -> Iterator[Index]:
    """Yield indices that are 0 where one is: ``a`` and ``b`` of ``75*a + b``, where b is proved to
    be more than -75 and less than 75."""
    for divisor in sorted({abs(factor) for _, factor in index.terms if isinstance(factor, int)}):
        if divisor == 1 or any(number % divisor for number in _numbers(index.constant)):
            continue
        rest = _not_multiple(index, divisor) - index.constant
        if not rest.terms:
            yield from _parts_of_zero(index // divisor, ranges)
            return
        if all(ranges.is_below(one, divisor) for one in (rest, -rest)):
            yield from _parts_of_zero((index - rest) // divisor, ranges)
            yield from _parts_of_zero(rest, ranges)
            return
    yield index


def _not_multiple(index: Index, divisor: int) -> Index:
    """Return the constant of an index, and its terms that a number does not divide."""
    return index.with_terms(lambda _, factor: any(one % divisor for one in _numbers(factor)))


def _has_other_remainder(index: Index) -> bool:
    """Return True if a number divides all that varies in an index, but not the index: the test by
    the greatest common divisor."""
    divisor = 0
    for _, factor in index.terms:
        divisor = math.gcd(divisor, *_numbers(factor))
    if divisor <= 1:
        return False
    constant = index.constant
    alone = constant if isinstance(constant, int) else dict(constant.terms).get((), 0)
    rest = constant - alone
    return alone % divisor != 0 and all(number % divisor == 0 for number in _numbers(rest))


def _numbers(size: Size) -> list[int]:
    return [number for _, number in size.terms] if isinstance(size, Dim) else [size]


def _solved(equation: Index) -> tuple[LoopVariable, Index] | None:
    """Return a variable and the value that makes an index 0, if the variable is a term of it."""
    for atom, factor in equation.terms:
        if not isinstance(atom, LoopVariable) or factor not in (1, -1):
            continue
        rest = equation - index_of(atom) * factor
        if atom not in rest.variables:
            return atom, rest * -factor
    return None


def _without(ranges: Ranges, variable: LoopVariable, value: Index) -> Ranges:
    """Return the ranges with a variable replaced by its value, which has its range."""
    changed = {variable: value}
    found = Ranges()
    for one, ends in ranges.ends.items():
        if one is not variable:
            found = found.within(one, *(end.substitute(changed) for end in ends))
    known = [value, *(end - 1 - value for end in ranges.ends.get(variable, ()))]
    return found.given([*(fact.substitute(changed) for fact in ranges.facts), *known])
