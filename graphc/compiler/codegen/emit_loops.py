"""Ops that read many elements for one result, as loops inside of one thread.

Where there is much to add up, a kind of kernel of its own spreads the work over threads instead.
This form serves products without elements, convolutions that are no product (one filter), and the
reductions of a row that a persistent loop makes.
"""

from __future__ import annotations

from graphc.compiler.codegen.c_text import C_TYPES, minus, modulo, over, plus, times
from graphc.compiler.codegen.emitter import Emitter, rule
from graphc.compiler.codegen.index import Index
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import product


def reduced_index(emitter: Emitter, node: Node, kept: Index, inner: str) -> Index:
    """The element of a reduction's input that is number `inner` among those of one result."""
    (x,) = node.inputs
    axes = node.attrs["axes"]
    inside = Index(tuple(x.shape[axis] for axis in axes), linear=inner)
    if axes == tuple(range(len(x.shape) - len(axes), len(x.shape))):
        # The reduced axes are the innermost: the elements of one result lie side by side.
        row = times(emitter.position(kept), emitter.signature.size(product(inside.shape)))
        return Index(x.shape, linear=emitter.integer(plus(row, inner)))
    coords = [""] * len(x.shape)
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
def _reduce(emitter: Emitter, node: Node, index: Index) -> str:
    (x,) = node.inputs
    carried, functions = accumulator(node.op, x.dtype)
    total = emitter.name("a")
    emitter.line(f"{carried} {total} = {functions}::identity<{C_TYPES[x.dtype]}>();")
    inner, head = emitter.loop(product(x.shape[axis] for axis in node.attrs["axes"]))
    with emitter.block(head):
        value = emitter.value(x, reduced_index(emitter, node, index, inner))
        element = f"{functions}::element({value}, {inner})"
        emitter.line(f"{total} = {functions}::combine({total}, {element});")
    return emitter.define(C_TYPES[node.dtype], f"{functions}::result({total})")


@rule("matmul")
def _matmul(emitter: Emitter, node: Node, index: Index) -> str:
    left, right = node.inputs
    *batch, row, column = emitter.coordinates(index)
    total = emitter.variable(node, "0")
    inner, head = emitter.loop(left.shape[-1])
    with emitter.block(head):
        a = emitter.value(left, Index(left.shape, coords=(*batch, row, inner)))
        b = emitter.value(right, Index(right.shape, coords=(*batch, inner, column)))
        emitter.line(f"{total} = gc_add({total}, gc_mul({a}, {b}));")
    return total


@rule("conv")
def _conv(emitter: Emitter, node: Node, index: Index) -> str:
    image, kernel = node.inputs
    size = emitter.signature.size
    sample, filter_, *windows = emitter.coordinates(index)
    total = emitter.variable(node, "0")
    inner, head = emitter.loop(product(kernel.shape[1:]))
    with emitter.block(head):
        channel, *places = emitter.coordinates(Index(kernel.shape[1:], linear=inner))
        coords, conditions = image_coordinates(emitter, node, windows, places)
        with emitter.block(f"if ({' && '.join(conditions)})" if conditions else ""):
            a = emitter.value(image, Index(image.shape, coords=(sample, channel, *coords)))
            row = times(filter_, size(product(kernel.shape[1:])))
            element = Index(kernel.shape, linear=emitter.integer(plus(row, inner)))
            b = emitter.value(kernel, element)
            emitter.line(f"{total} = gc_add({total}, gc_mul({a}, {b}));")
    return total


def image_coordinates(
    emitter: Emitter, node: Node, windows: list[str], places: list[str]
) -> tuple[list[str], list[str]]:
    """The element of a convolution's image that a place of a window meets, an axis at a time, and
    the conditions under which there is one (else it is a zero of the padding)."""
    image = node.inputs[0]
    size = emitter.signature.size
    coords, conditions = [], []
    for window, place, extent, stride, (low, high), hole, kernel_hole in zip(
        windows,
        places,
        image.shape[2:],
        node.attrs["strides"],
        node.attrs["padding"],
        node.attrs["input_dilation"],
        node.attrs["kernel_dilation"],
        strict=True,
    ):
        coord = plus(times(window, size(stride)), times(place, size(kernel_hole)))
        coord = emitter.integer(minus(coord, size(low)))
        if low != 0:
            conditions.append(f"{coord} >= 0")
        if hole != 1:
            conditions.append(f"{modulo(coord, size(hole))} == 0")
            coord = emitter.integer(over(coord, size(hole)))
        if (low, high, hole) != (0, 0, 1):
            conditions.append(f"{coord} < {size(extent)}")
        coords.append(coord)
    return coords, conditions
