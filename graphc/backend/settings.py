"""K: the float type, epsilon, and unique numbers for names."""

from __future__ import annotations

from collections import Counter

import numpy as np

from graphc.config import config
from graphc.errors import ArgumentError

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
    if not 0.0 < e < 0.5:
        raise ArgumentError(f"epsilon lies between 0 and 0.5, received {e}")
    _epsilon = float(e)


def cast_to_floatx(x: object) -> np.ndarray:
    """An array (not a node) in the type `floatx`."""
    return np.asarray(x, dtype=floatx())


def get_uid(prefix: str = "") -> int:
    """1, 2, 3, ... for each prefix: the numbers in automatic layer names."""
    _uids[prefix] += 1
    return _uids[prefix]
