"""K: the float type, epsilon, and unique numbers for names."""

from __future__ import annotations

from collections import Counter

import numpy as np

from graphc.compiler.graph import refuse_device_array
from graphc.config import config
from graphc.errors import ArgumentError, DTypeError
from graphc.lookup import finite_number
from graphc.releases import since

_BACKEND = "theano"

_epsilon = 1e-7
_uids: Counter[str] = Counter()


def floatx() -> str:
    """The dtype of weights, and of data whose dtype is not given: the flag ``floatX``."""
    return config.floatX


def set_floatx(floatx: str) -> None:
    """Set the flag ``floatX``: 'float32' or 'float64'. FlagError for any other."""
    config.floatX = floatx


def epsilon() -> float:
    """The small number that losses and constraints keep away from zero by."""
    return _epsilon


def set_epsilon(e: float) -> None:
    """Set `epsilon`; losses that are built later use it. ArgumentError unless 0 < e < 0.5."""
    global _epsilon
    value = finite_number("set_epsilon", "e", e)
    if not 0.0 < value < 0.5:
        raise ArgumentError(f"set_epsilon: e: expected 0 < e < 0.5, received {e}")
    _epsilon = value


def cast_to_floatx(x: object) -> np.ndarray:
    """An array (not a node) in the type `floatx`. DTypeError for what is not numbers."""
    return as_numbers(x, "cast_to_floatx").astype(floatx(), copy=False)


def as_numbers(value: object, what: str) -> np.ndarray:
    """A value as an array of numbers, in its own dtype.

    DTypeError, which starts with `what`, for text, None, objects, complex numbers, nested lists of
    different lengths, and arrays in a GPU's memory.
    """
    refuse_device_array(value, what)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DTypeError(f"{what}: expected numbers, received {value!r} ({error})") from error
    if array.dtype.kind not in "biuf":
        raise DTypeError(
            f"{what}: expected numbers, received {type(value).__name__}: {value!r:.100}"
        )
    return array


def keep_uid(name: str) -> None:
    """Let no automatic name be this one, where it looks like one: ``dense_12``."""
    prefix, _, number = name.rpartition("_")
    if prefix and number.isdecimal() and len(number) < 10:
        _uids[prefix] = max(_uids[prefix], int(number))


def get_uid(prefix: str = "") -> int:
    """1, 2, 3, ... for each prefix: the numbers in automatic layer names."""
    _uids[prefix] += 1
    return _uids[prefix]


@since("1.0.7")
def reset_uids() -> None:
    """Let automatic names count from 1 again."""
    _uids.clear()


def backend() -> str:
    """Return 'theano', whose meanings K's functions have."""
    return _BACKEND
