"""Attributes that leave their names to the subclasses and objects of a user, who may set them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Self, TypeVar, overload

from graphc.errors import AttributeMissingError

Value = TypeVar("Value")


class ComputedAttribute(Generic[Value]):
    """An attribute that is computed at each access. A subclass or an object that sets one of its
    name has its own, which a property would refuse.

    Args:
        compute: gives the value for an object; its docstring is that of the attribute.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, owner: None, cls: type) -> Self: ...
    @overload
    def __get__(self, owner: object, cls: type) -> Value: ...
    def __get__(self, owner: object | None, cls: type) -> Self | Value:
        return self if owner is None else self._compute(owner)


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
