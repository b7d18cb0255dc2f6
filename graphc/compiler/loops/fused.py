"""Ops of loop programs that the graph does not have, as NumPy functions: the fused multiply-add."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

_LEAST, _MOST = float(np.finfo(np.float32).smallest_normal), float(np.finfo(np.float32).max)
"""Of float32: between them rounding sets no flag of overflow or underflow."""


def fma(attrs: Mapping[str, Any], x: Any, y: Any, z: Any) -> np.floating[Any]:
    """Return ``x * y + z`` of three numbers of one float dtype, rounded once."""
    return _fused32(x, y, z) if isinstance(x, np.float32) else _fused64(x, y, z)


def _fused32(x: Any, y: Any, z: Any) -> np.float32:
    """The product is exact in float64. The sum there is rounded to odd, from where rounding to
    float32 gives what rounding once does (Boldo and Melquiond, 2008)."""
    product, addend = float(x) * float(y), float(z)
    total = product + addend
    if not math.isfinite(total):
        return np.float32(total)
    back = total - product
    lost = (product - (total - back)) + (addend - back)
    if lost != 0 and np.float64(total).view(np.int64) % 2 == 0:
        total = math.nextafter(total, math.copysign(math.inf, lost))
    if _LEAST <= abs(total) <= _MOST:
        return np.float32(total)
    with np.errstate(over="ignore", under="ignore"):
        return np.float32(total)


def _fused64(x: Any, y: Any, z: Any) -> np.float64:
    numbers = [float(one) for one in (x, y, z)]
    if not all(map(math.isfinite, numbers)):
        return np.float64(numbers[0] * numbers[1] + numbers[2])
    left, right, addend = map(Fraction, numbers)
    exact = left * right + addend
    if exact == 0:
        if addend == 0:  # the signs of zeros decide
            return np.float64(numbers[0] * numbers[1] + numbers[2])
        return np.float64(0.0)
    try:
        return np.float64(float(exact))
    except OverflowError:
        return np.float64(math.inf if exact > 0 else -math.inf)


LOOP_OPS: Mapping[str, Callable[..., Any]] = {"fma": fma}
"""By the name of the op, in the form of `graphc.compiler.interpret.NUMPY`."""
