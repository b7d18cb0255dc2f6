"""K: variables and placeholders, and what they hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from graphc.backend.settings import as_numbers, floatx
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, DTypeError, ShapeError


def variable(value: object, dtype: str | None = None, name: str | None = None) -> g.Node:
    """A shared variable: `value` in a dtype (`floatx` by default).

    Raises:
        DTypeError: a value that is not numbers in host memory, or a dtype that there is not.
    """
    dtype = dtype or floatx()
    if dtype not in g.DTYPES:
        raise DTypeError(f"dtype {dtype!r} is not supported; use {', '.join(g.DTYPES)}")
    return g.shared(as_numbers(value, f"variable {name or 'without a name'}"), name, dtype)


def placeholder(
    shape: Sequence[g.Size | None] | None = None,
    ndim: int | None = None,
    dtype: str | None = None,
    name: str | None = None,
) -> g.Node:
    """An input that each call feeds.

    Args:
        shape: sizes; each ``None`` is known at the call only.
        ndim: instead of `shape`, the number of axes, all of unknown size.
        dtype: `floatx` by default.
        name: shown in errors.
    """
    if shape is None:
        if ndim is None:
            raise ArgumentError("placeholder needs a shape or a number of axes (ndim)")
        shape = (None,) * ndim
    elif ndim is not None and ndim != len(shape):
        raise ShapeError(f"placeholder: ndim {ndim} does not fit the shape {tuple(shape)}")
    return g.input(tuple(shape), dtype=dtype or floatx(), name=name)


def shape(x: g.Node) -> tuple[g.Size, ...]:
    """The sizes, as ints and symbols; `reshape` and the random functions take them as they are."""
    return g.as_node(x).shape


def ndim(x: g.Node) -> int:
    """The number of axes."""
    return g.as_node(x).ndim


def dtype(x: g.Node) -> str:
    """The dtype's name."""
    return g.as_node(x).dtype


def zeros(shape: Sequence[int], dtype: str | None = None, name: str | None = None) -> g.Node:
    """A shared variable full of 0. ShapeError unless the sizes are numbers."""
    return _full(0.0, _known(shape, "zeros"), dtype, name)


def ones(shape: Sequence[int], dtype: str | None = None, name: str | None = None) -> g.Node:
    """A shared variable full of 1. ShapeError unless the sizes are numbers."""
    return _full(1.0, _known(shape, "ones"), dtype, name)


def zeros_like(x: g.Node) -> g.Node:
    """An expression full of 0 with x's shape and dtype."""
    node = g.as_node(x)
    return g.full(node.shape, 0, node.dtype)


def ones_like(x: g.Node) -> g.Node:
    """An expression full of 1 with x's shape and dtype."""
    node = g.as_node(x)
    return g.full(node.shape, 1, node.dtype)


def count_params(x: g.Node) -> int:
    """The number of elements. ShapeError where the call alone knows it."""
    sizes = g.as_node(x).shape
    if not all(isinstance(size, int) for size in sizes):
        raise ShapeError(f"count_params: the sizes {sizes} are not known before the call")
    return math.prod(sizes)


def get_value(x: g.Node) -> np.ndarray:
    """A copy of a shared variable's value. DTypeError for an expression."""
    return g.get_value(x)


def set_value(x: g.Node, value: object) -> None:
    """Replace a shared variable's value, cast to its dtype. ShapeError for another shape."""
    g.set_value(x, value)


def batch_set_value(tuples: Iterable[tuple[g.Node, object]]) -> None:
    """`set_value` for each pair (variable, value): for all, or, where an error is raised, none."""
    g.set_values(tuples)


def _full(value: float, shape: tuple[int, ...], dtype: str | None, name: str | None) -> g.Node:
    # Of one number, so that no second array is made beside the variable's own.
    return variable(np.broadcast_to(value, shape), dtype, name)


def _known(shape: Sequence[int] | int, what: str) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    if not all(isinstance(size, int | np.integer) and size >= 0 for size in sizes):
        raise ShapeError(
            f"{what}: a variable needs sizes that are whole numbers, received {shape!r}; "
            f"{what}_like(x) has the shape that x has in a call"
        )
    return tuple(map(int, sizes))
