"""Symbolic sizes: polynomials with integer coefficients in symbols that are at least 1.

A size is an ``int`` or a `Dim`. A Dim that works out to a number *is* that ``int``, so
``isinstance(size, int)`` says whether a size is known. Dims are kept in normal form: equal
polynomials compare equal and hash alike. ``//`` stays an atom of its own, ``floor(a / b)``, unless
it divides exactly.

    >>> batch = symbol("batch")
    >>> (batch + 1) * 2 - batch
    batch + 2
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, SupportsIndex, TypeAlias, TypeGuard, Union, cast

from graphc.errors import ShapeError

Size: TypeAlias = Union[int, "Dim"]
Shape: TypeAlias = tuple[Size, ...]

_serials = itertools.count()


@dataclass(frozen=True)
class Symbol:
    """An unknown size, at least 1. Two symbols with one name are still two: the serial decides."""

    name: str
    serial: int

    def __hash__(self) -> int:
        return self.serial

    @functools.cached_property
    def sort_key(self) -> tuple[Any, ...]:
        return (0, self.serial)

    def evaluate(self, bindings: Mapping[Symbol, int]) -> int:
        return bindings[self]

    def symbols(self) -> Iterator[Symbol]:
        yield self

    def substitute(self, sizes: Mapping[Symbol, Size]) -> Size:
        return sizes[self] if self in sizes else Dim((((self,), 1),))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class FloorQuotient:
    """The atom ``floor(numerator / denominator)``."""

    numerator: Size
    denominator: Size

    def __hash__(self) -> int:
        return self._hash

    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.numerator, self.denominator))

    @functools.cached_property
    def sort_key(self) -> tuple[Any, ...]:
        # By structure: two symbols may have one name, and then one text.
        return (1, sort_key(self.numerator), sort_key(self.denominator))

    def evaluate(self, bindings: Mapping[Symbol, int]) -> int:
        return evaluate(self.numerator, bindings) // evaluate(self.denominator, bindings)

    def symbols(self) -> Iterator[Symbol]:
        for size in (self.numerator, self.denominator):
            yield from symbols(size)

    def substitute(self, sizes: Mapping[Symbol, Size]) -> Size:
        return substitute(self.numerator, sizes) // substitute(self.denominator, sizes)

    def __str__(self) -> str:
        return f"{_operand(self.numerator)} // {_operand(self.denominator)}"


def _operand(size: Size) -> str:
    """A size as text, in parentheses unless it is a number or a symbol."""
    if not isinstance(size, Dim):
        return str(size)
    ((monomial, factor), *others) = size.terms
    is_symbol = factor == 1 and not others and [type(atom) for atom in monomial] == [Symbol]
    return str(size) if is_symbol else f"({size})"


Atom: TypeAlias = Symbol | FloorQuotient
Monomial: TypeAlias = tuple[Atom, ...]  # atoms with repetition, in sort order; () is the constant
_ATOM_KEY = operator.attrgetter("sort_key")


def symbol(name: str) -> Dim:
    """A new size that is known only when a function is called."""
    return Dim((((Symbol(name, next(_serials)),), 1),))


def sort_key(size: Size) -> tuple[Any, ...]:
    """A key that orders sizes the same way in each process."""
    if not isinstance(size, Dim):
        return ((_monomial_key(()), size),)
    return size.sort_key


def _monomial_key(monomial: Monomial) -> tuple[Any, ...]:
    return (-len(monomial), tuple([atom.sort_key for atom in monomial]))


def _term_key(term: tuple[Monomial, int]) -> tuple[Any, ...]:
    return _monomial_key(term[0])


def _from_terms(terms: Mapping[Monomial, int]) -> Size:
    kept = [(monomial, factor) for monomial, factor in terms.items() if factor]
    if not kept:
        return 0
    if len(kept) == 1 and kept[0][0] == ():
        return kept[0][1]
    return Dim(tuple(sorted(kept, key=_term_key)))


def as_size(value: object, what: str) -> Size:
    """A size as users write it (NumPy's integers too) as an int or a Dim. ShapeError for others."""
    if not _is_size(value):
        raise ShapeError(f"{what}: a size is an int or a symbol, received {value!r}")
    if isinstance(value, Dim):
        return value
    try:
        return operator.index(value)
    except TypeError:
        raise ShapeError(f"{what}: a size is an int or a symbol, received {value!r}") from None


def known_sizes(shape: Iterable[Size], what: str) -> tuple[int, ...]:
    """Return the sizes of a shape as ints. ShapeError, which starts with `what`, where only a call
    knows one of them."""
    sizes = tuple(shape)
    known = tuple(size for size in sizes if isinstance(size, int))
    if len(known) != len(sizes):
        raise ShapeError(f"{what}: the sizes {sizes} are not known before the call")
    return known


def _terms(size: Size) -> dict[Monomial, int]:
    return dict(size.terms) if isinstance(size, Dim) else {(): int(size)}


def _is_size(value: object) -> TypeGuard[SupportsIndex | Dim]:
    if type(value) is int or isinstance(value, Dim):
        return True
    return hasattr(value, "__index__") and not isinstance(value, bool)


class Dim:
    """A size that depends on symbols. Made by `symbol` and by arithmetic, never directly."""

    __slots__ = ("_hash", "_sort_key", "terms")

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]):
        self.terms = terms
        self._hash = hash(terms)
        self._sort_key: tuple[Any, ...] | None = None

    @property
    def sort_key(self) -> tuple[Any, ...]:
        """A key that orders sizes, made once."""
        if self._sort_key is None:
            self._sort_key = tuple([(_monomial_key(mono), factor) for mono, factor in self.terms])
        return self._sort_key

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and (self is other or self.terms == other.terms)

    def __add__(self, other: Size) -> Size:
        if not _is_size(other):
            return NotImplemented
        if not isinstance(other, Dim):
            return self._plus_number(int(other))
        total = dict(self.terms)
        for monomial, factor in other.terms:
            total[monomial] = total.get(monomial, 0) + factor
        return _from_terms(total)

    __radd__ = __add__

    def _plus_number(self, number: int) -> Size:
        """Add a number: the constant is the last term, and no other one moves."""
        if number == 0:  # most bounds are
            return self
        last, constant = self.terms[-1]
        if last != ():
            return Dim((*self.terms, ((), number)))
        if constant + number == 0:
            return Dim(self.terms[:-1])
        return Dim((*self.terms[:-1], ((), constant + number)))

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + -other if _is_size(other) else NotImplemented

    def __rsub__(self, other: Size) -> Size:
        return -self + other if _is_size(other) else NotImplemented

    def __mul__(self, other: Size) -> Size:
        if not _is_size(other):
            return NotImplemented
        if not isinstance(other, Dim):  # the usual case; the terms stay as they are
            number = int(other)
            if number in (0, 1):
                return self if number else 0
            return Dim(tuple([(monomial, factor * number) for monomial, factor in self.terms]))
        product: dict[Monomial, int] = {}
        for left, left_factor in self.terms:
            for right, right_factor in other.terms:
                monomial = tuple(sorted(left + right, key=_ATOM_KEY))
                product[monomial] = product.get(monomial, 0) + left_factor * right_factor
        return _from_terms(product)

    __rmul__ = __mul__

    def __floordiv__(self, other: Size) -> Size:
        return floor_divide(self, other) if _is_size(other) else NotImplemented

    def __truediv__(self, other: Size) -> Size:
        if not _is_size(other):
            return NotImplemented
        quotient = exact_quotient(self, other)
        if quotient is None:
            raise ShapeError(
                f"the size {self} divided by {other} may leave a remainder, and a size is whole: "
                "use //"
            )
        return quotient

    def __rfloordiv__(self, other: Size) -> Size:
        return floor_divide(other, self) if _is_size(other) else NotImplemented

    def __bool__(self) -> bool:
        raise ShapeError(
            f"the size {self} is not known before the call, so it has no truth value; compare "
            "sizes with `==`, or give the size when the input is made"
        )

    def _no_number(self) -> NoReturn:
        raise ShapeError(
            f"the size {self} is not known before the call, so it is no number here; K's functions "
            "take it, e.g. K.zeros, K.arange, K.reshape for those of np, or give the size when the "
            "input is made"
        )

    __int__ = __index__ = __float__ = _no_number

    def __repr__(self) -> str:
        parts = []
        for monomial, factor in self.terms:
            sign = "-" if factor < 0 else "+"
            number = "" if monomial and abs(factor) == 1 else str(abs(factor))
            is_product = factor != 1 or len(monomial) > 1
            atoms = "*".join(
                f"({atom})" if is_product and isinstance(atom, FloorQuotient) else str(atom)
                for atom in monomial
            )
            parts.append((sign, "*".join(part for part in (number, atoms) if part)))
        first_sign, first = parts[0]
        text = ("-" if first_sign == "-" else "") + first
        return text + "".join(f" {sign} {part}" for sign, part in parts[1:])

    __str__ = __repr__


def floor_divide(numerator: Size, denominator: Size) -> Size:
    """``floor(numerator / denominator)``, exact where the division leaves nothing."""
    if not isinstance(denominator, Dim):
        if denominator == 0:
            raise ShapeError(f"division of the size {numerator} by zero")
        if not isinstance(numerator, Dim):
            return int(numerator) // int(denominator)
    if not isinstance(numerator, Dim) and numerator == 0:
        return 0
    quotient = exact_quotient(numerator, denominator)
    if quotient is not None:
        return quotient
    if not isinstance(denominator, Dim) and isinstance(numerator, Dim):
        # What divides leaves the floor: (4n + m + 5) // 4 = n + 1 + (m + 1) // 4.
        whole = {mono: factor // denominator for mono, factor in numerator.terms}
        remainder = {mono: factor % denominator for mono, factor in numerator.terms}
        if any(whole.values()):
            return _from_terms(whole) + floor_divide(_from_terms(remainder), denominator)
    return Dim((((FloorQuotient(numerator, denominator),), 1),))


def exact_quotient(numerator: Size, denominator: Size) -> Size | None:
    """The quotient where it is a polynomial with integer factors, else None."""
    if numerator == denominator:
        return 1
    if numerator == 0:
        return 0
    divisor = _terms(denominator)
    if len(divisor) != 1:
        return _quotient_of_terms(numerator, denominator)
    ((atoms, divisor_factor),) = divisor.items()
    quotient: dict[Monomial, int] = {}
    for monomial, factor in _terms(numerator).items():
        remainder = list(monomial)
        for atom in atoms:
            if atom not in remainder:
                return None
            remainder.remove(atom)
        if factor % divisor_factor:
            return None
        quotient[tuple(remainder)] = factor // divisor_factor
    return _from_terms(quotient)


def _quotient_of_terms(numerator: Size, denominator: Size) -> Size | None:
    """`exact_quotient` by a sum of terms: long division. The first term of a size in normal form
    leads it, and the order of terms outlasts a product, so the first terms alone settle each
    step."""
    leading = _leading(denominator)
    quotient: Size = 0
    remainder = numerator
    while remainder != 0:
        part = exact_quotient(_leading(remainder), leading)
        if part is None:
            return None
        quotient = quotient + part
        remainder = remainder - part * denominator
    return quotient


def _leading(size: Size) -> Size:
    return Dim(size.terms[:1]) if isinstance(size, Dim) and size.terms[0][0] else size


def ceil_divide(numerator: Size, denominator: int) -> Size:
    """``ceil(numerator / denominator)``."""
    return floor_divide(numerator + (denominator - 1), denominator)


def is_multiple(size: Size, factor: int) -> bool:
    """Return True if a size is a multiple of an int whatever its symbols are."""
    return exact_quotient(size, factor) is not None


def product(sizes: Iterable[Size]) -> Size:
    """The product of sizes; 1 for none."""
    number, total = 1, cast(Size, 1)
    for size in sizes:
        if isinstance(size, Dim):
            total = total * size
        else:
            number *= size
    return total * number


def symbols(size: Size) -> tuple[Symbol, ...]:
    """The symbols of a size, each once, in the order they appear."""
    if not isinstance(size, Dim):
        return ()
    return tuple(
        dict.fromkeys(found for mono, _ in size.terms for atom in mono for found in atom.symbols())
    )


def evaluate(size: Size, bindings: Mapping[Symbol, int]) -> int:
    """The value of a size once its symbols are bound. KeyError names a symbol that is not."""
    if not isinstance(size, Dim):
        return int(size)
    total = 0
    for monomial, factor in size.terms:
        for atom in monomial:
            factor *= atom.evaluate(bindings)
        total += factor
    return total


def evaluate_at(size: Size, value: int) -> int:
    """A size with all its symbols at one value, for choices that cannot wait for a call."""
    return evaluate(size, dict.fromkeys(symbols(size), value))


TYPICAL = 64
"""A symbol, where a choice has to be made before it is known."""


def typical(size: Size) -> int:
    """A size with each of its symbols at a typical value: the text is the same for all, so the
    choice is, too."""
    return evaluate_at(size, TYPICAL)


def substitute(size: Size, sizes: Mapping[Symbol, Size]) -> Size:
    """The size with symbols replaced."""
    if not isinstance(size, Dim):
        return size
    total: Size = 0
    for monomial, factor in size.terms:
        total = total + product([factor, *(atom.substitute(sizes) for atom in monomial)])
    return total


def minimum_value(size: Size) -> int | None:
    """A lower bound that holds for all symbols >= 1, or None where this rule finds none.

    Each monomial is at least 1, so a positive factor contributes at least itself; a floor quotient
    and a negative factor bound nothing here.
    """
    if not isinstance(size, Dim):
        return int(size)
    if any(
        mono and (factor < 0 or any(isinstance(atom, FloorQuotient) for atom in mono))
        for mono, factor in size.terms
    ):
        return None
    return sum(factor for _, factor in size.terms)


BATCH = symbol("batch")
"""The batch size of every model: one symbol, so that inputs, targets and weights agree."""
