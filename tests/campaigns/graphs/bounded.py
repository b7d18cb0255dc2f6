"""Arrays of numbers, each with a bound on how far a right implementation may be from it.

A float is kept in extended precision beside an absolute error: what rounding in the node's own
dtype may have come to, carried through each op from the magnitudes that it meets. An infinite error
says that nothing is known of an element. Ints and bools are exact (error 0) or unknown.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

EXTENDED = np.longdouble

_BASIC = 4  # units that a sum, a product or a quotient may be off, passes rewriting it
_SHORT = 2.0**10  # numbers that are multiples of its inverse, and few bits long


def is_float(dtype: str) -> bool:
    return dtype.startswith("float")


@dataclass(frozen=True)
class Bounded:
    """An array of a dtype with its error; both have one shape."""

    dtype: str
    value: np.ndarray
    error: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def known(self) -> np.ndarray:
        """Return for each element whether anything is known of it."""
        return np.isfinite(self.error)

    @property
    def exact(self) -> np.ndarray:
        """Return for each element whether it is the number itself."""
        return self.error == 0

    def moved(self, move: Callable[[np.ndarray], np.ndarray]) -> Bounded:
        """Return the elements in other places: `move` is applied to values and errors alike."""
        return Bounded(self.dtype, move(self.value), move(self.error))


def exactly(array: np.ndarray, *, flushes: bool = False) -> Bounded:
    """Return an array of a supported dtype as it is; `flushes`: a subnormal element may count as
    0."""
    dtype, error = array.dtype.name, np.zeros(array.shape)
    if not is_float(dtype):
        return Bounded(dtype, array, error)
    value = np.asarray(array.astype(EXTENDED))
    if flushes:
        size = np.abs(value)
        error = np.where(size < np.finfo(dtype).tiny, size, 0.0).astype(error.dtype)
    return Bounded(dtype, value, error)


def whole(dtype: str, value: np.ndarray, known: np.ndarray) -> Bounded:
    """Return ints or bools, and which of them are known."""
    value = np.asarray(value).astype(dtype)
    return Bounded(dtype, value, np.where(np.broadcast_to(known, value.shape), 0.0, np.inf))


def unit(dtype: str) -> float:
    return float(np.finfo(dtype).eps)


def spread(function: Callable[..., np.ndarray], *args: Bounded) -> tuple[np.ndarray, np.ndarray]:
    """Return a function's value and how far its corners are from it.

    The function has to be monotone in each argument over its error, and to be given the others.
    """
    value = function(*(x.value for x in args))
    error = np.zeros(value.shape)
    uncertain = [k for k, x in enumerate(args) if (x.error > 0).any()]
    for signs in itertools.product((-1, 1), repeat=len(uncertain)):
        corner = [x.value for x in args]
        for k, sign in zip(uncertain, signs, strict=True):
            corner[k] = args[k].value + sign * args[k].error.astype(EXTENDED)
        found = function(*corner)
        same = (found == value) | (np.isnan(found) & np.isnan(value))
        error = np.maximum(error, np.where(same, 0, certain(np.abs(found - value))))
    for x in args:
        error = np.where(x.known, error, np.inf)
    return value, error


def certain(error: np.ndarray) -> np.ndarray:
    """Return an error as floats that are no less, infinite where it is no number."""
    with np.errstate(all="ignore"):
        nearest = np.asarray(error).astype(float)
        above = np.where(nearest < error, np.nextafter(nearest, np.inf), nearest)
    return np.where(np.isnan(above), np.inf, above)


def is_short(value: np.ndarray) -> np.ndarray:
    """Return whether numbers have so few bits that arithmetic on some of them is exact."""
    scaled = value * _SHORT
    return (scaled == np.floor(scaled)) & (np.abs(value) < _SHORT)


class Rounding:
    """Rounding in a dtype.

    Args:
        passes: whether passes may rewrite: then only short numbers stay exact, and nothing is
            known behind arithmetic that gives no finite number, which a pass may mend.
        flushes: whether subnormal operands and results may be 0, as those of native code are.
    """

    def __init__(self, passes: bool, flushes: bool = False):
        self.passes = passes
        self.flushes = flushes

    def __call__(
        self, dtype: str, value: np.ndarray, error: np.ndarray, units: float | np.ndarray = _BASIC
    ) -> Bounded:
        """Return a value that was rounded in a dtype, by so many units in its last place."""
        limits = np.finfo(dtype)
        size = np.abs(value)
        error = certain(error)
        representable = value.astype(dtype).astype(EXTENDED) == value
        exact = (error == 0) & representable
        if self.flushes:
            exact &= (size == 0) | (size >= limits.tiny)
        if self.passes or np.max(units, initial=0) > _BASIC:
            exact &= is_short(value)
        added = units * limits.eps * size + float(limits.tiny)
        error = np.where(exact, error, certain(error + np.where(np.isfinite(size), added, 0)))
        over = np.isfinite(value) & (size + error > limits.max)
        surely = np.isfinite(value) & (size - error > limits.max * (1 + 4 * limits.eps))
        value = np.where(surely, np.copysign(EXTENDED(np.inf), value), value)
        error = np.where(surely, 0.0, np.where(over, np.inf, error))
        if self.passes:
            error = np.where(np.isfinite(value), error, np.inf)
        return Bounded(dtype, np.asarray(value), np.asarray(error))

    def compared(self, x: Bounded) -> Bounded:
        """Return numbers as an op that compares them may take them: subnormal ones may be 0."""
        if not self.flushes:
            return x
        tiny = float(np.finfo(x.dtype).tiny)
        may_be_zero = (x.value != 0) & (np.abs(x.value) < tiny)
        return Bounded(x.dtype, x.value, np.where(may_be_zero, np.maximum(x.error, tiny), x.error))
