"""Ops that read many elements for one result, as loops inside of one thread.

Where there is much to add up, a kind of kernel of its own spreads the work over threads instead.
This form serves products without elements, convolutions that are no product (one filter), and the
reductions of a row that a persistent loop makes.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.codegen.emitter import Emitter, rule
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    call,
    compare,
    expression,
    minus,
    modulo,
    over,
    plus,
    times,
    when,
)
from graphc.compiler.codegen.index import Index, linear
from graphc.compiler.codegen.statement import Fold
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import product
from graphc.compiler.targets.c_text import C_TYPES


def reduced_index(emitter: Emitter, node: Node, kept: Index, inner: Expression) -> Index:
    """The element of a reduction's input that is number `inner` among those of one result."""
    (x,) = node.inputs
    axes = node.attrs["axes"]
    inside = Index(tuple(x.shape[axis] for axis in axes), linear=inner)
    if axes == tuple(range(len(x.shape) - len(axes), len(x.shape))):
        # The reduced axes are the innermost: the elements of one result lie side by side.
        row = times(emitter.position(kept), emitter.signature.size(product(inside.shape)))
        return Index(x.shape, linear=emitter.integer(plus(row, inner)))
    coords = [ZERO] * len(x.shape)
    outside = [axis for axis in range(len(x.shape)) if axis not in axes]
    for place, axis in enumerate(outside):
        coords[axis] = emitter.coordinate(kept, place)
    for place, axis in enumerate(axes):
        coords[axis] = emitter.coordinate(inside, place)
    return Index(x.shape, coords=tuple(coords))


def accumulator(op: str, dtype: str) -> tuple[str, str]:
    """The C type that a reduction is carried in, and the functions' class for it."""
    scalar = C_TYPES[dtype]
    return (f"gc_placed<{scalar}>" if op.startswith("arg") else scalar), f"gc_reduce_{op}"


@rule("sum", "prod", "max", "min", "any", "all", "argmax", "argmin")
def _reduce(emitter: Emitter, node: Node, index: Index) -> Expression:
    (x,) = node.inputs
    carried, functions = accumulator(node.op, x.dtype)
    identity = call(f"{functions}::identity<{C_TYPES[x.dtype]}>")
    total = emitter.declare(carried, identity, "a")
    inner, head = emitter.loop(product(x.shape[axis] for axis in node.attrs["axes"]))
    with emitter.block(head):
        value = emitter.value(x, reduced_index(emitter, node, index, inner))
        emitter.add(Fold(total, functions, call(f"{functions}::element", value, inner)))
    return emitter.define(C_TYPES[node.dtype], call(f"{functions}::result", total))


@rule("matmul")
def _matmul(emitter: Emitter, node: Node, index: Index) -> Expression:
    left, right = node.inputs
    *batch, row, column = emitter.coordinates(index)
    total = emitter.variable(node)
    inner, head = emitter.loop(left.shape[-1])
    with emitter.block(head):
        a = emitter.value(left, Index(left.shape, coords=(*batch, row, inner)))
        b = emitter.value(right, Index(right.shape, coords=(*batch, inner, column)))
        emitter.assign(total, call("gc_add", total, call("gc_mul", a, b)))
    return total


@rule("conv")
def _conv(emitter: Emitter, node: Node, index: Index) -> Expression:
    image, kernel = node.inputs
    size = emitter.signature.size
    sample, filter_, *windows = emitter.coordinates(index)
    total = emitter.variable(node)
    inner, head = emitter.loop(product(kernel.shape[1:]))
    with emitter.block(head):
        channel, *places = emitter.coordinates(Index(kernel.shape[1:], linear=inner))
        coords, conditions = image_coordinates(emitter, node, windows, places)
        with emitter.block(when(conditions)):
            a = emitter.value(image, Index(image.shape, coords=(sample, channel, *coords)))
            row = times(filter_, size(product(kernel.shape[1:])))
            b = emitter.value(kernel, linear(kernel.shape, emitter.integer(plus(row, inner))))
            emitter.assign(total, call("gc_add", total, call("gc_mul", a, b)))
    return total


def image_coordinates(
    emitter: Emitter, node: Node, windows: Sequence[Expression], places: Sequence[Expression]
) -> tuple[list[Expression], list[Expression]]:
    """The element of a convolution's image that a place of a window meets, an axis at a time, and
    the conditions under which there is one (else it is a zero of the padding)."""
    size = emitter.signature.size
    reach = [
        plus(times(window, size(stride)), times(place, size(hole)))
        for window, place, stride, hole in zip(
            windows, places, node.attrs["strides"], node.attrs["kernel_dilation"], strict=True
        )
    ]
    return behind_padding(emitter, node, reach)


def behind_padding(
    emitter: Emitter, node: Node, reach: Sequence[Expression]
) -> tuple[list[Expression], list[Expression]]:
    """As `image_coordinates`, of a place of the image with its padding and holes."""
    size = emitter.signature.size
    coords, conditions = [], []
    for place, extent, (low, high), hole in zip(
        reach,
        node.inputs[0].shape[2:],
        node.attrs["padding"],
        node.attrs["input_dilation"],
        strict=True,
    ):
        coord = emitter.integer(minus(place, size(low)))
        if low != 0:
            conditions.append(compare(coord, ">=", 0))
        if hole != 1:
            conditions.append(expression("{} == 0", modulo(coord, size(hole))))
            coord = emitter.integer(over(coord, size(hole)))
        if (low, high, hole) != (0, 0, 1):
            conditions.append(compare(coord, "<", size(extent)))
        coords.append(coord)
    return coords, conditions
