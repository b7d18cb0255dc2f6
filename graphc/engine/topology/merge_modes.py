"""The modes of a Merge: the value that each computes, and the shapes that it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.topology.shapes import KnownShape, known_shape
from graphc.errors import ArgumentError, ShapeError

ELEMENTWISE: Mapping[str, Callable[[g.Node, g.Node], g.Node]] = MappingProxyType(
    {"sum": g.add, "mul": g.mul, "ave": g.add, "max": g.maximum}
)
"""The modes of inputs of equal shapes -> how two of them become one."""

MODES = (*ELEMENTWISE, "concat", "dot", "cos")


def elementwise(mode: str, inputs: Sequence[g.Node], where: str) -> g.Node:
    """Merge inputs of equal shapes element by element. The errors start with `where`."""
    _need_equal_shapes(inputs, where)
    result = reduce(ELEMENTWISE[mode], _without_broadcasting(inputs))
    return result / len(inputs) if mode == "ave" else result


def repeated_as_claimed(
    inputs: Sequence[g.Node], claims: Sequence[KnownShape | None]
) -> list[g.Node]:
    """Repeat the elements of an input along an axis of size 1 where another input is longer, and
    the claim about the input has that size. Keras believed claims, and Theano repeated elements."""
    shapes = [known_shape(x) for x in inputs]
    found = []
    for x, shape, claim in zip(inputs, shapes, claims, strict=True):
        for axis, (size, claimed) in enumerate(zip(shape, claim or (), strict=False)):
            others = {other[axis] for other in shapes if len(other) == x.ndim}
            if size == 1 and claimed is not None and claimed in others:
                x = K.repeat_elements(x, claimed, axis)
        found.append(x)
    return found


def concatenated(inputs: Sequence[g.Node], axis: int, where: str) -> g.Node:
    """Concatenate inputs along an axis. The errors start with `where`."""
    _need_equal_ranks(inputs, where)
    ndim = inputs[0].ndim
    if not -ndim <= axis < ndim:
        raise ArgumentError(
            f"{where}: concat_axis: expected {-ndim} to {ndim - 1}, the batch being 0, for inputs "
            f"of {ndim} axes ({_listed(inputs)}), received {axis}"
        )
    _need_equal_shapes(inputs, where, but=axis % ndim)
    return g.concat(inputs, axis)


def dot_product(
    inputs: Sequence[g.Node],
    axes: tuple[Sequence[int], Sequence[int]],
    where: str,
    normalized: bool,
) -> g.Node:
    """Return the sum of products of two inputs over pairs of axes; with `normalized`, vectors along
    these axes are divided by their lengths first. The errors start with `where`."""
    if len(inputs) != 2:
        raise ArgumentError(f"{where}: expected two inputs, received {len(inputs)}")
    if normalized:
        _need_equal_shapes(inputs, where)
    found = [
        _axes_behind_batch(x, several, k, where)
        for k, (x, several) in enumerate(zip(inputs, axes, strict=True))
    ]
    for pair in zip(*found, strict=True):
        sizes = [known_shape(x)[axis] for x, axis in zip(inputs, pair, strict=True)]
        if None not in sizes and sizes[0] != sizes[1]:
            raise ShapeError(
                f"{where}: the two summed axes have to be of one size, received {sizes[0]} (axis "
                f"{pair[0]} of {_described(inputs[0])}) and {sizes[1]} (axis {pair[1]} of "
                f"{_described(inputs[1])}); dot_axes says which axes are summed, the batch being 0"
            )
    if normalized:
        inputs = [K.l2_normalize(x, several) for x, several in zip(inputs, found, strict=True)]
    left, right = inputs
    return K.batch_dot(left, right, axes=found)


def divided_by_products(
    inputs: Sequence[g.Node], axes: tuple[Sequence[int], Sequence[int]], where: str
) -> g.Node:
    """Return 'cos' as Keras computed it for inputs with several axes: x . y / sqrt(x . x * y . y)
    element by element of the three products over the axes, where the two that are divided by pair
    every vector with every other. The errors start with `where`."""
    x, y = inputs
    pairs = (x, y), (x, x), (y, y)
    product_of, of_first, of_second = (dot_product(pair, axes, where, False) for pair in pairs)
    return product_of / K.maximum(K.sqrt(of_first * of_second), K.epsilon())


def _axes_behind_batch(x: g.Node, axes: Sequence[int], position: int, where: str) -> list[int]:
    """Return axes of an input, counted from the front."""
    for axis in axes:
        if not -x.ndim <= axis < x.ndim or axis % x.ndim == 0:
            raise ArgumentError(
                f"{where}: dot_axes: expected an axis of input {position}, {_described(x)}, after "
                f"the batch: 1 to {x.ndim - 1} or {1 - x.ndim} to -1, received {axis}"
            )
    found = [axis % x.ndim for axis in axes]
    if len(set(found)) < len(found):
        raise ArgumentError(
            f"{where}: dot_axes: expected each axis of input {position}, {_described(x)}, once, "
            f"received {list(axes)}"
        )
    return found


def _need_equal_ranks(inputs: Sequence[g.Node], where: str) -> None:
    if len({x.ndim for x in inputs}) > 1:
        raise ShapeError(
            f"{where}: expected inputs of equally many axes, received {_listed(inputs)}; reshape "
            "one, e.g. by a Reshape or Flatten in front"
        )


def _need_equal_shapes(inputs: Sequence[g.Node], where: str, but: int | None = None) -> None:
    """Raise ShapeError if known sizes differ along an axis other than `but`."""
    _need_equal_ranks(inputs, where)
    for axis in range(inputs[0].ndim):
        sizes = {known_shape(x)[axis] for x in inputs} - {None}
        if axis != but and len(sizes) > 1:
            beside = "" if but is None else f" along all axes but concat_axis, {but}"
            raise ShapeError(
                f"{where}: expected inputs of equal sizes{beside}, and axis {axis} differs: "
                f"received {_listed(inputs)}"
            )


def _without_broadcasting(inputs: Sequence[g.Node]) -> list[g.Node]:
    """Return the inputs, with an open size fixed to 1 where another input has the size 1; the call
    checks it. Otherwise the one would be broadcast along the other."""
    shape = [
        1 if any(x.shape[axis] == 1 for x in inputs) else None for axis in range(inputs[0].ndim)
    ]
    return [
        g.reshape(x, [one or size for one, size in zip(shape, x.shape, strict=True)])
        for x in inputs
    ]


def _listed(inputs: Sequence[g.Node]) -> str:
    *others, last = map(_described, inputs)
    return f"{', '.join(others)} and {last}"


def _described(x: g.Node) -> str:
    """Return a tensor's shape, and the layer that made it if there is one, as a text."""
    layer = x.history.layer.name if x.history is not None else g.origin_of(x)
    return f"{known_shape(x)}" if layer is None else f"{known_shape(x)} from {layer}"
