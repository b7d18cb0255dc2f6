"""Paths of files that a user gives."""

from __future__ import annotations

import os
from typing import TypeGuard

from graphc.errors import ArgumentError

GivenPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]
"""The types of a path that a user may give."""


def is_path(value: object) -> TypeGuard[GivenPath]:
    """Return True for a value of one of the types of a path."""
    return isinstance(value, str | bytes | os.PathLike)


def checked_path(what: str, value: object) -> str:
    """Return a path as text; bytes are decoded as the system's own names are.

    Args:
        what: the argument, for messages.

    Raises:
        ArgumentError: neither a text nor bytes nor a PathLike, nothing, or a name that no system
            has (one with NUL, or with half a character).
    """
    found = os.fspath(value) if is_path(value) else None
    if not found:
        received = type(value).__name__ if found is None else repr(value)
        raise ArgumentError(
            f"{what}: expected the path of a file, e.g. 'weights.h5', received {received}"
        )
    path = os.fsdecode(found)
    if "\0" in path or not _is_encodable(path):
        raise ArgumentError(
            f"{what}: {path!a} cannot name a file: "
            f"{'it has a NUL' if chr(0) in path else 'it has no bytes in the encoding of names'}; "
            "give another name"
        )
    return path


def _is_encodable(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def shown_path(path: str | os.PathLike[str]) -> str:
    r"""Return a path as messages have it: bytes that are no text as ``\xff``, so that each stream
    takes it."""
    encoded = os.fspath(path).encode("utf-8", "surrogateescape")
    return encoded.decode("utf-8", "backslashreplace")


def ask_to_proceed_with_overwrite(filepath: GivenPath) -> bool:
    """Ask on the terminal if a file is to be replaced, until the answer is y or n."""
    question = f"{shown_path(checked_path('ask_to_proceed_with_overwrite', filepath))} is there "
    question += "already: replace it? [y/n] "
    while (answer := input(question).strip().lower()) not in ("y", "n"):
        question = "y replaces it, n does not: "
    return answer == "y"
