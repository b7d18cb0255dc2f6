"""The expression surface: products of matrices and tensors."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph.checks import fail
from graphc.compiler.graph.dim import product
from graphc.compiler.graph.movement import reshape, transpose
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.operands import (
    broadcast_shape,
    broadcast_to,
    cast,
    float_dtype,
    unify_dtypes,
)
from graphc.compiler.graph.ops import make
from graphc.compiler.graph.reduce import normalize_axis


def _factors(x: object, y: object) -> tuple[Node, Node]:
    left, right = unify_dtypes([x, y])
    dtype = float_dtype(left.dtype)
    return cast(left, dtype), cast(right, dtype)


def tensordot(x: object, y: object, axes: tuple[Sequence[int], Sequence[int]]) -> Node:
    """Sum over pairs of axes; the result has x's other axes, then y's. One matmul."""
    left, right = _factors(x, y)
    summed_left = [normalize_axis(axis, left.ndim, "tensordot") for axis in axes[0]]
    summed_right = [normalize_axis(axis, right.ndim, "tensordot") for axis in axes[1]]
    if len(summed_left) != len(summed_right):
        fail(f"tensordot: expected as many axes of both, received {axes}")
    free_left = [axis for axis in range(left.ndim) if axis not in summed_left]
    free_right = [axis for axis in range(right.ndim) if axis not in summed_right]
    rows = [left.shape[axis] for axis in free_left]
    columns = [right.shape[axis] for axis in free_right]
    matrix = reshape(
        transpose(left, free_left + summed_left),
        (product(rows), product(left.shape[axis] for axis in summed_left)),
    )
    other = reshape(
        transpose(right, summed_right + free_right),
        (product(right.shape[axis] for axis in summed_right), product(columns)),
    )
    return reshape(make("matmul", matrix, other), (*rows, *columns))


def dot(x: object, y: object) -> Node:
    """numpy.dot: sums x's last axis with y's last but one (its only one, if y is a vector)."""
    left, right = _factors(x, y)
    if left.ndim == 0 or right.ndim == 0:
        fail(f"dot: expected at least one axis each, received {left.shape} and {right.shape}")
    return tensordot(left, right, ([left.ndim - 1], [max(right.ndim - 2, 0)]))


def matmul(x: object, y: object) -> Node:
    """numpy.matmul: matrices in the last two axes, the leading axes broadcast."""
    left, right = _factors(x, y)
    if left.ndim < 2 or right.ndim < 2:
        fail(f"matmul: expected at least two axes, received {left.shape} and {right.shape}")
    if right.ndim == 2 and left.ndim > 2:
        return dot(left, right)
    batch = broadcast_shape([left.shape[:-2], right.shape[:-2]], "matmul")
    return make(
        "matmul",
        broadcast_to(left, (*batch, *left.shape[-2:])),
        broadcast_to(right, (*batch, *right.shape[-2:])),
    )


def batch_dot(x: object, y: object, axes: tuple[int, int]) -> Node:
    """For each element of axis 0 of both: the sum over one axis of x with one of y.

    `axes` count axis 0 as well. The result has axis 0, then x's other axes, then y's.
    """
    left, right = _factors(x, y)
    if left.ndim < 2 or right.ndim < 2:
        fail(f"batch_dot: expected at least two axes, received {left.shape} and {right.shape}")
    summed = normalize_axis(axes[0], left.ndim, "batch_dot")
    summed_right = normalize_axis(axes[1], right.ndim, "batch_dot")
    if summed == 0 or summed_right == 0:
        fail(f"batch_dot: axes {axes} name axis 0, which is the batch")
    free = [axis for axis in range(1, left.ndim) if axis != summed]
    free_right = [axis for axis in range(1, right.ndim) if axis != summed_right]
    rows = [left.shape[axis] for axis in free]
    columns = [right.shape[axis] for axis in free_right]
    batch = left.shape[0]
    matrix = reshape(
        transpose(left, [0, *free, summed]), (batch, product(rows), left.shape[summed])
    )
    other = reshape(
        transpose(right, [0, summed_right, *free_right]),
        (right.shape[0], right.shape[summed_right], product(columns)),
    )
    return reshape(make("matmul", matrix, other), (batch, *rows, *columns))
