"""Tell what to use in the place of an attribute that a class of graphc lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphc.errors import AttributeMissingError


class LaterAttribute:
    """An attribute that a class lacks, and what to say of it. A subclass or an object that sets one
    of its name has its own."""

    def __init__(self, name: str, use: str) -> None:
        self._name, self._use = name, use

    def __get__(self, owner: Any, cls: type) -> Any:
        label = getattr(owner, "name", None)
        label = label if isinstance(label, str) else cls.__name__
        raise AttributeMissingError(f"{label} has no {self._name!r}: {self._use}")


def explain_missing(cls: type, attributes: Mapping[str, str]) -> None:
    """Let a class explain, in the error, attributes of Keras that it lacks."""
    for name, use in attributes.items():
        if not hasattr(cls, name):
            setattr(cls, name, LaterAttribute(name, use))
