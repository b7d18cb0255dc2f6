"""The expression surface: reshape, transpose, indexing, pad, concat and their kin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.compiler.graph.checks import fail
from graphc.compiler.graph.dim import (
    Dim,
    Shape,
    Size,
    as_size,
    floor_divide,
    minimum_value,
    product,
)
from graphc.compiler.graph.expressions.operands import as_node, broadcast_to, unify_dtypes
from graphc.compiler.graph.expressions.reduce import normalize_axes, normalize_axis
from graphc.compiler.graph.expressions.sizes import as_shape, size_of
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import make
from graphc.compiler.graph.ops.contraction import INDICES
from graphc.errors import DTypeError, IndexRangeError


def reshape(x: object, shape: Sequence[Size]) -> Node:
    """The same elements in C order in another shape; one size may be -1: what is left."""
    node = as_node(x)
    shape = as_shape(shape, "reshape")
    if -1 in shape:
        if shape.count(-1) > 1:
            fail(f"reshape to {shape}: only one size can be -1")
        known = product(size for size in shape if size != -1)
        inferred = floor_divide(product(node.shape), known)
        shape = tuple(inferred if size == -1 else size for size in shape)
    return node if shape == node.shape else make("reshape", node, shape=shape)


def transpose(x: object, order: Sequence[int] | None = None) -> Node:
    """Axis i of the result is axis order[i] of x; without an order they are reversed."""
    node = as_node(x)
    if order is None:
        order = range(node.ndim)[::-1]
    order = tuple(normalize_axis(int(axis), node.ndim, "transpose") for axis in order)
    return node if order == tuple(range(node.ndim)) else make("transpose", node, order=order)


def swap_axes(x: object, first: int, second: int) -> Node:
    """Two axes exchanged."""
    node = as_node(x)
    order = list(range(node.ndim))
    first = normalize_axis(first, node.ndim, "swap_axes")
    second = normalize_axis(second, node.ndim, "swap_axes")
    order[first], order[second] = order[second], order[first]
    return transpose(node, order)


def expand_dims(x: object, axis: int) -> Node:
    """A new axis of size 1 at a position of the result (-1: after the last)."""
    node = as_node(x)
    position = normalize_axis(axis, node.ndim + 1, "expand_dims")
    return make("reshape", node, shape=(*node.shape[:position], 1, *node.shape[position:]))


def squeeze(x: object, axis: int | Sequence[int]) -> Node:
    """Without these axes, which have to be of size 1."""
    node = as_node(x)
    axes = normalize_axes(axis, node.ndim, "squeeze")
    for position in axes:
        if node.shape[position] != 1:
            fail(f"squeeze: axis {position} of {node.shape} has size {node.shape[position]}, not 1")
    return reshape(node, [size for k, size in enumerate(node.shape) if k not in axes])


def flip(x: object, axis: int | Sequence[int]) -> Node:
    """The elements in reverse along axes."""
    node = as_node(x)
    axes = normalize_axes(axis, node.ndim, "flip")
    return make("flip", node, axes=axes) if axes else node


def concat(values: Sequence[object], axis: int = -1) -> Node:
    """Joined along an existing axis."""
    if not values:
        fail("concat: needs at least one input")
    nodes = unify_dtypes(list(values))
    position = normalize_axis(axis, nodes[0].ndim, "concat")
    return nodes[0] if len(nodes) == 1 else make("concat", *nodes, axis=position)


def stack(values: Sequence[object], axis: int = 0) -> Node:
    """Joined along a new axis."""
    return concat([expand_dims(value, axis) for value in values], axis)


def pad(x: object, widths: Sequence[tuple[Size, Size]], value: float = 0.0) -> Node:
    """`value` around x: (before, after) for each axis."""
    node = as_node(x)
    if len(widths) != node.ndim:
        fail(f"pad: expected (before, after) for {node.ndim} axes, received {len(widths)}")
    low = tuple(as_size(before, "pad") for before, _ in widths)
    high = tuple(as_size(after, "pad") for _, after in widths)
    if all(size == 0 for size in low + high):
        return node
    return make("pad", node, low=low, high=high, interior=(0,) * node.ndim, value=float(value))


def repeat(x: object, count: int, axis: int) -> Node:
    """Each element `count` times in a row along an axis, like numpy.repeat."""
    node = as_node(x)
    position = normalize_axis(axis, node.ndim, "repeat")
    before, size, after = node.shape[:position], node.shape[position], node.shape[position + 1 :]
    spread = broadcast_to(expand_dims(node, position + 1), (*before, size, count, *after))
    return reshape(spread, (*before, size * count, *after))


def tile(x: object, counts: Sequence[Size]) -> Node:
    """The whole of x `counts` times along each axis, like numpy.tile."""
    node = as_node(x)
    if len(counts) != node.ndim:
        fail(f"tile: expected {node.ndim} counts, one an axis, received {tuple(counts)}")
    spread = reshape(node, [part for size in node.shape for part in (1, size)])
    spread = broadcast_to(
        spread,
        tuple(part for n, size in zip(counts, node.shape, strict=True) for part in (n, size)),
    )
    return reshape(spread, [n * size for n, size in zip(counts, node.shape, strict=True)])


def take(x: object, indices: object, axis: int = 0) -> Node:
    """x at indices along an axis, like numpy.take; an index outside 0..n-1 is an error in the call.

    The gradient with respect to x adds up where an index comes more than once.
    """
    node = as_node(x)
    positions = _positions(indices, "take")
    return make("gather", node, positions, axis=normalize_axis(axis, node.ndim, "take"))


def scatter_add(indices: object, updates: object, size: Size, axis: int = 0) -> Node:
    """Zeros of `size` along an axis, with each update added at its index (repeats add up); an index
    outside 0..size-1 is an error in the call."""
    positions = _positions(indices, "scatter_add")
    return make("scatter_add", positions, as_node(updates), axis=axis, size=size)


def _positions(indices: object, op: str) -> Node:
    node = as_node(indices)
    if node.dtype not in INDICES:
        raise DTypeError(f"{op}: indices have to be integers, received {node.dtype}")
    return node


def index(x: Node, key: object) -> Node:
    """``x[key]``: ints, slices with any step, None, Ellipsis, or one node of ints (rows of axis 0).

    Where an axis has a symbolic size, a bound beyond it is an error in the call, not cut short.
    """
    if isinstance(key, Node):
        return take(x, key)
    keys = list(key) if isinstance(key, tuple) else [key]
    if sum(k is Ellipsis for k in keys) > 1:
        fail("indexing: only one Ellipsis")
    given = sum(k is not None and k is not Ellipsis for k in keys)
    if given > x.ndim:
        fail(f"indexing: {given} indices for an input of {x.ndim} axes")
    if Ellipsis not in [k for k in keys if k is Ellipsis]:
        keys.append(Ellipsis)
    where = next(i for i, k in enumerate(keys) if k is Ellipsis)
    keys[where : where + 1] = [slice(None)] * (x.ndim - given)
    return _index(x, keys)


def _index(x: Node, keys: list[object]) -> Node:
    start, stop, step, reversed_axes = [], [], [], []
    shape: list[Size | None] = []  # of the result; None: the size that the slice has
    axis = 0
    for key in keys:
        if key is None:
            shape.append(1)
            continue
        size = x.shape[axis]
        if isinstance(key, slice):
            first, last, stride = _bounds(key, size, axis)
            if stride < 0:
                # The same elements forwards; the flip that follows puts them in order.
                count = (first - last - stride - 1) // -stride
                # An empty one may begin anywhere, and with a longer stride would begin outside.
                first, last = (0, 0) if count == 0 else (first + (count - 1) * stride, first + 1)
                stride = -stride
                reversed_axes.append(axis)
            shape.append(None)
        else:
            first = _position(key, size, axis)
            last, stride = first + 1, 1
        start.append(first)
        stop.append(last)
        step.append(stride)
        axis += 1
    taken = x
    if (tuple(start), tuple(stop)) != ((0,) * x.ndim, x.shape) or set(step) - {1}:
        taken = make("slice", x, start=tuple(start), stop=tuple(stop), step=tuple(step))
    if reversed_axes:
        taken = make("flip", taken, axes=tuple(reversed_axes))
    kept = iter(size for size, key in zip(taken.shape, _consuming(keys), strict=True) if key)
    return reshape(taken, [next(kept) if size is None else size for size in shape])


def _consuming(keys: list[object]) -> list[bool]:
    """For each axis of the input, whether it stays (a slice) or goes (an int)."""
    return [isinstance(key, slice) for key in keys if key is not None]


def _position(key: Any, size: Size, axis: int) -> Size:
    if not isinstance(key, Dim) and (isinstance(key, bool) or not _is_int(key)):
        raise DTypeError(
            f"indexing axis {axis}: expected an int, a slice, None, Ellipsis or a node of "
            f"integers, received {key!r}"
        )
    position = key if isinstance(key, Dim) else int(key)
    if isinstance(position, int) and position < 0:
        position = size + position
    if isinstance(position, int) and isinstance(size, int) and not 0 <= position < size:
        raise IndexRangeError(f"index {key} is outside of axis {axis} with size {size}")
    return position


def _is_int(key: object) -> bool:
    """An int of Python or NumPy; an array of several is none, though it has an ``__index__``."""
    return hasattr(key, "__index__") and getattr(key, "ndim", 0) == 0


def _bounds(key: slice, size: Size, axis: int) -> tuple[Size, Size, int]:
    step = 1 if key.step is None else int(key.step)
    if step == 0:
        fail(f"indexing axis {axis}: a slice's step cannot be 0")
    key = slice(_as_bound(key.start), _as_bound(key.stop), step)
    if isinstance(size, int) and not any(isinstance(b, Dim) for b in (key.start, key.stop)):
        start, stop, _ = key.indices(size)
        return (start, max(start, stop), step) if step > 0 else (start, min(start, stop), step)
    first = _bound(key.start, size, 0 if step > 0 else size - 1)
    last = _bound(key.stop, size, size if step > 0 else -1)
    if step < 0 and key.stop is not None and minimum_value(first - last) is None:
        fail(
            f"indexing axis {axis} of symbolic size {size}: the slice "
            f"{key.start}:{key.stop}:{key.step} cannot be ordered before the call; slice forwards "
            "and flip"
        )
    return first, last, step


def _as_bound(value: Any) -> Any:
    return size_of(value, "a bound of a slice") if isinstance(value, Node) else value


def _bound(value: Any, size: Size, default: Size) -> Size:
    if value is None:
        return default
    if isinstance(value, Dim):
        return size + value if _is_negative(value) else value
    return size + int(value) if int(value) < 0 else int(value)


def _is_negative(size: Dim) -> bool:
    """Return True where a size counts from the end: a sum of negative terms."""
    return all(factor < 0 for _, factor in size.terms)


def zeros(shape: Shape, dtype: str) -> Node:
    """A node full of 0."""
    return full(shape, 0, dtype)


def full(shape: Shape, value: object, dtype: str) -> Node:
    """A node full of one number."""
    return broadcast_to(as_node(value, dtype), tuple(shape))
