"""Sizes and times as texts: ``256MB``, ``10min``."""

from __future__ import annotations

import re
from fractions import Fraction

from graphc.errors import ArgumentError

_SIZES = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_TIMES = {"s": 1, "min": 60, "h": 3600}
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*([KMGT]?)(?:I?(B))?", re.IGNORECASE)


def amount(value: str) -> int | None:
    """Return the bytes of a size such as ``256MB``, the seconds of a time such as ``10min``; None
    for ``none``."""
    if value == "none":
        return None
    unit = value.lstrip("0123456789")
    return int(value.removesuffix(unit)) * (_SIZES | _TIMES)[unit]


def size_in_bytes(what: str, value: object) -> int:
    """Return the bytes of a size: a whole number, or a text such as ``200MB``, ``1.5 GB``.

    A MB is 2**20 bytes, as MiB is.

    Args:
        what: the argument, for messages.

    Raises:
        ArgumentError: not a size, or less than one byte.
    """
    size = 0
    if isinstance(value, str):
        found = _SIZE.fullmatch(value.strip())
        if found and (found[3] or not found[2]):
            unit = f"{found[2].upper()}{(found[3] or '').upper()}"
            size = int(Fraction(found[1]) * _SIZES[unit])
    elif isinstance(value, int) and not isinstance(value, bool):
        size = value
    if size < 1:
        raise ArgumentError(
            f"{what}: expected a size, a text such as '200MB' or '1.5GB' or a number of bytes, "
            f"received {value!r}"
        )
    return size


def shown_size(nbytes: float) -> str:
    """Return a number of bytes as messages have it: ``1.5 GB``."""
    for unit, size in reversed(_SIZES.items()):
        if len(unit) == 2 and nbytes >= size:
            return f"{nbytes / size:.1f} {unit}"
    return f"{nbytes:.0f} B"
