"""K: variables and placeholders, what they hold, and functions over them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from graphc.backend.settings import floatx
from graphc.compiler import graph as g
from graphc.compiler.function import Function as CompiledFunction
from graphc.compiler.function import function as compile_function
from graphc.compiler.grad import grad
from graphc.errors import ArgumentError, DataError, DTypeError, ShapeError
from graphc.lookup import refuse_keywords

_COMPILE_KEYWORDS = ("givens", "mode", "name", "on_unused_input")


def variable(value: object, dtype: str | None = None, name: str | None = None) -> g.Node:
    """A shared variable: `value` in a dtype (`floatx` by default)."""
    return g.shared(value, name=name, dtype=dtype or floatx())


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


def eval(x: object) -> np.ndarray:
    """The value of an expression that reads no placeholder."""
    return compile_function([], g.as_node(x), name="eval")()


def zeros(shape: Sequence[int], dtype: str | None = None, name: str | None = None) -> g.Node:
    """A shared variable full of 0."""
    return variable(np.zeros(tuple(shape)), dtype, name)


def ones(shape: Sequence[int], dtype: str | None = None, name: str | None = None) -> g.Node:
    """A shared variable full of 1."""
    return variable(np.ones(tuple(shape)), dtype, name)


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
    """`set_value` for each pair (variable, value)."""
    for x, value in tuples:
        g.set_value(x, value)


def learning_phase() -> g.Node:
    """The bool that is true in training and false in testing.

    A function over an expression that reads it lists it among its inputs (fed with 0 or 1), or
    fixes it: ``givens=[(K.learning_phase(), True)]``.
    """
    return g.learning_phase()


def in_train_phase(x: object, alt: object) -> g.Node:
    """x in training, else alt."""
    return g.where(learning_phase(), x, alt)


def in_test_phase(x: object, alt: object) -> g.Node:
    """x in testing, else alt."""
    return g.where(learning_phase(), alt, x)


def switch(condition: object, then_expression: object, else_expression: object) -> g.Node:
    """Element by element: the one where the condition is true (not 0), else the other."""
    return g.where(condition, then_expression, else_expression)


def gradients(loss: g.Node, variables: Sequence[g.Node]) -> list[g.Node]:
    """The gradient of a scalar loss to each variable. GradientError where it does not depend."""
    return grad(loss, list(variables))


class Function:
    """A compiled function over lists: ``outputs = f([x, y])``. Made by `function`."""

    def __init__(self, compiled: CompiledFunction, inputs: Sequence[g.Node]):
        self.function = compiled
        self._inputs = inputs

    def __call__(self, inputs: Sequence[object]) -> list[np.ndarray]:
        """The outputs, one array each. Values are converted to the inputs' dtypes."""
        if not isinstance(inputs, list | tuple):
            raise ArgumentError(
                f"{self.function.name}: expected a list of {len(self._inputs)} arrays, received "
                f"{type(inputs).__name__}"
            )
        if len(inputs) != len(self._inputs):
            raise ArgumentError(
                f"{self.function.name}: expected {len(self._inputs)} arrays, received {len(inputs)}"
            )
        return self.function(*map(_converted, self._inputs, inputs))


def function(
    inputs: Sequence[g.Node],
    outputs: Sequence[g.Node] | g.Node,
    updates: Sequence[tuple[g.Node, object]] = (),
    **kwargs: object,
) -> Function:
    """Compile a graph.

    Args:
        inputs: placeholders; `learning_phase` may be one.
        outputs: expressions; a call returns a list with one array each.
        updates: (variable, new value) pairs, set at once after the outputs are computed.
        kwargs: ``givens``, ``mode``, ``name`` and ``on_unused_input`` of `graphc.function`.

    Raises:
        KeywordError: another keyword.
    """
    refuse_keywords("K.function", kwargs, _COMPILE_KEYWORDS)
    wanted = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    compiled = compile_function(list(inputs), wanted, updates=updates, **kwargs)
    return Function(compiled, list(inputs))


def _converted(node: g.Node, value: object) -> np.ndarray:
    """A value in an input's dtype; what an integer cannot hold is an error, not cut off."""
    g.refuse_device_array(value, g.label(node))
    try:
        array = np.asarray(value)
        with np.errstate(invalid="ignore"):
            converted = array.astype(node.dtype)
    except (TypeError, ValueError) as error:
        raise DTypeError(
            f"{g.label(node)}: expected numbers, received {type(value).__name__} ({error})"
        ) from error
    if not g.is_float(node.dtype) and node.dtype != "bool" and not np.array_equal(converted, array):
        raise DataError(
            f"{g.label(node)}: expected whole numbers that fit {node.dtype}; received others"
        )
    return converted
