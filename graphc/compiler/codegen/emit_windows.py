"""Pooling and its gradients: a thread owns one result and walks the window, or the windows.

Why a thread an element, for the gradients too: what these kernels wait for is memory. `max_unpool`
in this form reads x once from memory and again from the caches for the other places of its window,
stores whole lines, and compares without branches; a thread a window would read x once alone, but
store with gaps. The places of a window are loops of constant length, unrolled, so that coordinates
are worked out once for each axis and offsets become constants.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from graphc.compiler.codegen.c_text import C_TYPES, minus, over, plus, times
from graphc.compiler.codegen.emitter import Emitter, rule
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.launch import ONCE, Count
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, minimum_value

_MOST_UNROLLED = 32
"""Places of a window whose loops are unrolled by the text; longer ones are left to the compiler."""


@contextmanager
def places_of_window(
    emitter: Emitter, node: Node, shape: Shape, windows: list[str], of_element: bool = False
) -> Iterator[tuple[str, ...]]:
    """Loops over the places of a window that are no padding; gives the element's coordinates.

    Args:
        of_element: whether each thread has an element and walks the window that holds it. Then
            those that lie side by side in a window read the same places together.
    """
    size = emitter.signature.size
    unrolled = math.prod(node.attrs["window"]) <= _MOST_UNROLLED
    with ExitStack() as loops:
        coords = []
        innermost = len(windows) - 1
        for axis, (window, extent, count, stride, (low, high)) in enumerate(
            zip(
                windows,
                shape[2:],
                node.attrs["window"],
                node.attrs["strides"],
                node.attrs["padding"],
                strict=True,
            )
        ):
            start = emitter.integer(minus(times(window, size(stride)), size(low)))
            within, head = emitter.loop(count)
            if unrolled:
                emitter.line("#pragma unroll")
            together = of_element and axis == innermost and count <= stride
            loops.enter_context(emitter.block(head, ONCE if together else None))
            coord = emitter.integer(plus(start, within))
            conditions = [f"{coord} >= 0"] if low != 0 else []
            conditions += [f"{coord} < {size(extent)}"] if high != 0 else []
            if conditions:
                loops.enter_context(emitter.block(f"if ({' && '.join(conditions)})"))
            coords.append(coord)
        yield tuple(coords)


@rule("max_pool")
def _max_pool(emitter: Emitter, node: Node, index: Index) -> str:
    x, values = node.inputs
    sample, channel, *windows = emitter.coordinates(index)
    scalar = C_TYPES[x.dtype]
    if values is x:
        largest = emitter.variable(node, f"gc_reduce_max::identity<{scalar}>()")
        with places_of_window(emitter, node, x.shape, windows) as coords:
            element = Index(x.shape, coords=(sample, channel, *coords))
            value = emitter.value(x, element)
            emitter.line(f"{largest} = gc_maximum({largest}, {value});")
            _beside(emitter, node, element)
        return largest
    best = emitter.name("a")
    emitter.line(f"gc_placed<{scalar}> {best} = gc_reduce_argmax::identity<{scalar}>();")
    with places_of_window(emitter, node, x.shape, windows) as coords:
        element = Index(x.shape, coords=(sample, channel, *coords))
        value, position = emitter.value(x, element), emitter.position(element)
        one = f"gc_reduce_argmax::element({value}, {position})"
        emitter.line(f"{best} = gc_reduce_argmax::combine({best}, {one});")
    first = emitter.integer(f"gc_reduce_argmax::result({best})")
    return emitter.value(values, Index(values.shape, linear=first))


@rule("sum_pool")
def _sum_pool(emitter: Emitter, node: Node, index: Index) -> str:
    (x,) = node.inputs
    sample, channel, *windows = emitter.coordinates(index)
    total = emitter.variable(node, "0")
    with places_of_window(emitter, node, x.shape, windows) as coords:
        element = Index(x.shape, coords=(sample, channel, *coords))
        value = emitter.value(x, element)
        emitter.line(f"{total} = gc_add({total}, {value});")
        _beside(emitter, node, element)
    return total


def _beside(emitter: Emitter, node: Node, element: Index) -> None:
    if node in emitter.beside:
        emitter.beside[node](element)


@contextmanager
def _each_window(
    emitter: Emitter, node: Node, index: Index, shape: Shape, pooled: Shape
) -> Iterator[tuple[str, ...]]:
    """Loops over the windows that hold an element of a value of `shape`; gives their coordinates.

    Window w holds element e where ``0 <= e + low - w * stride < extent``. Along an axis where
    windows do not overlap there is one at most, so no loop.
    """
    size = emitter.signature.size
    with ExitStack() as loops:
        names = []
        for axis, (extent, stride, (low, _)) in enumerate(
            zip(node.attrs["window"], node.attrs["strides"], node.attrs["padding"], strict=True)
        ):
            place = emitter.integer(plus(emitter.coordinate(index, axis + 2), size(low)))
            count = pooled[axis + 2]
            if stride < extent:
                first = f"gc_first_window({place}, {extent}, {stride})"
                last = f"gc_last_window({place}, {stride}, {size(count)})"
                name = emitter.name("r")
                head = f"for (int {name} = {first}; {name} <= {last}; ++{name})"
                runs = Count((count, extent), (shape[axis + 2],))
                loops.enter_context(emitter.block(head, runs))
            else:
                name = emitter.integer(over(place, str(stride)))
                conditions = [] if _at_least_zero(low) else [f"{place} >= 0"]
                if not _at_least_zero(count * stride - shape[axis + 2] - low):
                    conditions.append(f"{name} < {size(count)}")  # else windows reach the end
                if stride > extent:
                    conditions.append(f"{minus(place, times(name, str(stride)))} < {extent}")
                if conditions:
                    loops.enter_context(emitter.block(f"if ({' && '.join(conditions)})"))
            names.append(name)
        yield tuple(names)


def _at_least_zero(size: Size) -> bool:
    least = minimum_value(size)
    return least is not None and least >= 0


@rule("sum_unpool")
def _sum_unpool(emitter: Emitter, node: Node, index: Index) -> str:
    (cotangents,) = node.inputs
    outer = (emitter.coordinate(index, 0), emitter.coordinate(index, 1))
    total = emitter.variable(node, "0")
    with _each_window(emitter, node, index, node.shape, cotangents.shape) as windows:
        value = emitter.value(cotangents, Index(cotangents.shape, coords=(*outer, *windows)))
        emitter.line(f"{total} = gc_add({total}, {value});")
    return total


@rule("max_unpool")
def _max_unpool(emitter: Emitter, node: Node, index: Index) -> str:
    """Each element asks the windows that hold it whether it is their first maximum."""
    x, cotangents = node.inputs
    outer = (emitter.coordinate(index, 0), emitter.coordinate(index, 1))
    position = emitter.position(index)
    own = emitter.value(x, Index(x.shape, index.linear, index.coords))
    total = emitter.variable(node, "0")
    with _each_window(emitter, node, index, x.shape, cotangents.shape) as windows:
        first = emitter.name("first")
        emitter.line(f"bool {first} = true;")
        with places_of_window(emitter, node, x.shape, list(windows), of_element=True) as coords:
            element = Index(x.shape, coords=(*outer, *coords))
            other, at = emitter.value(x, element), emitter.position(element)
            emitter.line(f"{first} = {first} & gc_keeps_first({own}, {other}, {at} < {position});")
        one = Count(over=node.attrs["window"])  # of a window's elements one is the first
        with emitter.block(f"if ({first})", one):
            value = emitter.value(cotangents, Index(cotangents.shape, coords=(*outer, *windows)))
            emitter.line(f"{total} = gc_add({total}, {value});")
    return total
