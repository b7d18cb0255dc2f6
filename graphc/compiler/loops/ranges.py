"""Ranges of loop variables, and what is proved of indices within them.

All questions about an index are asked here: is it always below a size, does a size divide it, by
how much does it move with a variable, which quotients and remainders are trivial. An answer is a
proof for all sizes of at least 1: "no" means that none was found.

    >>> outer, inner = LoopVariable("outer"), LoopVariable("inner")
    >>> index = variable("outer") * 16 + variable("inner")
    >>> tile = Ranges().within(outer, 10).within(inner, 16)
    >>> tile.is_below(index, 160), tile.is_below(index, 159)
    (True, False)
    >>> tile.simplified(index // 16)
    outer
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from graphc.compiler.graph.dim import (
    Dim,
    FloorQuotient,
    Size,
    Symbol,
    evaluate_at,
    exact_quotient,
    substitute,
    symbols,
)
from graphc.compiler.loops.index import (
    Index,
    IndexAtom,
    IndexLike,
    LoopVariable,
    Quotient,
    Remainder,
    as_index,
)

_MOST_STEPS = 400
"""Replacements that one proof tries: the proofs of the op table's kernels need fewer than 60."""

_TRIED = (1, 2, 3)
"""Values of all symbols at which a size is looked at before a proof is searched for."""


@dataclass(frozen=True)
class Ranges:
    """The ends of the variables, and the facts, at one place of a program.

    Attributes:
        ends: of each variable, from the outermost loop inwards, what it is below: each of these. A
            variable is at least 0. An end is made of variables ahead of its own.
        facts: indices that are at least 0 there: the conditions around.
    """

    ends: Mapping[LoopVariable, tuple[Index, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    facts: tuple[Index, ...] = ()
    _proved: dict[Index, bool] = field(default_factory=dict, init=False, repr=False, compare=False)
    _simple: dict[Index, Index] = field(default_factory=dict, init=False, repr=False, compare=False)
    # Answers: the statements of a body ask about the same indices.
    _inside: dict[object, Ranges] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    # By what they know beyond these: who comes to the same loops again finds the answers there.

    def within(self, variable: LoopVariable, *ends: IndexLike) -> Ranges:
        """Return the ranges inside of a loop whose variable is below each of `ends`."""
        key = variable, tuple(map(as_index, ends))
        found = self._inside.get(key)
        if found is None:
            inner = MappingProxyType({**self.ends, variable: key[1]})
            found = self._inside[key] = Ranges(inner, self.facts)
        return found

    def given(self, facts: Iterable[Index]) -> Ranges:
        """Return the ranges where these indices are at least 0 as well."""
        key = tuple(facts)
        if not key:
            return self
        found = self._inside.get(key)
        if found is None:
            found = self._inside[key] = Ranges(self.ends, (*self.facts, *key))
        return found

    # ---- questions ------------------------------------------------------------------------------

    def is_never_negative(self, index: IndexLike) -> bool:
        """Return True if an index is proved to be at least 0."""
        index = as_index(index)
        found = self._proved.get(index)
        if found is None:
            found = self._proved[index] = index in self.facts or _Proof(self).holds(index)
        return found

    def is_below(self, index: IndexLike, end: IndexLike) -> bool:
        """Return True if an index is proved to be less than `end`."""
        return self.is_never_negative(as_index(end).plus(as_index(index), -1, 1))

    def is_inside(self, coords: Iterable[IndexLike], shape: Iterable[Size]) -> bool:
        """Return True if coordinates are proved to be those of an element of a shape."""
        return all(
            self.is_never_negative(coord) and self.is_below(coord, size)
            for coord, size in zip(coords, shape, strict=True)
        )

    def divides(self, divisor: Size, index: IndexLike) -> bool:
        """Return True if an index is proved to be a multiple of a size of at least 1."""
        rest = self.simplified(as_index(index) % divisor)  # of at least 0
        return rest is as_index(0) or (bool(self.facts) and -rest in self.facts)

    def step(self, index: IndexLike, variable: LoopVariable) -> Size | None:
        """Return by how much an index moves where a variable moves by one: None if that is not the
        same everywhere."""
        index = self.simplified(as_index(index))
        if any(variable in atom.variables for atom, _ in index.terms if atom is not variable):
            return None
        return index.factor(variable)

    def is_contiguous(self, index: IndexLike, variable: LoopVariable) -> bool:
        """Return True if an index is proved to move by one where a variable does."""
        return self.step(index, variable) == 1

    def simplified(self, index: Index) -> Index:
        """Return an equal index without the quotients and remainders that the ranges settle."""
        if all(isinstance(atom, LoopVariable) for atom, _ in index.terms):
            return index
        found = self._simple.get(index)
        if found is None:
            found = index.with_terms(lambda atom, _: isinstance(atom, LoopVariable))
            for atom, factor in index.terms:
                if not isinstance(atom, LoopVariable):
                    found = found.plus(self._settled(atom), factor)
            self._simple[index] = found
        return found

    def reduced(self, index: Index) -> Index:
        """Return an index that is at least 0 where a given one is, without the terms that decide
        nothing: ``1649 - i`` for ``32980 - 20*i - j``, where ``0 < j <= 20``."""
        for whole, rest in _multiples(index):
            for quotient in _quotients(rest.constant, whole):
                left = rest - quotient * whole
                if self.is_never_negative(left) and self.is_below(left, whole):
                    return (index - rest) // whole + quotient
        return index

    def _settled(self, atom: Quotient | Remainder) -> Index:
        dividend, divisor = self.simplified(atom.dividend), atom.divisor
        made = dividend // divisor if isinstance(atom, Quotient) else dividend % divisor
        left = made.atom
        if left is None or isinstance(left, LoopVariable):
            return made if dividend is atom.dividend else self.simplified(made)
        dividend, divisor = left.dividend, left.divisor
        if self.is_never_negative(dividend) and self.is_below(dividend, divisor):
            return as_index(0) if isinstance(left, Quotient) else dividend
        # Terms that fill less than the divisor fall out: (16*outer + inner) // 32 = outer // 2.
        for whole, rest in _groups(dividend, divisor):
            common = exact_quotient(divisor, whole)
            if common is None or (rest.is_constant and rest.constant == 0):
                continue
            if self.is_never_negative(rest) and self.is_below(rest, whole):
                multiple = (dividend - rest) // whole
                if isinstance(left, Quotient):
                    return self.simplified(multiple // common)
                return self.simplified(multiple % common * whole + rest)
        return made


def _groups(dividend: Index, divisor: Size) -> Iterator[tuple[Size, Index]]:
    """Yield sizes that divide a divisor and some terms of a dividend, and the sum of the others."""
    for size in dict.fromkeys(factor for _, factor in dividend.terms):
        if size == 1 or exact_quotient(divisor, size) is None:
            continue
        if isinstance(size, int) and size < 0:
            continue
        rest = _not_multiple(dividend, size)
        if isinstance(size, int) and isinstance(rest.constant, int):
            rest = rest - rest.constant // size * size
        yield size, rest


def _not_multiple(index: Index, size: Size) -> Index:
    """Return the constant of an index, and its terms that a size does not divide."""
    return index.with_terms(lambda _, factor: exact_quotient(factor, size) is None)


def _multiples(index: Index) -> Iterator[tuple[Size, Index]]:
    """Yield sizes of more than 1 that divide some terms of an index, and the sum of the others."""
    for factor in dict.fromkeys(factor for _, factor in index.terms):
        size = factor if is_never_negative(factor) else -factor
        if size == 1 or not is_never_negative(size - 1):
            continue
        rest = _not_multiple(index, size)
        if not rest.is_constant:
            yield size, rest


def _quotients(size: Size, whole: Size) -> Iterator[Size]:
    """Yield what a size may be as a number of wholes, rounded down."""
    if isinstance(size, int) and isinstance(whole, int):
        yield size // whole
        return
    for beside in (0, 1):
        found = exact_quotient(size + beside, whole)
        if found is not None:
            yield found - beside


class _Proof:
    """A search for a proof that an index is at least 0: atoms are replaced by their bounds, the
    innermost first, until a size is left that is at least 0 for all symbols of at least 1."""

    def __init__(self, ranges: Ranges):
        self._ranges = ranges
        self._depth = {variable: k for k, variable in enumerate(ranges.ends)}
        self._left = _MOST_STEPS
        self._met: dict[Index, bool] = {}
        self._facts = list(dict.fromkeys(ranges.facts))  # those that this path has not used

    def holds(self, index: Index) -> bool:
        """Return True if the search succeeds."""
        found = self._met.get(index)
        if found is None:
            self._met[index] = False  # what leads back to itself proves nothing
            found = self._met[index] = self._search(index)
        return found

    def _search(self, index: Index) -> bool:
        if index.is_constant:
            if is_never_negative(index.constant):
                return True
        else:
            atom = max((atom for atom, _ in index.terms), key=self._order)
            for bounded in self._bounded(index, atom):
                self._left -= 1
                if self._left < 0:
                    return False
                if self.holds(bounded):
                    return True
        return any(self._holds_beside(index, fact) for fact in tuple(self._facts))

    def _holds_beside(self, index: Index, fact: Index) -> bool:
        """Return True if a multiple of a fact is at most the index: one that cancels a term."""
        self._left -= 1
        if self._left < 0:
            return False
        self._facts.remove(fact)  # else paths would not end
        found = any(
            self.holds(index.plus(fact, -times)) for times in _common_multiples(index, fact)
        )
        self._facts.append(fact)
        return found

    def _order(self, atom: IndexAtom) -> tuple[int, bool]:
        depth = max((self._depth.get(one, -1) for one in atom.variables), default=-1)
        return depth, not isinstance(atom, LoopVariable)

    def _bounded(self, index: Index, atom: IndexAtom) -> Iterator[Index]:
        """Yield indices without the atom: where one is at least 0, the index is."""
        factor = index.factor(atom)
        grows, shrinks = is_never_negative(factor), is_never_negative(-factor)
        if not isinstance(atom, Quotient) and grows:
            yield index.with_terms(lambda one, _: one is not atom)
        elif isinstance(atom, LoopVariable) and shrinks:
            for end in self._ranges.ends.get(atom, ()):
                yield index.plus(end, factor, -1, without=atom)
        elif isinstance(atom, Remainder) and shrinks:
            yield index.plus(as_index(atom.divisor), factor, -1, without=atom)
            if self.holds(atom.dividend):
                yield index.plus(atom.dividend, factor, without=atom)
        if not isinstance(atom, Quotient):
            return
        dividend, divisor = atom.dividend, atom.divisor
        rest = index.with_terms(lambda one, _: one is not atom)
        # f * q + rest >= 0 is q + rest // f >= 0, and q >= a is dividend >= a * divisor: exactly.
        if is_never_negative(factor - 1):
            yield (rest // factor) * divisor + dividend
        if grows and self.holds(dividend):
            yield rest
        if is_never_negative(-factor - 1):
            yield (rest // -factor) * divisor + (divisor - 1) - dividend


def _common_multiples(index: Index, fact: Index) -> Iterable[Size]:
    """Return how many times a fact cancels a term of an index."""
    pairs = [(index.factor(atom), factor) for atom, factor in fact.terms]
    if fact.is_constant:  # of sizes alone, such as n - 16
        pairs = list(itertools.product(_symbolic(index.constant), _symbolic(fact.constant)))
    found: dict[Size, None] = {}
    for whole, factor in pairs:
        times = exact_quotient(whole, factor)
        if times is not None and is_never_negative(times - 1):
            found[times] = None
    return found


def _symbolic(size: Size) -> list[Size]:
    """Return the terms of a size that have symbols."""
    if not isinstance(size, Dim):
        return []
    return [Dim(((monomial, number),)) for monomial, number in size.terms if monomial]


@functools.lru_cache(maxsize=4096)
def is_never_negative(size: Size) -> bool:
    """Return True if a size is proved to be at least 0 for all symbols of at least 1.

    With each symbol written as one more than a number of at least 0, a polynomial without negative
    factors is never negative. A floor quotient ``q = a // b`` of such sizes is at least 0, and
    ``q * b`` is between ``a - b + 1`` and ``a``. Most sizes that are negative somewhere are so
    where all symbols are small: those end ahead of the search.
    """
    if not isinstance(size, Dim):
        return size >= 0
    if any(_is_negative_at(size, value) for value in _TRIED):
        return False
    quotients = [
        atom for monomial, _ in size.terms for atom in monomial if isinstance(atom, FloorQuotient)
    ]
    if quotients:
        return any(map(is_never_negative, _without_quotient(size, quotients[0])))
    shifted: dict[Symbol, Size] = {one: Dim((((one,), 1),)) + 1 for one in symbols(size)}
    moved = substitute(size, shifted)
    return all(factor >= 0 for _, factor in moved.terms) if isinstance(moved, Dim) else moved >= 0


def _is_negative_at(size: Size, value: int) -> bool:
    """Return True if a size is negative where all symbols have a value; False where it divides by
    zero there."""
    try:
        return evaluate_at(size, value) < 0
    except ZeroDivisionError:
        return False


def _without_quotient(size: Dim, quotient: FloorQuotient) -> Iterator[Size]:
    """Yield sizes without a quotient: where one is at least 0, the size is."""
    numerator, denominator = quotient.numerator, quotient.denominator
    alone = Dim((((quotient,), 1),))
    factor: Size = 0
    rest: Size = 0
    for monomial, number in size.terms:
        part = Dim(((monomial, number),)) if monomial else number
        if quotient not in monomial:
            rest = rest + part
            continue
        left = exact_quotient(part, alone)
        if left is None or quotient in [x for m, _ in getattr(left, "terms", ()) for x in m]:
            return
        factor = factor + left
    if not is_never_negative(denominator - 1):
        return
    if is_never_negative(factor):
        if is_never_negative(numerator):
            yield rest
        share = exact_quotient(rest, factor) if is_never_negative(factor - 1) else None
        if share is not None:  # q >= -share is numerator >= -share * denominator: exactly
            yield numerator + share * denominator
        yield rest * denominator + factor * (numerator - denominator + 1)
    elif is_never_negative(-factor):
        share = exact_quotient(rest, -factor) if is_never_negative(-factor - 1) else None
        if share is not None:  # q <= share is numerator < (share + 1) * denominator
            yield (share + 1) * denominator - 1 - numerator
        yield rest * denominator + factor * numerator
