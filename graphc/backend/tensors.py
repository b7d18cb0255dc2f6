"""K: arithmetic, reductions, and the shape of tensors."""

from __future__ import annotations

import builtins
import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from graphc.backend.settings import floatx, held_dtype
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.lookup import whole_number
from graphc.releases import since

Axis = int | Sequence[int] | None


def cast(x: object, dtype: str) -> g.Node:
    """x in another dtype; see `held_dtype` for the narrow ones."""
    return g.cast(x, held_dtype(dtype))


def dot(x: object, y: object) -> g.Node:
    """numpy.dot: sums x's last axis with y's last but one (its only one, if y is a vector)."""
    return g.dot(x, y)


def batch_dot(
    x: object, y: object, axes: int | Sequence[int | Sequence[int]] | None = None
) -> g.Node:
    """For each sample: the sum over one axis of x with one axis of y, or over several of each.

    Args:
        x: (n, ...).
        y: (n, ...).
        axes: (axis of x, axis of y), the samples' axis 0 counted; an int stands for both; by
            default x's last and y's last but one. Lists of equally many axes, ([1, 2], [2, 3]),
            are summed in pairs: x's 1 with y's 2, x's 2 with y's 3.

    Returns:
        (n, x's other axes, y's other axes), or (n, 1) where no other axis is left.

    Raises:
        ArgumentError: `axes` is not an axis of each, or is needed and not given.
        ShapeError: the sizes of two axes that are summed, or of axis 0, differ.
    """
    left, right = g.as_node(x), g.as_node(y)
    if axes is None:
        if right.ndim < 3:
            raise ArgumentError(
                f"batch_dot: by default y's last axis but one is summed, which of {right.shape} is "
                "no axis after the samples'; give axes=(axis of x, axis of y)"
            )
        axes = (left.ndim - 1, right.ndim - 2)
    pair: tuple[Any, ...] = (axes, axes) if isinstance(axes, int | np.integer) else tuple(axes)
    several = [list(one) if isinstance(one, list | tuple) else [one] for one in pair]
    if (
        len(several) != 2
        or not len(several[0]) == len(several[1]) > 0
        or not builtins.all(isinstance(axis, int | np.integer) for one in several for axis in one)
    ):
        raise ArgumentError(
            "batch_dot: expected one axis of x and one of y, or equally many of each, e.g. "
            f"([1, 2], [1, 2]), received {axes}"
        )
    product = g.batch_dot(left, right, (several[0], several[1]))
    return g.expand_dims(product, 1) if product.ndim == 1 else product


def transpose(x: object) -> g.Node:
    """All axes in reverse order."""
    return g.transpose(x)


def gather(reference: object, indices: object) -> g.Node:
    """Rows of axis 0 by integer indices of any shape; one outside is an error in the call."""
    return g.take(reference, indices, 0)


def max(x: object, axis: Axis = None, keepdims: bool = False) -> g.Node:
    """The largest element over axes; NaN if there is one."""
    return g.max(x, axis, keepdims)


def min(x: object, axis: Axis = None, keepdims: bool = False) -> g.Node:
    """The smallest element over axes; NaN if there is one."""
    return g.min(x, axis, keepdims)


def sum(x: object, axis: Axis = None, keepdims: bool = False) -> g.Node:
    """The sum over axes."""
    return g.sum(x, axis, keepdims)


def prod(x: object, axis: Axis = None, keepdims: bool = False) -> g.Node:
    """The product over axes."""
    return g.prod(x, axis, keepdims)


def mean(x: object, axis: Axis = None, keepdims: bool = False) -> g.Node:
    """The mean over axes; of ints and bools in `floatx`."""
    return g.mean(x, axis, keepdims)


def std(x: object, axis: Axis = None, keepdims: bool = False) -> g.Node:
    """The standard deviation over axes, divided by n; its gradient is 0 where it is 0."""
    return sqrt(g.var(x, axis, keepdims))


@since("1.0.5")
def var(x: object, axis: Axis = None, keepdims: bool = False) -> g.Node:
    """The variance over axes, divided by n."""
    return g.var(x, axis, keepdims)


def any(x: object, axis: Axis = None, keepdims: bool = False) -> g.Node:
    """A bool: some element over axes is true (not 0)."""
    return g.any(x, axis, keepdims)


@since("1.0.5")
def all(x: object, axis: Axis = None, keepdims: bool = False) -> g.Node:
    """A bool: every element over axes is true (not 0)."""
    return g.all(x, axis, keepdims)


def argmax(x: object, axis: Axis = -1) -> g.Node:
    """The int32 position of the first largest element along an axis."""
    return g.argmax(x, axis)


def argmin(x: object, axis: Axis = -1) -> g.Node:
    """The int32 position of the first smallest element along an axis."""
    return g.argmin(x, axis)


def square(x: object) -> g.Node:
    """x * x."""
    return g.square(x)


def abs(x: object) -> g.Node:
    """The absolute value."""
    return g.abs(x)


def sqrt(x: object) -> g.Node:
    """The square root of max(x, 0), as Keras has it: 0, with a gradient of 0, from 0 down."""
    return g.sqrt(g.clip(x, 0.0, math.inf))


def exp(x: object) -> g.Node:
    """e to the x."""
    return g.exp(x)


def log(x: object) -> g.Node:
    """The natural logarithm."""
    return g.log(x)


def round(x: object) -> g.Node:
    """The nearest whole number, halves to even: 0.5 gives 0, 1.5 gives 2.

    Keras on Theano rounded halves away from 0; here all targets and NumPy agree on even.
    """
    return g.round(x)


def sign(x: object) -> g.Node:
    """-1, 0 or 1."""
    return g.sign(x)


def pow(x: object, a: object) -> g.Node:
    """x to the power a."""
    return g.pow(x, a)


def clip(x: object, min_value: object, max_value: object) -> g.Node:
    """x between two bounds; where max_value < min_value, min_value stands for both."""
    if isinstance(min_value, numbers.Real) and isinstance(max_value, numbers.Real):
        return g.clip(x, min_value, max_value if max_value >= min_value else min_value)
    return g.clip(x, min_value, g.maximum(max_value, min_value))


def equal(x: object, y: object) -> g.Node:
    """x == y, a bool an element."""
    return g.equal(x, y)


def not_equal(x: object, y: object) -> g.Node:
    """x != y, a bool an element."""
    return g.not_equal(x, y)


@since("1.0.7")
def greater(x: object, y: object) -> g.Node:
    """x > y, a bool an element."""
    return g.greater(x, y)


@since("1.0.7")
def greater_equal(x: object, y: object) -> g.Node:
    """x >= y, a bool an element."""
    return g.greater_equal(x, y)


@since("1.0.7")
def lesser(x: object, y: object) -> g.Node:
    """x < y, a bool an element."""
    return g.less(x, y)


@since("1.0.7")
def lesser_equal(x: object, y: object) -> g.Node:
    """x <= y, a bool an element."""
    return g.less_equal(x, y)


def maximum(x: object, y: object) -> g.Node:
    """The larger of two."""
    return g.maximum(x, y)


def minimum(x: object, y: object) -> g.Node:
    """The smaller of two."""
    return g.minimum(x, y)


@since("1.0.2")
def sin(x: object) -> g.Node:
    """The sine."""
    return g.sin(x)


@since("1.0.2")
def cos(x: object) -> g.Node:
    """The cosine."""
    return g.cos(x)


def concatenate(tensors: Sequence[object], axis: int = -1) -> g.Node:
    """Joined along an existing axis."""
    return g.concat(_several("concatenate", tensors), axis)


def pack(x: Sequence[object]) -> g.Node:
    """Joined along a new axis 0."""
    return g.stack(_several("pack", x), 0)


def _several(what: str, tensors: Sequence[object]) -> Sequence[object]:
    if isinstance(tensors, g.Node):
        raise ArgumentError(
            f"{what}: expected a list of tensors, [a, b], received one tensor, {tensors!r}"
        )
    return tensors


@since("1.2.0")
def stack(x: Sequence[object]) -> g.Node:
    """Joined along a new axis 0: `pack` under the name of Keras 1.2."""
    return pack(x)


def reshape(x: object, shape: Sequence[g.Size]) -> g.Node:
    """The same elements in another shape; one size may be -1: what is left."""
    return g.reshape(x, shape)


def permute_dimensions(x: object, pattern: Sequence[int]) -> g.Node:
    """Axis i of the result is axis pattern[i] of x; axis 0 is in the pattern too."""
    return g.transpose(x, pattern)


def repeat_elements(x: object, rep: int, axis: int) -> g.Node:
    """Each element `rep` times in a row along an axis: numpy.repeat."""
    return g.repeat(x, rep, axis)


def repeat(x: object, n: int) -> g.Node:
    """(samples, d) repeated to (samples, n, d)."""
    node = g.as_node(x)
    if node.ndim != 2:
        raise ShapeError(f"repeat: expected (samples, features), received the shape {node.shape}")
    samples, features = node.shape
    return g.broadcast_to(g.expand_dims(node, 1), (samples, n, features))


def tile(x: object, n: int | Sequence[int] | np.ndarray | g.Node) -> g.Node:
    """The whole of x n times along each axis, counted from the last: numpy.tile."""
    node = g.as_node(x)
    several: Iterable[object] = (n,)
    if isinstance(n, list | tuple | np.ndarray) or (isinstance(n, g.Node) and n.ndim == 1):
        several = n
    counts = g.as_shape(several, "tile")
    missing = len(counts) - node.ndim
    one: g.Shape = (1,)
    if missing > 0:
        node = g.reshape(node, (*one * missing, *node.shape))
    return g.tile(node, (*one * -missing, *counts))


def flatten(x: object) -> g.Node:
    """All elements in one axis."""
    return g.reshape(x, (-1,))


def batch_flatten(x: object) -> g.Node:
    """(samples, ...) as (samples, features)."""
    node = g.as_node(x)
    if node.ndim == 0:
        raise ShapeError("batch_flatten: expected at least the axis of samples, received a scalar")
    return g.reshape(node, (node.shape[0], -1))


def expand_dims(x: object, dim: int = -1) -> g.Node:
    """A new axis of size 1 at a position of the result (-1: after the last)."""
    return g.expand_dims(x, dim)


def squeeze(x: object, axis: int) -> g.Node:
    """Without this axis, which has to be of size 1; other axes of size 1 stay. Where only a call
    knows the size, that checks it."""
    node = g.as_node(x)
    if -node.ndim <= axis < node.ndim and isinstance(node.shape[axis], g.Dim):
        sizes = list(node.shape)
        sizes[axis] = 1
        node = g.reshape(node, sizes)
    return g.squeeze(node, axis)


@since("1.2.0")
def arange(
    start: g.Size, stop: g.Size | None = None, step: int = 1, dtype: str = "int32"
) -> g.Node:
    """The numbers start, start + step, ... before stop: numpy.arange.

    Args:
        start, stop: numbers, or sizes (``K.shape(x)[1]``) with a step of whole numbers; without
            `stop` from 0 to `start`.
        step: not 0; a whole number above 0 where a size is symbolic.
        dtype: of the result.

    Raises:
        ArgumentError: what is no number, or a step of 0.
    """
    first, last = (0, start) if stop is None else (start, stop)
    for value in (first, last, step):
        if isinstance(value, bool) or not isinstance(value, numbers.Real | g.Dim):
            raise ArgumentError(
                "arange: expected numbers or sizes (K.shape(x)[1]), since the shape of a result is "
                f"known before the call; received {value!r}"
            )
    if step == 0:
        raise ArgumentError("arange: step: expected a number other than 0, received 0")
    if not isinstance(first, g.Dim) and not isinstance(last, g.Dim):
        return g.constant(np.arange(first, last, step), dtype)
    step = whole_number("arange: step, where a size is symbolic", step, 1)
    count = (last - first + (step - 1)) // step
    numbers_ = g.cast(g.iota(count), dtype)
    return g.cast(g.add(g.mul(numbers_, step), g.cast(g.as_node(first), dtype)), dtype)


@since("1.0.7")
def one_hot(indices: object, nb_classes: int) -> g.Node:
    """1 in `floatx` at each index along a new last axis of `nb_classes`, else 0; an index outside
    has a row of 0.

    DTypeError for indices that are no whole numbers.
    """
    node = g.as_node(indices)
    if g.is_float(node.dtype) or node.dtype == "bool":
        raise DTypeError(
            f"one_hot: indices: expected whole numbers, received {node.dtype}; K.cast(x, 'int32') "
            "makes them"
        )
    return g.one_hot(node, whole_number("one_hot: nb_classes", nb_classes, 1), floatx())


@since("1.0.8")
def reverse(x: object, axes: int | Sequence[int]) -> g.Node:
    """The elements in reverse along an axis or several."""
    return g.flip(x, axes)


@since("1.2.0")
def pattern_broadcast(x: object, broatcastable: Sequence[bool]) -> g.Node:
    """x, whose axes that are said to broadcast have the size 1.

    Theano needed them; here sizes decide, and a symbolic one becomes 1, which the call checks.

    Raises:
        ArgumentError: another number of axes.
        ShapeError: an axis that is said to broadcast and has another size.
    """
    node, pattern = g.as_node(x), list(broatcastable)
    if len(pattern) != node.ndim:
        raise ArgumentError(
            f"pattern_broadcast: expected {node.ndim} bools, one for each axis of {node.shape}, "
            f"received {broatcastable!r}"
        )
    sizes = [1 if one else size for one, size in zip(pattern, node.shape, strict=True)]
    for axis, (size, wanted) in enumerate(zip(node.shape, sizes, strict=True)):
        if isinstance(size, int) and size != wanted:
            raise ShapeError(
                f"pattern_broadcast: axis {axis} of {node.shape}: expected the size 1 of an axis "
                f"that broadcasts, received {size}"
            )
    return g.reshape(node, sizes)
