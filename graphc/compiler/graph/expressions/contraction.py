"""The expression surface: products of matrices and tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.compiler.graph.checks import SizeChecks, fail
from graphc.compiler.graph.dim import Size, product
from graphc.compiler.graph.expressions.movement import reshape, transpose
from graphc.compiler.graph.expressions.operands import (
    as_node,
    broadcast_shape,
    broadcast_to,
    cast,
    float_dtype,
    unify_dtypes,
)
from graphc.compiler.graph.expressions.reduce import normalize_axis
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import make, state_claims


def _factors(x: object, y: object) -> tuple[Node, Node]:
    left, right = unify_dtypes([x, y])
    dtype = float_dtype(left.dtype)
    return cast(left, dtype), cast(right, dtype)


def _contracted(
    op: str, x: object, y: object, axes: tuple[Sequence[int], Sequence[int]], batch: int
) -> Node:
    """Sum over pairs of axes, none of which is among the first `batch` ones, which both have and
    which stay: (*those, *x's other axes, *y's). One matmul."""
    left, right = _factors(x, y)
    summed = [normalize_axis(axis, left.ndim, op) for axis in axes[0]]
    summed_right = [normalize_axis(axis, right.ndim, op) for axis in axes[1]]
    if len(summed) != len(summed_right):
        fail(f"{op}: expected as many axes of both, received {axes}")
    for several in (summed, summed_right):
        if len(set(several)) < len(several):
            fail(f"{op}: axes {axes} name an axis twice")
        if any(axis < batch for axis in several):
            fail(f"{op}: axes {axes} name axis 0, which is the batch")
    checks = SizeChecks()
    for axis in range(batch):
        what = "{}: axis {} of {} and of {}"
        checks.equal(left.shape[axis], right.shape[axis], what, op, axis, left.shape, right.shape)
    pairs = list(zip(summed, summed_right, strict=True))
    left, right = _agreeing(left, right, pairs, op, checks)
    kept = list(range(batch))
    free = [axis for axis in range(batch, left.ndim) if axis not in summed]
    free_right = [axis for axis in range(batch, right.ndim) if axis not in summed_right]
    leading, rows, inner = (_sizes(left, several) for several in (kept, free, summed))
    leading_right, columns, inner_right = (
        _sizes(right, several) for several in (kept, free_right, summed_right)
    )
    matrix = reshape(
        transpose(left, [*kept, *free, *summed]), (*leading, product(rows), product(inner))
    )
    other = reshape(
        transpose(right, [*kept, *summed_right, *free_right]),
        (*leading_right, product(inner_right), product(columns)),
    )
    result = state_claims(make("matmul", matrix, other), checks.claims)
    return reshape(result, (*leading, *rows, *columns))


def _sizes(node: Node, axes: Sequence[int]) -> list[Size]:
    return [node.shape[axis] for axis in axes]


def _agreeing(
    left: Node, right: Node, pairs: Sequence[tuple[int, int]], op: str, checks: SizeChecks
) -> tuple[Node, Node]:
    """Both with one size along each of several pairs of axes, the known one where one is. The
    product itself compares no more than how many elements all of them have."""
    shapes = left.shape, right.shape
    for axis, other in pairs:
        what = "{}: axis {} of {} and axis {} of {}"
        sizes = left.shape[axis], right.shape[other]
        size = checks.equal(*sizes, what, op, axis, shapes[0], other, shapes[1])
        if len(pairs) > 1:
            left = _taken_as(left, axis, size, checks)
            right = _taken_as(right, other, size, checks)
    return left, right


def _taken_as(node: Node, axis: int, size: Size, checks: SizeChecks) -> Node:
    """The node with another size that an axis has to have, which the call checks."""
    taken = reshape(node, (*node.shape[:axis], size, *node.shape[axis + 1 :]))
    return node if taken is node else state_claims(taken, checks.claims)


def tensordot(x: object, y: object, axes: tuple[Sequence[int], Sequence[int]]) -> Node:
    """Sum over pairs of axes; the result has x's other axes, then y's. One matmul."""
    return _contracted("tensordot", x, y, axes, 0)


def dot(x: object, y: object) -> Node:
    """numpy.dot: sums x's last axis with y's last but one (its only one, if y is a vector)."""
    left, right = _factors(x, y)
    if left.ndim == 0 or right.ndim == 0:
        fail(f"dot: expected at least one axis each, received {left.shape} and {right.shape}")
    return _contracted("dot", left, right, ([left.ndim - 1], [max(right.ndim - 2, 0)]), 0)


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


def batch_dot(x: object, y: object, axes: tuple[int | Sequence[int], int | Sequence[int]]) -> Node:
    """For each element of axis 0 of both: the sum over one axis of x with one of y, or over pairs
    of axes.

    `axes` count axis 0 as well. The result has axis 0, then x's other axes, then y's.
    """
    left, right = as_node(x), as_node(y)
    if left.ndim < 2 or right.ndim < 2:
        fail(f"batch_dot: expected at least two axes, received {left.shape} and {right.shape}")
    first, second = (one if isinstance(one, Iterable) else [one] for one in axes)
    return _contracted("batch_dot", left, right, (first, second), 1)
