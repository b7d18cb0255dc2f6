"""Where in a value a thread is: an element as C expressions."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.graph.dim import Shape


@dataclass(frozen=True)
class Index:
    """An element of a value of some shape: its position in C order, or a coordinate an axis.

    `linear` and `coords` are C expressions of type int without side effects; one of the two is
    there, and `Emitter` works out the other where it is asked for.
    """

    shape: Shape
    linear: str | None = None
    coords: tuple[str, ...] | None = None


def at(shape: Shape, *coords: str) -> Index:
    """The element with these coordinates."""
    assert len(shape) == len(coords), (shape, coords)
    return Index(shape, coords=coords)


def linear(shape: Shape, position: str) -> Index:
    """The element at a position in C order."""
    return Index(shape, linear=position)
