"""The expression surface: reductions, with NumPy's `axis` and `keepdims`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from graphc.compiler.graph.checks import fail
from graphc.compiler.graph.dim import Size, product
from graphc.compiler.graph.expressions import pointwise as pw
from graphc.compiler.graph.expressions.operands import as_node, broadcast_to, cast, float_dtype
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import make
from graphc.config import config

Axis = int | Sequence[int] | None


def normalize_axis(axis: int, ndim: int, op: str) -> int:
    """An axis counted from the front. ShapeError where it does not exist."""
    position = axis + ndim if axis < 0 else axis
    if not 0 <= position < ndim:
        fail(f"{op}: axis {axis} does not exist, the input has {ndim} axes")
    return position


def normalize_axes(axis: Axis, ndim: int, op: str) -> tuple[int, ...]:
    """Axes from the front, sorted; None stands for all."""
    if axis is None:
        return tuple(range(ndim))
    axes = list(axis) if isinstance(axis, Iterable) else [axis]
    for one in axes:
        if not hasattr(one, "__index__"):
            fail(f"{op}: an axis is an int, received {one!r}")
    positions = sorted(normalize_axis(int(one), ndim, op) for one in axes)
    if len(set(positions)) < len(positions):
        fail(f"{op}: an axis is named twice in {axis}")
    return tuple(positions)


def restore_axes(reduced: Node, shape: tuple[Any, ...], axes: tuple[int, ...]) -> Node:
    """The result of a reduction with its axes back as size 1."""
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return reduced if kept == reduced.shape else make("reshape", reduced, shape=kept)


def _reduce(op: str, node: Node, axis: Axis, keepdims: bool) -> Node:
    axes = normalize_axes(axis, node.ndim, op)
    positional = op in ("argmax", "argmin")
    reduced = node if not axes and not positional else make(op, node, axes=axes)
    return restore_axes(reduced, node.shape, axes) if keepdims else reduced


def _number(x: object) -> Node:
    node = as_node(x)
    return cast(node, "int32") if node.dtype == "bool" else node


def _truth(x: object) -> Node:
    node = as_node(x)
    return node if node.dtype == "bool" else pw.not_equal(node, 0)


def sum(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """The sum over axes, in x's dtype (bools count as int32)."""
    return _reduce("sum", _number(x), axis, keepdims)


def prod(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """The product over axes, in x's dtype (bools count as int32)."""
    return _reduce("prod", _number(x), axis, keepdims)


def max(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """The largest element; NaN if there is one. The gradient goes to the first of ties."""
    return _reduce("max", _number(x), axis, keepdims)


def min(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """The smallest element; NaN if there is one. The gradient goes to the first of ties."""
    return _reduce("min", _number(x), axis, keepdims)


def any(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """Some element is true (not 0)."""
    return _reduce("any", _truth(x), axis, keepdims)


def all(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """Every element is true (not 0)."""
    return _reduce("all", _truth(x), axis, keepdims)


def argmax(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """The int32 position of the first largest element (or the first NaN) along an axis.

    Over several axes, or all, the position counts their elements in C order.
    """
    return _reduce("argmax", _number(x), axis, keepdims)


def argmin(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """The int32 position of the first smallest element (or the first NaN); see `argmax`."""
    return _reduce("argmin", _number(x), axis, keepdims)


def mean(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """The mean over axes; of ints and bools in floatX."""
    node = as_node(x)
    node = cast(node, float_dtype(node.dtype))
    axes = normalize_axes(axis, node.ndim, "mean")
    total = _reduce("sum", node, axes, keepdims)
    return pw.div(total, element_count(node, axes, node.dtype))


def element_count(node: Node, axes: tuple[int, ...], dtype: str) -> Node:
    """Return the number of elements along axes, as a scalar of a dtype."""
    return cast(as_node(product(node.shape[axis] for axis in axes)), dtype)


def own_mean(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """`mean`; where a step takes its batch in shards, that of the shard's own rows."""
    node = as_node(x)
    node = cast(node, float_dtype(node.dtype))
    axes = normalize_axes(axis, node.ndim, "mean")
    total = pw.own_batch(_reduce("sum", node, axes, keepdims))
    return pw.div(total, pw.own_batch(element_count(node, axes, node.dtype)))


def own_var(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """`var`; where a step takes its batch in shards, that of the shard's own rows."""
    centred = pw.sub(x, own_mean(x, axis, keepdims=True))
    return own_mean(pw.square(centred), axis, keepdims)


def rows_mean(x: object, rows: Size) -> Node:
    """x; where it is a shard's own (`own_batch`), its mean over the shards, weighted by the rows of
    each. `rows` is the size of the whole axis that carries the batch."""
    node = as_node(x)
    return mean(broadcast_to(node, (rows, *node.shape)), 0)


def var(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """The variance mean((x - mean(x))^2): divided by n, not n - 1."""
    node = as_node(x)
    node = cast(node, float_dtype(node.dtype))
    centred = pw.sub(node, mean(node, axis, keepdims=True))
    return mean(pw.square(centred), axis, keepdims)


def std(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """The square root of `var`."""
    return pw.sqrt(var(x, axis, keepdims))


def softmax(x: object, axis: int = -1) -> Node:
    """exp(x) / sum(exp(x)) along an axis, computed from x - max(x)."""
    weights = pw.exp(pw.sub(x, max(x, axis, keepdims=True)))
    return pw.div(weights, sum(weights, axis, keepdims=True))


def logsumexp(x: object, axis: Axis = None, keepdims: bool = False) -> Node:
    """log(sum(exp(x))) over axes, computed from x - max(x); infinite where the sum is 0 or inf."""
    node = as_node(x)
    node = cast(node, float_dtype(node.dtype))
    # Finite, because inf - inf is NaN where exp(x) itself has a sum of 0 or inf.
    limit = float(np.finfo(node.dtype).max)
    largest = pw.clip(max(node, axis, keepdims=True), -limit, limit)
    shifted = pw.log(sum(pw.exp(pw.sub(node, largest)), axis, keepdims=True))
    total = pw.add(largest, shifted)
    axes = normalize_axes(axis, node.ndim, "logsumexp")
    if keepdims:
        return total
    kept = tuple(size for k, size in enumerate(node.shape) if k not in axes)
    return make("reshape", total, shape=kept)


def iota(size: object, dtype: str = "int32") -> Node:
    """0, 1, ..., size - 1."""
    return make("iota", size=size, dtype=dtype)


def one_hot(indices: object, depth: Size, dtype: str | None = None) -> Node:
    """1 at the index along a new last axis of `depth`, else 0 (all 0 for an index outside)."""
    node = as_node(indices)
    positions = broadcast_to(iota(depth, node.dtype), (*node.shape, depth))
    marked = pw.equal(make("reshape", node, shape=(*node.shape, 1)), positions)
    return cast(marked, dtype or config.floatX)
