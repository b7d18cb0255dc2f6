"""K: variables and placeholders, and what they hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from operator import add, floordiv, mul, sub
from typing import Any

import numpy as np

from graphc.backend.settings import as_numbers, floatx, held_dtype
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.releases import arguments_of_1_2, since

Update = tuple[g.Node, g.Node]
"""A shared variable and its new value, as `function` and `Layer.add_update` take it."""


def variable(value: object, dtype: str | None = None, name: str | None = None) -> g.Node:
    """A shared variable: `value` in a dtype (`floatx` by default).

    Raises:
        DTypeError: a value that is not numbers in host memory, or a dtype that there is not.
    """
    dtype = held_dtype(dtype or floatx())
    if dtype not in g.DTYPES:
        raise DTypeError(f"dtype {dtype!r} is not supported; use {', '.join(g.DTYPES)}")
    return g.shared(as_numbers(value, f"variable {name or 'without a name'}"), name, dtype)


@arguments_of_1_2("shape", "ndim", "dtype", "sparse", "name")
def placeholder(
    shape: Sequence[g.Size | None] | None = None,
    ndim: int | None = None,
    dtype: str | None = None,
    name: str | None = None,
    *,
    sparse: bool = False,
) -> g.Node:
    """An input that each call feeds.

    Args:
        shape: sizes; each ``None`` is known at the call only.
        ndim: instead of `shape`, the number of axes, all of unknown size.
        dtype: `floatx` by default.
        name: shown in errors.
        sparse: False; there are no sparse tensors.
    """
    if sparse:
        raise ArgumentError(
            "placeholder: sparse: expected False, since there are no sparse tensors here; leave it "
            "out, and feed x.toarray(), or batch by batch x[a:b].toarray()"
        )
    if shape is None:
        if ndim is None:
            raise ArgumentError("placeholder needs a shape or a number of axes (ndim)")
        shape = (None,) * ndim
    elif ndim is not None and ndim != len(shape):
        raise ShapeError(f"placeholder: ndim {ndim} does not fit the shape {tuple(shape)}")
    return g.input(tuple(shape), dtype=held_dtype(dtype or floatx()), name=name)


class Sizes(tuple[g.Size, ...]):
    """A tuple of sizes with the arithmetic of a vector, as programs for Keras have it:
    ``K.shape(x)[1:3] * 2`` doubles two sizes. Behind ``+``, a tuple is joined."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return Sizes(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Sizes:
        return Sizes((*self, *other)) if isinstance(other, tuple) else self._with(add, other)

    def __radd__(self, other: Any) -> Sizes:
        return Sizes((*other, *self)) if isinstance(other, tuple) else self._with(add, other)

    def __sub__(self, other: Any) -> Sizes:
        return self._with(sub, other)

    def __mul__(self, other: Any) -> Sizes:
        return self._with(mul, other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Sizes:
        return self._with(floordiv, other)

    def _with(self, operation: Callable[[Any, Any], g.Size], other: Any) -> Sizes:
        several = isinstance(other, Sequence | np.ndarray) and np.ndim(other)
        others = list(other) if several else [other] * len(self)
        if len(others) != len(self):
            raise ShapeError(
                f"{operation.__name__} of sizes: expected one number, or {len(self)} as there are "
                f"in {tuple(self)}, received {len(others)}"
            )
        return Sizes(
            operation(mine, theirs.item() if isinstance(theirs, np.generic) else theirs)
            for mine, theirs in zip(self, others, strict=True)
        )


def shape(x: g.Node) -> Sizes:
    """The sizes, as ints and symbols; `reshape` and the random functions take them as they are."""
    return Sizes(g.as_node(x).shape)


@since("1.2.0")
def int_shape(x: g.Node) -> tuple[int | None, ...]:
    """The sizes as ints, with None for what only a call knows."""
    return tuple(size if isinstance(size, int) else None for size in g.as_node(x).shape)


@since("1.0.8")
def get_variable_shape(x: g.Node) -> tuple[int, ...]:
    """The shape of a shared variable. DTypeError for an expression."""
    return g.state_of(x).shape


@since("1.2.0")
def is_explicit_shape(shape: object) -> bool:
    """Return whether a shape is made of ints and None alone."""
    sizes = shape if isinstance(shape, list | tuple) else [shape, ""]
    return all(size is None or isinstance(size, int) for size in sizes)


@since("1.0.7")
def is_keras_tensor(x: object) -> bool:
    """Return whether a tensor is the output of a layer, or an `Input`."""
    return isinstance(x, g.Node) and x.history is not None


@since("1.1.0")
def is_sparse(tensor: object) -> bool:
    """Return False: there are no sparse tensors here."""
    return False


@since("1.1.0")
def to_dense(tensor: g.Node) -> g.Node:
    """The tensor itself, which is dense."""
    return tensor


def ndim(x: g.Node) -> int:
    """The number of axes."""
    return g.as_node(x).ndim


def dtype(x: g.Node) -> str:
    """The dtype's name."""
    return g.as_node(x).dtype


def zeros(shape: Sequence[g.Size], dtype: str | None = None, name: str | None = None) -> g.Node:
    """A shared variable full of 0; a tensor where a size is one of `shape`, which a call knows."""
    return _full(0.0, shape, "zeros", dtype, name)


def ones(shape: Sequence[g.Size], dtype: str | None = None, name: str | None = None) -> g.Node:
    """A shared variable full of 1; a tensor where a size is one of `shape`, which a call knows."""
    return _full(1.0, shape, "ones", dtype, name)


@since("1.0.2")
def eye(size: int, dtype: str | None = None, name: str | None = None) -> g.Node:
    """A shared variable with an identity matrix of this size."""
    (rows,) = _known((size,), "eye")
    return variable(np.eye(rows), dtype, name)


def zeros_like(x: g.Node, dtype: str | None = None, name: str | None = None) -> g.Node:
    """An expression full of 0 with x's shape, and its dtype unless another is given."""
    node = g.as_node(x)
    return g.set_name(g.full(node.shape, 0, dtype or node.dtype), name)


def ones_like(x: g.Node, dtype: str | None = None, name: str | None = None) -> g.Node:
    """An expression full of 1 with x's shape, and its dtype unless another is given."""
    node = g.as_node(x)
    return g.set_name(g.full(node.shape, 1, dtype or node.dtype), name)


def count_params(x: g.Node) -> int:
    """The number of elements. ShapeError where the call alone knows it."""
    return math.prod(g.known_sizes(g.as_node(x).shape, "count_params"))


def get_value(x: g.Node) -> np.ndarray:
    """A copy of a shared variable's value. DTypeError for an expression."""
    return g.get_value(x)


@since("1.0.3")
def batch_get_value(xs: Iterable[g.Node]) -> list[np.ndarray]:
    """`get_value` of each variable."""
    return [g.get_value(x) for x in xs]


def set_value(x: g.Node, value: object) -> None:
    """Replace a shared variable's value, cast to its dtype. ShapeError for another shape."""
    g.set_value(x, value)


def batch_set_value(tuples: Iterable[tuple[g.Node, object]]) -> None:
    """`set_value` for each pair (variable, value): for all, or, where an error is raised, none."""
    g.set_values(tuples)


@since("1.0.7")
def update(x: g.Node, new_x: object) -> Update:
    """The update of a variable to a new value."""
    return x, g.as_node(new_x, x.dtype)


@since("1.0.7")
def update_add(x: g.Node, increment: object) -> Update:
    """The update of a variable by adding to it."""
    return x, g.add(x, increment)


@since("1.0.7")
def update_sub(x: g.Node, decrement: object) -> Update:
    """The update of a variable by subtracting from it."""
    return x, g.sub(x, decrement)


@since("1.0.7")
def moving_average_update(variable: g.Node, value: object, momentum: float) -> Update:
    """The update of a moving average: variable * momentum + value * (1 - momentum)."""
    return variable, g.add(g.mul(variable, momentum), g.mul(value, 1.0 - momentum))


def _full(
    value: float, shape: Sequence[g.Size], what: str, dtype: str | None, name: str | None
) -> g.Node:
    several = isinstance(shape, Sequence | g.Node)
    if several and any(isinstance(size, g.Dim | g.Node) for size in shape):
        return g.full(g.as_shape(shape, what), value, held_dtype(dtype or floatx()))
    # Of one number, so that no second array is made beside the variable's own.
    return variable(np.broadcast_to(value, _known(shape, what)), dtype, name)


def _known(shape: Sequence[g.Size] | int, what: str) -> tuple[int, ...]:
    given = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    sizes = [int(size) for size in given if isinstance(size, int | np.integer) and size >= 0]
    if len(sizes) < len(given):
        raise ShapeError(
            f"{what}: a variable needs sizes that are whole numbers, received {shape!r}; "
            f"{what}_like(x) has the shape that x has in a call"
        )
    return tuple(sizes)
