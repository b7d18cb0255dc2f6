"""Pooling and its gradients: a thread owns one result and walks the window, or the windows.

The maximum and its place are found in one walk, without branches; what is picked at the place is
computed once for a window, when the place is known. `max_unpool` so reads a window's place and
cotangent for each of its elements, mostly from the caches, and stores whole lines; a thread a
window would store with gaps. The places of a window are loops of constant length, unrolled, so that
coordinates are worked out once for each axis and offsets become constants.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from graphc.compiler.codegen.emitter import Emitter, rule
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Number,
    call,
    compare,
    either,
    expression,
    literal,
    minus,
    modulo,
    over,
    plus,
    times,
    when,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.statement import Define
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, minimum_value
from graphc.compiler.program.launch import Count
from graphc.compiler.schedule.window_passes import in_one_pass
from graphc.compiler.targets.c_text import C_TYPES

_MOST_UNROLLED = 32
"""Places of a window whose loops are unrolled by the text; longer ones are left to the compiler."""


@contextmanager
def places_of_window(
    emitter: Emitter, node: Node, shape: Shape, windows: Sequence[Expression]
) -> Iterator[tuple[Coordinates, Expression]]:
    """Loops over the places of a window that are no padding; gives the element's coordinates, and
    the place's number in C order within the window."""
    size = emitter.signature.size
    unrolled = math.prod(node.attrs["window"]) <= _MOST_UNROLLED
    with ExitStack() as loops:
        coords = []
        number = ZERO
        for window, extent, count, stride, (low, high) in zip(
            windows,
            shape[2:],
            node.attrs["window"],
            node.attrs["strides"],
            node.attrs["padding"],
            strict=True,
        ):
            start = emitter.integer(minus(times(window, size(stride)), size(low)))
            within, head = emitter.loop(count)
            loops.enter_context(emitter.block(head, unrolled=unrolled))
            coord = emitter.integer(plus(start, within))
            conditions = [compare(coord, ">=", 0)] if low != 0 else []
            conditions += [compare(coord, "<", size(extent))] if high != 0 else []
            loops.enter_context(emitter.block(when(conditions)))
            coords.append(coord)
            number = plus(times(number, count), within)
        yield tuple(coords), number


@rule("max_pool")
def _max_pool(emitter: Emitter, node: Node, index: Index) -> Expression:
    (x,) = node.inputs
    sample, channel, *windows = emitter.coordinates(index)
    largest = emitter.variable(node, call(f"gc_reduce_max::identity<{C_TYPES[x.dtype]}>"))
    with places_of_window(emitter, node, x.shape, windows) as (coords, _):
        element = Index(x.shape, coords=(sample, channel, *coords))
        value = emitter.value(x, element)
        emitter.assign(largest, call("gc_maximum", largest, value))
    return largest


@rule("argmax_pool")
def _argmax_pool(emitter: Emitter, node: Node, index: Index) -> Expression:
    _, place = _first_maximum(emitter, node, index)
    return place


def _first_maximum(emitter: Emitter, node: Node, index: Index) -> tuple[Expression, Expression]:
    """The variables that hold the first maximum of a window, and its place."""

    def walk() -> tuple[Expression, Expression]:
        (x,) = node.inputs
        sample, channel, *windows = emitter.coordinates(index)
        best, place = emitter.name("a"), emitter.variable(node, Number(-1))
        emitter.add(Define(C_TYPES[x.dtype], best, ZERO, constant=False))
        with places_of_window(emitter, node, x.shape, windows) as (coords, number):
            element = Index(x.shape, coords=(sample, channel, *coords))
            _take_larger(emitter, best, place, emitter.value(x, element), number)
        return best, place

    return emitter.once(("first maximum", node, index), walk)


def _take_larger(
    emitter: Emitter, best: Expression, place: Expression, value: Expression, number: Expression
) -> Expression:
    """Statements that go on with an element of a window if it is ahead of those before it; gives
    the name of whether it is."""
    ahead = emitter.define("bool", call("gc_is_ahead", value, best, place))
    emitter.assign(best, either(ahead, value, best))
    emitter.assign(place, either(ahead, number, place))
    return ahead


@rule("gather_pool")
def _pick(emitter: Emitter, node: Node, index: Index) -> Expression:
    places, values = node.inputs
    known = places in emitter.given or places in emitter.signature.places
    if not known and in_one_pass(places, node) and values is places.inputs[0]:
        best, _ = _first_maximum(emitter, places, index)
        return best
    place = emitter.value(places, Index(places.shape, index.linear, index.coords))
    sample, channel, *windows = emitter.coordinates(index)
    coords = element_at(emitter, node, windows, place)
    return emitter.value(values, Index(values.shape, coords=(sample, channel, *coords)))


def element_at(
    emitter: Emitter, node: Node, windows: Sequence[Expression], place: Expression
) -> list[Expression]:
    """The coordinates of the element at a place of a window."""
    size = emitter.signature.size
    coords = []
    extents = node.attrs["window"]
    for axis, (window, stride, (low, _)) in enumerate(
        zip(windows, node.attrs["strides"], node.attrs["padding"], strict=True)
    ):
        within = over(place, math.prod(extents[axis + 1 :]))
        if axis:
            within = modulo(within, extents[axis])
        start = emitter.integer(minus(times(window, size(stride)), size(low)))
        coords.append(emitter.integer(plus(start, emitter.integer(within))))
    return coords


@rule("sum_pool")
def _sum_pool(emitter: Emitter, node: Node, index: Index) -> Expression:
    (x,) = node.inputs
    sample, channel, *windows = emitter.coordinates(index)
    total = emitter.variable(node)
    with places_of_window(emitter, node, x.shape, windows) as (coords, _):
        element = Index(x.shape, coords=(sample, channel, *coords))
        value = emitter.value(x, element)
        emitter.assign(total, call("gc_add", total, value))
    return total


@contextmanager
def _each_window(
    emitter: Emitter, node: Node, index: Index, shape: Shape, pooled: Shape
) -> Iterator[Coordinates]:
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
                first = call("gc_first_window", place, extent, stride)
                last = call("gc_last_window", place, stride, size(count))
                name: Expression = emitter.name("r")
                head = expression("for (int {0} = {1}; {0} <= {2}; ++{0})", name, first, last)
                runs = Count((count, extent), (shape[axis + 2],))
                loops.enter_context(emitter.block(head, runs))
            else:
                name = emitter.integer(over(place, stride))
                conditions = [] if _at_least_zero(low) else [compare(place, ">=", 0)]
                if not _at_least_zero(count * stride - shape[axis + 2] - low):
                    # Else windows reach the end.
                    conditions.append(compare(name, "<", size(count)))
                if stride > extent:
                    within = minus(place, times(name, stride))
                    conditions.append(compare(within, "<", extent))
                loops.enter_context(emitter.block(when(conditions)))
            names.append(name)
        yield tuple(names)


def _at_least_zero(size: Size) -> bool:
    least = minimum_value(size)
    return least is not None and least >= 0


@rule("sum_unpool")
def _sum_unpool(emitter: Emitter, node: Node, index: Index) -> Expression:
    (cotangents,) = node.inputs
    outer = (emitter.coordinate(index, 0), emitter.coordinate(index, 1))
    total = emitter.variable(node)
    with _each_window(emitter, node, index, node.shape, cotangents.shape) as windows:
        value = emitter.value(cotangents, Index(cotangents.shape, coords=(*outer, *windows)))
        emitter.assign(total, call("gc_add", total, value))
    return total


@rule("max_unpool")
def _max_unpool(emitter: Emitter, node: Node, index: Index) -> Expression:
    """Each element asks the windows that hold it whether it is at their place."""
    places, cotangents = node.inputs
    outer = (emitter.coordinate(index, 0), emitter.coordinate(index, 1))
    total = emitter.variable(node)
    with _each_window(emitter, node, index, node.shape, cotangents.shape) as windows:
        number = ZERO
        for axis, (window, extent, stride, (low, _)) in enumerate(
            zip(
                windows,
                node.attrs["window"],
                node.attrs["strides"],
                node.attrs["padding"],
                strict=True,
            )
        ):
            at = plus(emitter.coordinate(index, axis + 2), emitter.signature.size(low))
            within = emitter.integer(minus(emitter.integer(at), times(window, stride)))
            number = plus(times(number, extent), within)
        here = Index(cotangents.shape, coords=(*outer, *windows))
        place, value = emitter.value(places, here), emitter.value(cotangents, here)
        met = either(compare(place, "==", number), value, literal(0, node.dtype))
        emitter.assign(total, call("gc_add", total, met))
    return total
