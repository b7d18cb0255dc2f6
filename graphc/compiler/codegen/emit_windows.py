"""Pooling and its gradients: a thread owns one result and walks the window, or the windows."""

from __future__ import annotations

from graphc.compiler.codegen.c_text import C_TYPES, minus, plus, times
from graphc.compiler.codegen.emitter import Emitter, rule
from graphc.compiler.codegen.index import Index
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, product


def _elements(
    emitter: Emitter, node: Node, shape: Shape, windows: list[str], place: str
) -> tuple[list[str], list[str]]:
    """The element that place number `place` of a window meets, an axis at a time, and the
    conditions under which it is no padding."""
    size = emitter.signature.size
    places = emitter.coordinates(Index(node.attrs["window"], linear=place))
    coords, conditions = [], []
    for window, within, extent, stride, (low, high) in zip(
        windows, places, shape[2:], node.attrs["strides"], node.attrs["padding"], strict=True
    ):
        coord = emitter.integer(minus(plus(times(window, size(stride)), within), size(low)))
        if low != 0:
            conditions.append(f"{coord} >= 0")
        if high != 0:
            conditions.append(f"{coord} < {size(extent)}")
        coords.append(coord)
    return coords, conditions


def _first_maximum(
    emitter: Emitter, node: Node, x: Node, outer: tuple[str, str], windows: list[str]
) -> str:
    """The place in x (its position in C order) of the first maximum of a window."""
    best = emitter.name("a")
    scalar = C_TYPES[x.dtype]
    emitter.line(f"gc_placed<{scalar}> {best} = gc_reduce_argmax::identity<{scalar}>();")
    place, head = emitter.loop(product(node.attrs["window"]))
    with emitter.block(head):
        coords, conditions = _elements(emitter, node, x.shape, windows, place)
        with emitter.block(f"if ({' && '.join(conditions)})" if conditions else ""):
            element = Index(x.shape, coords=(*outer, *coords))
            value, position = emitter.value(x, element), emitter.position(element)
            one = f"gc_reduce_argmax::element({value}, {position})"
            emitter.line(f"{best} = gc_reduce_argmax::combine({best}, {one});")
    return f"gc_reduce_argmax::result({best})"


@rule("max_pool")
def _max_pool(emitter: Emitter, node: Node, index: Index) -> str:
    x, values = node.inputs
    sample, channel, *windows = emitter.coordinates(index)
    if values is x:
        scalar = C_TYPES[x.dtype]
        largest = emitter.variable(node, f"gc_reduce_max::identity<{scalar}>()")
        place, head = emitter.loop(product(node.attrs["window"]))
        with emitter.block(head):
            coords, conditions = _elements(emitter, node, x.shape, windows, place)
            with emitter.block(f"if ({' && '.join(conditions)})" if conditions else ""):
                element = Index(x.shape, coords=(sample, channel, *coords))
                value = emitter.value(x, element)
                emitter.line(f"{largest} = gc_maximum({largest}, {value});")
        return largest
    first = _first_maximum(emitter, node, x, (sample, channel), windows)
    return emitter.value(values, Index(values.shape, linear=emitter.integer(first)))


@rule("sum_pool")
def _sum_pool(emitter: Emitter, node: Node, index: Index) -> str:
    (x,) = node.inputs
    sample, channel, *windows = emitter.coordinates(index)
    total = emitter.variable(node, "0")
    place, head = emitter.loop(product(node.attrs["window"]))
    with emitter.block(head):
        coords, conditions = _elements(emitter, node, x.shape, windows, place)
        with emitter.block(f"if ({' && '.join(conditions)})" if conditions else ""):
            value = emitter.value(x, Index(x.shape, coords=(sample, channel, *coords)))
            emitter.line(f"{total} = gc_add({total}, {value});")
    return total


def _each_window(emitter: Emitter, node: Node, index: Index, pooled: Shape):
    """Loops over the windows that hold an element: their coordinates, and the loops' heads.

    Window w holds element e where ``0 <= e + low - w * stride < extent``.
    """
    size = emitter.signature.size
    names, heads = [], []
    for axis, (extent, stride, (low, _)) in enumerate(
        zip(node.attrs["window"], node.attrs["strides"], node.attrs["padding"], strict=True)
    ):
        coord = emitter.integer(plus(emitter.coordinate(index, axis + 2), size(low)))
        first = f"gc_first_window({coord}, {extent}, {stride})"
        last = f"gc_last_window({coord}, {stride}, {size(pooled[axis + 2])})"
        name = emitter.name("r")
        heads.append(f"for (int {name} = {first}; {name} <= {last}; ++{name})")
        names.append(name)
    return names, " ".join(heads)


@rule("sum_unpool")
def _sum_unpool(emitter: Emitter, node: Node, index: Index) -> str:
    (cotangents,) = node.inputs
    outer = (emitter.coordinate(index, 0), emitter.coordinate(index, 1))
    total = emitter.variable(node, "0")
    windows, head = _each_window(emitter, node, index, cotangents.shape)
    with emitter.block(head):
        value = emitter.value(cotangents, Index(cotangents.shape, coords=(*outer, *windows)))
        emitter.line(f"{total} = gc_add({total}, {value});")
    return total


@rule("max_unpool")
def _max_unpool(emitter: Emitter, node: Node, index: Index) -> str:
    """Each element asks the windows that hold it whether it is their first maximum."""
    x, cotangents = node.inputs
    outer = (emitter.coordinate(index, 0), emitter.coordinate(index, 1))
    own = emitter.position(index)
    total = emitter.variable(node, "0")
    windows, head = _each_window(emitter, node, index, cotangents.shape)
    with emitter.block(head):
        first = _first_maximum(emitter, node, x, outer, windows)
        with emitter.block(f"if ({first} == {own})"):
            value = emitter.value(cotangents, Index(cotangents.shape, coords=(*outer, *windows)))
            emitter.line(f"{total} = gc_add({total}, {value});")
    return total
