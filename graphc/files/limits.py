"""Limits on the description of a model: a short text may stand for more than fits into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphc.errors import ArgumentError

MOST_BYTES = 1 << 23
MOST_VALUES = 200_000
MOST_LEVELS = 250

Place = tuple["Place | None", object]
"""Where a value is: the place around it, and its key there."""

_HINT = "; build the model in Python, or split it"


def check_length(text: str, where: str) -> None:
    """Raise ArgumentError for a text that is too long to be a description."""
    if len(text) > MOST_BYTES:
        raise ArgumentError(
            f"{where}: expected at most {MOST_BYTES} characters, received {len(text)}{_HINT}"
        )


def check_data(data: object, where: str) -> None:
    """Raise ArgumentError unless data consist of texts, numbers of at most 64 bits, lists, and
    dicts with texts as keys, not too deep and not too many. A value that occurs several times
    counts each time."""
    waiting: list[tuple[object, int, Place | None]] = [(data, 1, None)]
    count = 1
    while waiting:
        value, level, place = waiting.pop()
        if isinstance(value, Mapping | list | tuple):
            count += len(value)
            check_count(count, where)
            check_level(level, where)
            waiting += [(one, level + 1, (place, key)) for key, one in _members(value, where)]
        elif value is not None and not isinstance(value, bool | int | float | str):
            raise ArgumentError(
                f"{where}{_shown(place)}: expected a text, a number, true, false or nothing, "
                f"received {type(value).__name__} {value!r:.60}"
            )
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ArgumentError(
                f"{where}{_shown(place)}: expected numbers of at most 64 bits, received one of "
                f"{value.bit_length()}"
            )


def check_count(count: int, where: str) -> None:
    """Raise ArgumentError for more values than a description may have."""
    if count > MOST_VALUES:
        raise ArgumentError(f"{where}: too large, more than {MOST_VALUES} values{_HINT}")


def check_level(level: int, where: str) -> None:
    """Raise ArgumentError for lists nested deeper than a description may have."""
    if level > MOST_LEVELS:
        raise ArgumentError(
            f"{where}: too deep, more than {MOST_LEVELS} lists inside of each other{_HINT}"
        )


def _members(value: Any, where: str) -> Iterator[tuple[object, object]]:
    if not isinstance(value, Mapping):
        return enumerate(value)
    wrong = [key for key in value if not isinstance(key, str)]
    if wrong:
        raise ArgumentError(f"{where}: expected texts as keys, received {wrong[0]!r:.60}")
    return iter(value.items())


def _shown(place: Place | None) -> str:
    """Return a path of keys as it is indexed in Python: ['config'][0]['name']."""
    keys = []
    while place is not None:
        place, key = place
        keys.append(f"[{key!r:.60}]")
    return "".join(reversed(keys))
