"""Filling a buffer with a box of elements: by one thread, or by those that share the buffer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from graphc.compiler.graph.dim import Shape, exact_quotient, product
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index, coordinates, index_of
from graphc.compiler.loops.program import (
    Body,
    Parts,
    buffers_of,
    facts,
    transformed,
    walk_in_ranges,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import Box
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.site import AllocationSite
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout, c_order
from graphc.compiler.loops.statement import Allocate, Barrier, For, If, LoopKind, Statement
from graphc.compiler.loops.value import Load, Value, below

Element: TypeAlias = Callable[[tuple[Index, ...], Load, Ranges], Body]
"""Returns the statements that store one element of a box: given its coordinates from the start of
the box on, where to, and the ranges there."""


Limits: TypeAlias = tuple[tuple[Index, ...], ...]
"""For each axis of a box, indices that the coordinates of the elements to store are below."""


def filling(
    names: Names,
    site: AllocationSite,
    copy: Buffer,
    layout: BufferLayout,
    extents: Shape,
    limits: Limits,
    element: Element,
    neighbours: int = 1,
    order: BufferLayout | None = None,
) -> Body:
    """Return the statements that allocate a buffer at a site and fill it: whole tiles where an axis
    without limits has some.

    One thread walks the buffer in its own order. Threads that share it take its elements in turn,
    in the order of the box's axes, which is that of the source's memory, or in that of an `order`,
    whose tiles divide the box; members of a team take a run of elements each. All have left the
    last turn's elements behind before, and see the new ones after. Each of them takes so many
    `neighbours` at a time, which divide the last axis of the box.
    """
    if site.sharers:
        shared = _shared_filling(
            names, site, copy, layout, extents, limits, element, neighbours, order
        )
        return (Barrier(), Allocate(copy), *shared, Barrier())
    loops: list[tuple[LoopVariable, tuple[Index, ...]]] = []
    coords: list[Index] = []
    ranges = site.ranges
    outer: dict[int, Index] = {}
    buffer_axes = zip(layout.order, layout.labels(), layout.extents(extents), strict=True)
    for axis, label, extent in buffer_axes:
        is_outer = axis in layout.tiles and axis not in outer
        ends = [as_index(extent)]
        if not is_outer:
            done = outer.get(axis, as_index(0)) * layout.tiles.get(axis, 1)
            ends += [limit - done for limit in limits[axis]]
        ends = list(dict.fromkeys(ends))
        if ends == [as_index(1)]:
            coords.append(as_index(0))
        else:
            variable = names.variable(f"{copy.name}_{label}")
            ranges = ranges.within(variable, *ends)
            loops.append((variable, tuple(ends)))
            coords.append(index_of(variable))
        outer[axis] = coords[-1]
    body = element(layout.place(coords), Load(copy, tuple(coords)), ranges)
    for variable, of_loop in reversed(loops):
        body = (For(variable, of_loop, body),)
    return (Allocate(copy), *body)


def _shared_filling(
    names: Names,
    site: AllocationSite,
    copy: Buffer,
    layout: BufferLayout,
    extents: Shape,
    limits: Limits,
    element: Element,
    neighbours: int,
    order: BufferLayout | None,
) -> Body:
    extents = tuple(
        extent if limit else whole
        for extent, whole, limit in zip(
            extents, layout.in_whole_tiles(extents), limits, strict=True
        )
    )
    thread, threads = site.sharer
    elements = product(extents) if neighbours == 1 else product(extents) // neighbours
    turns = (elements + (threads - 1)) // threads
    variable = names.variable(f"{copy.name}_turn")
    turn = as_index(0) if turns == 1 else index_of(variable)
    in_runs = all(loop.kind is LoopKind.TEAM for loop in site.sharers)
    number = thread * turns + turn if in_runs else turn * threads + thread
    ranges = site.ranges if turns == 1 else site.ranges.within(variable, turns)
    neighbour = names.variable(f"{copy.name}_neighbour")
    if neighbours != 1:
        ranges = ranges.within(neighbour, neighbours)
    tests = [] if exact_quotient(elements, threads) is not None else [below(number, elements)]
    first = number if neighbours == 1 else number * neighbours + index_of(neighbour)
    order = c_order(len(extents)) if order is None else order
    place = order.place(coordinates(first, order.extents(extents)))
    for coord, extent, ends in zip(place, extents, limits, strict=True):
        tests += [below(coord, end) for end in ends if end is not as_index(extent)]
    ranges = ranges.given(facts(tests))
    place = tuple(map(ranges.simplified, place))
    target = Load(copy, tuple(map(ranges.simplified, layout.coords(place))))
    body = element(place, target, ranges)
    if neighbours != 1:
        body = (For(neighbour, (as_index(neighbours),), body),)
    if tests:
        body = (If(tuple(tests), body),)
    return body if turns == 1 else (For(variable, (as_index(turns),), body),)


def in_copy(
    body: Body, ranges: Ranges, source: Buffer, copy: Buffer, layout: BufferLayout, box: Box
) -> Body:
    """Return statements that access a copy of a box in the place of the source."""
    known = {id(one): found for one, found in walk_in_ranges(body, ranges)}

    def changed(statement: Statement) -> Body:
        if statement.blocks or all(one is not source for one in buffers_of(statement)):
            return (statement,)
        inside = known[id(statement)]

        def target(old: Load) -> Load:
            if old.buffer is not source:
                return old
            place = [coord - start for coord, start in zip(old.coords, box.start, strict=True)]
            place = list(map(inside.simplified, place))
            return Load(copy, tuple(map(inside.simplified, layout.coords(place))))

        def value(old: Value) -> Value:
            return target(old) if isinstance(old, Load) else old

        return (Parts(value=value, target=target).in_statement(statement),)

    return transformed(body, changed)
