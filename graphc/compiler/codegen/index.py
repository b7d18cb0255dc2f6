"""Where in a value a thread is: an element as C expressions."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from graphc.compiler.codegen.expression import Expression
from graphc.compiler.graph.dim import Shape

Coordinates: TypeAlias = tuple[Expression, ...]
"""Where an element is along each axis."""


class Index(NamedTuple):
    """An element of a value of some shape: its position in C order, or a coordinate an axis.

    `linear` and `coords` are expressions of type int; one of the two is there, and `Emitter` works
    out the other where it is asked for.
    """

    shape: Shape
    linear: Expression | None = None
    coords: Coordinates | None = None


def at(shape: Shape, *coords: Expression) -> Index:
    """The element with these coordinates."""
    assert len(shape) == len(coords), (shape, coords)
    return Index(shape, coords=coords)


def linear(shape: Shape, position: Expression) -> Index:
    """The element at a position in C order."""
    return Index(shape, linear=position)
