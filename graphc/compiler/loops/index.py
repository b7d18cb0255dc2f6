"""Index expressions: sums of loop variables times sizes, with quotients and remainders by sizes.

An `Index` is an integer that depends on loop variables. It is kept in a normal form, so that equal
indices are one object: a constant, and terms, each an atom times a `Size`. An atom is a
`LoopVariable`, or the floor `Quotient` or the `Remainder` of an index by a size of at least 1. The
operators apply the identities that hold for all integers; `graphc.compiler.loops.ranges` knows
the loops around, and decides what holds within them.

    >>> row, column = variable("row"), variable("column")
    >>> place = row * 10 + column
    >>> place, place // 10, place % 10
    (10*row + column, row + column // 10, column % 10)
    >>> place // 10 * 10 + place % 10 is place
    True
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, Union

from graphc.compiler.graph.dim import (
    Dim,
    Size,
    Symbol,
    evaluate,
    exact_quotient,
    sort_key,
)
from graphc.compiler.loops.interned import Interned

IndexLike: TypeAlias = Union["Index", Size]
"""An index, or a size in the place of one."""


@dataclass(frozen=True, eq=False)
class LoopVariable(metaclass=Interned):
    """An integer that a statement binds: the counter of a `For`, or the result of a `Check`. No
    other statement of the program binds one of the same name."""

    name: str

    @functools.cached_property
    def sort_key(self) -> tuple[Any, ...]:
        return (0, self.name)

    @property
    def variables(self) -> frozenset[LoopVariable]:
        """The variables in it."""
        return frozenset((self,))

    def evaluate(
        self, variables: Mapping[LoopVariable, int], sizes: Mapping[Symbol, int] = {}
    ) -> int:
        """Return its value."""
        return variables[self]

    def substitute(self, replacements: Mapping[LoopVariable, IndexLike]) -> Index:
        """Return it with variables replaced, as an index."""
        return as_index(replacements[self]) if self in replacements else index_of(self)

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__


@dataclass(frozen=True, eq=False)
class _Division(metaclass=Interned):
    """An atom made of an index and a size of at least 1 that divides it. Made by `Index`."""

    dividend: Index
    divisor: Size

    @functools.cached_property
    def sort_key(self) -> tuple[Any, ...]:
        name = type(self).__name__
        return (1, name, self.dividend.sort_key, sort_key(self.divisor))

    @property
    def variables(self) -> frozenset[LoopVariable]:
        """The variables in it."""
        return self.dividend.variables


@dataclass(frozen=True, eq=False)
class Quotient(_Division):
    """The atom ``floor(dividend / divisor)``."""

    def evaluate(
        self, variables: Mapping[LoopVariable, int], sizes: Mapping[Symbol, int] = {}
    ) -> int:
        """Return its value."""
        return self.dividend.evaluate(variables, sizes) // evaluate(self.divisor, sizes)

    def substitute(self, replacements: Mapping[LoopVariable, IndexLike]) -> Index:
        """Return it with variables replaced, as an index."""
        return self.dividend.substitute(replacements) // self.divisor

    def __str__(self) -> str:
        return f"{_factor(self.dividend)} // {_size(self.divisor)}"

    __repr__ = __str__


@dataclass(frozen=True, eq=False)
class Remainder(_Division):
    """The atom ``dividend - divisor * floor(dividend / divisor)``, from 0 to ``divisor - 1``."""

    @functools.cached_property
    def quotient(self) -> Index:
        """The floor quotient that it is the remainder of."""
        return self.dividend // self.divisor

    def evaluate(
        self, variables: Mapping[LoopVariable, int], sizes: Mapping[Symbol, int] = {}
    ) -> int:
        """Return its value."""
        return self.dividend.evaluate(variables, sizes) % evaluate(self.divisor, sizes)

    def substitute(self, replacements: Mapping[LoopVariable, IndexLike]) -> Index:
        """Return it with variables replaced, as an index."""
        return self.dividend.substitute(replacements) % self.divisor

    def __str__(self) -> str:
        return f"{_factor(self.dividend)} % {_size(self.divisor)}"

    __repr__ = __str__


IndexAtom: TypeAlias = LoopVariable | Quotient | Remainder


@dataclass(frozen=True, eq=False)
class Index(metaclass=Interned):
    """An integer as ``constant + sum of size * atom``, in normal form.

    Made by `variable`, `as_index` and arithmetic, never directly.

    Attributes:
        terms: each atom with what it is multiplied by, which is not 0, in a fixed order.
        constant: what is added.
    """

    terms: tuple[tuple[IndexAtom, Size], ...]
    constant: Size

    @functools.cached_property
    def sort_key(self) -> tuple[Any, ...]:
        """A key that orders indices the same way in each process."""
        terms = tuple((atom.sort_key, sort_key(factor)) for atom, factor in self.terms)
        return (terms, sort_key(self.constant))

    @functools.cached_property
    def variables(self) -> frozenset[LoopVariable]:
        """The variables in it."""
        return frozenset().union(*(atom.variables for atom, _ in self.terms))

    @property
    def is_constant(self) -> bool:
        """True if it depends on no variable."""
        return not self.terms

    @property
    def atom(self) -> IndexAtom | None:
        """The atom that it is, if it is nothing else."""
        if len(self.terms) == 1 and self.constant == 0 and self.terms[0][1] == 1:
            return self.terms[0][0]
        return None

    def factor(self, atom: IndexAtom) -> Size:
        """Return what an atom is multiplied by; 0 if it is no term."""
        return next((factor for one, factor in self.terms if one is atom), 0)

    def with_terms(self, is_kept: Callable[[IndexAtom, Size], bool]) -> Index:
        """Return the constant and those terms, each an atom and its factor, that are kept."""
        terms = {atom: factor for atom, factor in self.terms if is_kept(atom, factor)}
        return self if len(terms) == len(self.terms) else _normal(terms, self.constant)

    def plus(
        self, other: Index, factor: Size, constant: Size = 0, without: IndexAtom | None = None
    ) -> Index:
        """Return ``self + (other + constant) * factor``, without the own term of an atom."""
        terms = {atom: times for atom, times in self.terms if atom is not without}
        for atom, times in other.terms:
            terms[atom] = terms.get(atom, 0) + times * factor
        return _normal(terms, self.constant + (other.constant + constant) * factor)

    def evaluate(
        self, variables: Mapping[LoopVariable, int], sizes: Mapping[Symbol, int] = {}
    ) -> int:
        """Return its value, given that of each variable and symbol. KeyError names one missing."""
        total = evaluate(self.constant, sizes)
        for atom, factor in self.terms:
            total += evaluate(factor, sizes) * atom.evaluate(variables, sizes)
        return total

    def substitute(self, replacements: Mapping[LoopVariable, IndexLike]) -> Index:
        """Return it with variables replaced."""
        if self.variables.isdisjoint(replacements):
            return self
        terms: dict[IndexAtom, Size] = {}
        constant = self.constant
        for atom, factor in self.terms:
            if atom.variables.isdisjoint(replacements):
                terms[atom] = terms.get(atom, 0) + factor
                continue
            other = atom.substitute(replacements)
            for one, times in other.terms:
                terms[one] = terms.get(one, 0) + times * factor
            constant = constant + other.constant * factor
        return _normal(terms, constant)

    def __add__(self, other: IndexLike) -> Index:
        other = as_index(other)
        if not other.terms and other.constant == 0:
            return self
        terms = dict(self.terms)
        for atom, factor in other.terms:
            terms[atom] = terms.get(atom, 0) + factor
        return _normal(terms, self.constant + other.constant)

    __radd__ = __add__

    def __neg__(self) -> Index:
        return self * -1

    def __sub__(self, other: IndexLike) -> Index:
        other = as_index(other)
        if other.is_constant and other.constant == 0:
            return self
        terms = dict(self.terms)
        for atom, factor in other.terms:
            terms[atom] = terms.get(atom, 0) - factor
        return _normal(terms, self.constant - other.constant)

    def __rsub__(self, other: IndexLike) -> Index:
        return as_index(other) - self

    def __mul__(self, other: Size) -> Index:
        if not isinstance(other, Dim) and other == 1:
            return self
        terms = {atom: factor * other for atom, factor in self.terms}
        return _normal(terms, self.constant * other)

    __rmul__ = __mul__

    def __floordiv__(self, divisor: Size) -> Index:
        """Divide by a size of at least 1, rounding down."""
        return _quotient(self, divisor)

    def __mod__(self, divisor: Size) -> Index:
        """Return the remainder by a size of at least 1, which is never negative."""
        return _remainder(self, divisor)

    def __str__(self) -> str:
        # The largest stride first, a positive part ahead of all others: n - 1 - i.
        terms = sorted(self.terms, key=lambda term: _stride_key(term[1]))
        parts = [_term(atom, factor) for atom, factor in terms]
        if self.constant != 0 or not parts:
            parts.append(str(self.constant))
        first = next((k for k, part in enumerate(parts) if not part.startswith("-")), 0)
        text = parts.pop(first)
        for part in parts:
            text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
        return text

    __repr__ = __str__


def index_of(atom: IndexAtom) -> Index:
    """Return an atom as an index."""
    return Index(((atom, 1),), 0)


def variable(name: str) -> Index:
    """Return the index that is the variable of this name."""
    return index_of(LoopVariable(name))


def as_index(value: IndexLike) -> Index:
    """Return a size as an index; an index as it is."""
    if isinstance(value, Index):
        return value
    known = _NUMBERS.get(value) if type(value) is int else None
    return Index((), value) if known is None else known


_NUMBERS = {number: Index((), number) for number in range(-1, 9)}
"""Indices that are numbers, of which a program has many."""


def with_name(index: Index, part: Index, name: LoopVariable) -> Index:
    """Return an index in which a variable stands for a part: for some terms of it, or of what is
    divided in it, or for a multiple of these. What a quotient leaves, and its own quotients, are
    made of its name."""
    if part.is_constant or not part.variables <= index.variables:
        return index
    first, factor = part.terms[0]
    times = exact_quotient(index.factor(first), factor)
    times = 0 if times is None else times
    if all(index.factor(atom) == factor * times for atom, factor in part.terms):
        index = index.plus(part, -times).plus(index_of(name), times)
    found = index.with_terms(lambda atom, _: isinstance(atom, LoopVariable))
    for atom, factor in index.terms:
        if not isinstance(atom, LoopVariable):
            found = found.plus(_with_name_inside(atom, part, name), factor)
    return found


def _with_name_inside(atom: Quotient | Remainder, part: Index, name: LoopVariable) -> Index:
    named, dividend, divisor = part.atom, atom.dividend, atom.divisor
    if isinstance(named, Quotient) and named.dividend is dividend:
        if isinstance(atom, Remainder) and divisor == named.divisor:
            return dividend - index_of(name) * divisor
        further = exact_quotient(divisor, named.divisor)
        if isinstance(atom, Quotient) and further is not None:  # x // (a*b) = x // a // b
            return index_of(name) // further
    inside = with_name(dividend, part, name)
    return inside // divisor if isinstance(atom, Quotient) else inside % divisor


def quotients_in(index: Index) -> Iterator[Quotient]:
    """Yield the quotients of an index and of its parts, and those whose remainders these have."""
    for atom, _ in index.terms:
        if isinstance(atom, LoopVariable):
            continue
        quotient = atom if isinstance(atom, Quotient) else atom.quotient.atom
        if isinstance(quotient, Quotient):
            yield quotient
        yield from quotients_in(atom.dividend)


def least_number(indices: Iterable[Index]) -> int | None:
    """Return the least of indices that are known numbers; None if none is."""
    constants = (index.constant for index in indices if index.is_constant)
    return min((one for one in constants if isinstance(one, int)), default=None)


def weighted_sum(indices: Iterable[Index], factors: Iterable[Size], constant: Size) -> Index:
    """Return a constant and indices, each times its factor, added up."""
    terms: dict[IndexAtom, Size] = {}
    for index, factor in zip(indices, factors, strict=True):
        for atom, times in index.terms:
            terms[atom] = terms.get(atom, 0) + times * factor
        constant = constant + index.constant * factor
    return _normal(terms, constant)


def position(coords: Iterable[IndexLike], shape: Iterable[Size]) -> Index:
    """Return the number of an element in C order."""
    place = as_index(0)
    for coord, size in zip(coords, shape, strict=True):
        place = place * size + coord
    return place


def with_dividends(index: Index) -> Iterator[Index]:
    """Yield an index and all that is divided in it."""
    yield index
    for atom, _ in index.terms:
        if isinstance(atom, Quotient | Remainder):
            yield from with_dividends(atom.dividend)


def coordinates(place: IndexLike, shape: tuple[Size, ...]) -> tuple[Index, ...]:
    """Return the coordinates of the element with a number in C order."""
    rest, found = as_index(place), []
    for size in reversed(shape[1:]):
        found.append(rest % size)
        rest = rest // size
    return (rest, *reversed(found)) if shape else ()


# ---- the normal form ----------------------------------------------------------------------------


def _normal(terms: dict[IndexAtom, Size], constant: Size) -> Index:
    kept = {atom: factor for atom, factor in terms.items() if factor != 0}
    if len(kept) == 1:  # nothing to sort, nor a quotient beside a remainder
        return Index(tuple(kept.items()), constant)
    for atom, factor in kept.items():
        if isinstance(atom, Remainder):
            whole = _rejoined(kept, constant, atom, factor)
            if whole is not None:
                return whole
    return Index(tuple(sorted(kept.items(), key=lambda term: term[0].sort_key)), constant)


def _rejoined(
    terms: dict[IndexAtom, Size], constant: Size, remainder: Remainder, factor: Size
) -> Index | None:
    """Apply ``x // n * n + x % n = x`` to a remainder, if the quotient's terms are there, or
    ``x // n % m * n + x % n = x % (n*m)``."""
    quotient = remainder.quotient
    scale = factor * remainder.divisor
    for atom, times in terms.items():
        if isinstance(atom, Remainder) and atom.dividend is quotient and times == scale:
            both = {one: by for one, by in terms.items() if one not in (atom, remainder)}
            together = remainder.dividend % (atom.divisor * remainder.divisor)
            return _normal(both, constant) + together * factor
    if any(terms.get(atom, 0) != times * scale for atom, times in quotient.terms):
        return None
    if quotient.is_constant:
        return None
    left = {
        atom: times
        for atom, times in terms.items()
        if atom is not remainder and quotient.factor(atom) == 0
    }
    rest = _normal(left, constant - quotient.constant * scale)
    return rest + remainder.dividend * factor


def _quotient(index: Index, divisor: Size) -> Index:
    _check_divisor(index, divisor)
    if divisor == 1:
        return index
    whole, rest = _divided(index, divisor)
    if not rest.terms:
        return whole + rest.constant // divisor
    rest, divisor = _reduced(rest, divisor)
    if divisor == 1:
        return whole + rest
    if len(rest.terms) == 1 and rest.terms[0][1] == 1:
        atom = rest.terms[0][0]
        if isinstance(atom, Quotient):  # (x // a + c) // b = (x + a*c) // (a*b)
            inner = atom.dividend + rest.constant * atom.divisor
            return whole + inner // (atom.divisor * divisor)
        if isinstance(atom, Remainder) and rest.constant == 0:  # x % (a*b) // b = x // b % a
            times = exact_quotient(atom.divisor, divisor)
            if times is not None:
                return whole + atom.dividend // divisor % times
    return whole + index_of(Quotient(rest, divisor))


def _remainder(index: Index, divisor: Size) -> Index:
    _check_divisor(index, divisor)
    if divisor == 1:
        return as_index(0)
    _, rest = _divided(index, divisor)
    if not rest.terms:
        return rest - rest.constant // divisor * divisor
    for atom, factor in rest.terms:  # x % (a*b) = x - a*b * (x // (a*b)), in a sum modulo b
        if not isinstance(atom, Remainder):
            continue
        if exact_quotient(factor * atom.divisor, divisor) is not None:
            return (rest + (atom.dividend - index_of(atom)) * factor) % divisor
    common = _common_factor((*(factor for _, factor in rest.terms), rest.constant, divisor))
    if common != 1:
        small = _exactly(rest, common)
        return small % _whole_quotient(divisor, common) * common
    return index_of(Remainder(rest, divisor))


def _check_divisor(index: Index, divisor: Size) -> None:
    if isinstance(divisor, int) and divisor < 1:
        raise ValueError(f"the index {index} divided by {divisor}: expected a size of at least 1")


def _divided(index: Index, divisor: Size) -> tuple[Index, Index]:
    """Return a quotient that leaves no floor, and what of the index is left to divide."""
    whole: dict[IndexAtom, Size] = {}
    rest: dict[IndexAtom, Size] = {}
    is_sum = len(index.terms) > 1 or index.constant != 0
    for atom, factor in index.terms:
        if is_sum and _is_inexact(factor, divisor):
            rest[atom] = factor
        else:
            whole[atom], rest[atom] = _split(factor, divisor)
    whole_constant, constant = _split(index.constant, divisor)
    return _normal(whole, whole_constant), _normal(rest, constant)


def _is_inexact(factor: Size, divisor: Size) -> bool:
    """Return True of a factor of at least 1 that is no multiple of a divisor: 64 by 6. The sum that
    is divided stays the same for its quotient and its remainder, then."""
    return (
        isinstance(factor, int) and isinstance(divisor, int) and factor > 0 and factor % divisor > 0
    )


def _split(size: Size, divisor: Size) -> tuple[Size, Size]:
    """Return q and r with ``size = q * divisor + r``, monomial by monomial."""
    if isinstance(size, int) and isinstance(divisor, int):
        return divmod(size, divisor)
    exact = exact_quotient(size, divisor)
    if exact is not None:
        return exact, 0
    whole: Size = 0
    rest: Size = 0
    for monomial in _monomials(size):
        if isinstance(divisor, int) and isinstance(monomial, Dim):
            ((atoms, factor),) = monomial.terms
            quotient, left = divmod(factor, divisor)
            whole = whole + Dim(((atoms, quotient),)) if quotient else whole
            rest = rest + Dim(((atoms, left),)) if left else rest
            continue
        exact = exact_quotient(monomial, divisor)
        if exact is not None:
            whole = whole + exact
        elif isinstance(monomial, int) and isinstance(divisor, int):
            whole, rest = whole + monomial // divisor, rest + monomial % divisor
        else:
            rest = rest + monomial
    return whole, rest


def _monomials(size: Size) -> list[Size]:
    if not isinstance(size, Dim):
        return [size]
    return [Dim((term,)) if term[0] else term[1] for term in size.terms]


def _reduced(index: Index, divisor: Size) -> tuple[Index, Size]:
    """Return an index and a divisor with the same quotient, without a factor that they share. Of an
    int constant only the multiple counts: ``(g*x + c) // (g*d) = (x + c // g) // d``."""
    constant = () if isinstance(index.constant, int) else (index.constant,)
    common = _common_factor((*(factor for _, factor in index.terms), *constant, divisor))
    if common == 1:
        return index, divisor
    if isinstance(index.constant, int) and index.constant:
        number = common if isinstance(common, int) else None
        if number is None:
            return index, divisor
        index = index + (index.constant // number * number - index.constant)
    return _exactly(index, common), _whole_quotient(divisor, common)


def _common_factor(sizes: Iterable[Size]) -> Size:
    """Return the largest monomial that divides all sizes."""
    number = 0
    shared: list[Any] | None = None
    for size in sizes:
        if size == 0:
            continue
        for monomial in _monomials(size):
            atoms, factor = monomial.terms[0] if isinstance(monomial, Dim) else ((), monomial)
            number = math.gcd(number, factor)
            if shared is None:
                shared = list(atoms)
                continue
            left = list(atoms)
            kept = []
            for atom in shared:
                if atom in left:
                    left.remove(atom)
                    kept.append(atom)
            shared = kept
    return Dim(((tuple(shared), number),)) if shared else number or 1


def _exactly(index: Index, divisor: Size) -> Index:
    terms = {atom: _whole_quotient(factor, divisor) for atom, factor in index.terms}
    return _normal(terms, _whole_quotient(index.constant, divisor))


def _whole_quotient(size: Size, divisor: Size) -> Size:
    quotient = exact_quotient(size, divisor)
    assert quotient is not None, (size, divisor)
    return quotient


# ---- text ---------------------------------------------------------------------------------------


def _stride_key(stride: Size) -> tuple[int, int]:
    """Return a key that puts larger strides first; a product of more symbols is larger."""
    atoms, factor = stride.terms[0] if isinstance(stride, Dim) else ((), stride)
    return -len(atoms), -abs(factor)


def _term(atom: IndexAtom, factor: Size) -> str:
    if factor == 1:
        return str(atom)
    text = str(atom) if isinstance(atom, LoopVariable) else f"({atom})"
    return f"-{text}" if factor == -1 else f"{_size(factor)}*{text}"


def _factor(index: Index) -> str:
    return str(index) if isinstance(index.atom, LoopVariable) else f"({index})"


def _size(size: Size) -> str:
    if isinstance(size, Dim):
        ((atoms, factor), *others) = size.terms
        if others or factor != 1 or len(atoms) > 1:
            return f"({size})"
    return str(size)
