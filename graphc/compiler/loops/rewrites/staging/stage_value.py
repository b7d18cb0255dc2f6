"""Staging of a computed value: all that a loop's body needs of it is computed at the body's head.

for row < n:                               for row < n:
  for column < 8:                            allocate t0_tile: bool[8] in register
    t0 = less(random(...), 0.5)              for t0_tile_axis0 < 8:
    y0[row, column] = where(t0, ...)           t0_tile[t0_tile_axis0] = less(random(...), 0.5)
                                             for column < 8:
                                               t0 = t0_tile[column]
                                               y0[row, column] = where(t0, ...)

Threads that share the buffer compute it together, for their own turns, too: these loops and those
inside may be numbered together along an axis.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

from graphc.compiler.graph.dim import Size, product
from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, coordinates, index_of, position
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    bound_variables,
    loads_of,
    path_to,
    replaced,
    substituted,
    transformed,
    variables_of,
    walk,
    walk_in_ranges,
    walk_value,
    with_note,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import most_turns
from graphc.compiler.loops.rewrites.elements import AccessedElements, elements_of
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import without_unused
from graphc.compiler.loops.rewrites.site import (
    AllocationSite,
    check_reached,
    check_same_for_all,
    site_of,
)
from graphc.compiler.loops.rewrites.staging.filling import filling
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout, c_order
from graphc.compiler.loops.statement import For, If, Let, Store
from graphc.compiler.loops.value import Load, Local, below

_REWRITE = "stage_value"


def stage_value(
    program: LoopProgram,
    loop: str | None,
    value: str,
    scope: BufferScope,
    layout: BufferLayout | None = None,
    name: str | None = None,
    axes: Sequence[Sequence[str]] = (),
    order: BufferLayout | None = None,
) -> LoopProgram:
    """Compute a value at the head of a loop's body for all turns of the loops inside, and read it
    where it is named.

    Args:
        loop: its variable; None for the body of the program.
        value: its name in the body.
        scope: of the buffer.
        layout: of the buffer; by default the axes in order.
        name: of the buffer, by default the value's with ``_tile``.
        axes: for each axis of the elements, in the order in which they are computed, the loops
            whose turns are numbered together along it, the outermost first; by default an axis for
            each loop between that the value depends on. Other loops between, and those of threads
            that share the buffer, may be among them.
        order: that in which threads that share the buffer take the elements of these axes, each
            the next one, if it is another one; a tile divides its axis.
    """
    site = site_of(program, _REWRITE, loop, scope)
    where = f"the value {value!r}"
    named = [one for one in walk(site.body) if isinstance(one, Let) and one.local.name == value]
    if not named:
        names = ", ".join(one.local.name for one in walk(site.body) if isinstance(one, Let))
        expected = "a value that the body names"
        raise refused(program, _REWRITE, where, expected, f"only {names or 'no values'}")
    (let,) = named
    operands = _operands(site, let)
    given = {name for axis in axes for name in axis}
    elements = _elements(program, site, let, operands, given)
    numbered = _axes(program, site, elements, axes, where)
    layout = c_order(len(numbered)) if layout is None else layout
    if layout.rank != len(numbered):
        expected = f"a layout of {len(numbered)} axes"
        raise refused(program, _REWRITE, where, expected, f"one of {layout.rank}")
    check_reached(program, _REWRITE, site, scope, [let])
    nest: Body = (*operands, let)
    for one in reversed([loop for axis in numbered for loop in axis]):
        nest = (replace(one, body=nest),)
    check_same_for_all(program, _REWRITE, site, value, nest)
    known = {id(one): ranges for one, ranges in walk_in_ranges(site.body, site.ranges)}
    extents: list[Size] = []
    for axis in numbered:
        if len(axis) != 1:
            extents.append(product(_turns(axis)))
            continue
        (one,) = axis
        extent = most_turns(one.ends, known.get(id(one), site.ranges))
        if extent is None:
            ends = ", ".join(map(str, one.ends))
            raise refused(program, _REWRITE, where, "loops of a bounded number of turns", ends)
        extents.append(extent)
    if order is not None and (
        order.rank != len(numbered) or order.in_whole_tiles(tuple(extents)) != tuple(extents)
    ):
        expected = f"an order of whole tiles of {' x '.join(map(str, extents))} elements"
        raise refused(program, _REWRITE, where, expected, f"{order.order} of {dict(order.tiles)}")
    fresh = Names(program)
    name = fresh.new(f"{value}_tile" if name is None else name)
    copy = new_buffer(name, let.local.dtype, layout.shape(tuple(extents)), scope)
    inner = {one.variable for one in elements.loops}
    limits = tuple(
        tuple(end for end in axis[0].ends if end.variables.isdisjoint(inner))
        if len(axis) == 1
        else ()
        for axis in numbered
    )

    def element(place: tuple[Index, ...], target: Load, ranges: Ranges) -> Body:
        turn: dict[LoopVariable, Index] = {}
        for axis, at in zip(numbered, place, strict=True):
            digits = (at,) if len(axis) == 1 else coordinates(at, _turns(axis))
            turn |= {one.variable: digit for one, digit in zip(axis, digits, strict=True)}
        body: Body = (*operands, let)
        for one, block in reversed(elements.around):
            if isinstance(one, If):
                body = (If(one.conditions, *((body,) if block == 0 else ((), body))),)
            elif isinstance(one, For):
                ends = [end for end in one.ends if not end.variables.isdisjoint(inner)]
                tests = tuple(below(index_of(one.variable), end) for end in ends)
                body = (If(tests, body),) if tests else body
        body = stored(substituted(body, turn), target)
        return fresh.copied(Parts(index=ranges.simplified).in_body(body))

    def stored(body: Body, target: Load) -> Body:
        """Return statements that store the value, not name it."""
        return transformed(
            body,
            lambda one: (
                (Store(target, one.value),)
                if isinstance(one, Let) and one.local is let.local
                else (one,)
            ),
        )

    filled = filling(fresh, site, copy, layout, tuple(extents), limits, element, order=order)
    filled = with_note(filled, f"compute {value} ahead, to {name}")
    place = [
        position((index_of(one.variable) for one in axis), _turns(axis))
        if len(axis) != 1
        else index_of(axis[0].variable)
        for axis in numbered
    ]
    coords = layout.coords(place)
    read = Load(copy, tuple(map(known[id(let)].simplified, coords)))
    body = (*filled, *replaced(site.body, let, (replace(let, value=read),)))
    changed = site.with_body(program, body)
    return replace(changed, body=without_unused(changed.body))


def _axes(
    program: LoopProgram,
    site: AllocationSite,
    elements: AccessedElements,
    axes: Sequence[Sequence[str]],
    where: str,
) -> list[tuple[For, ...]]:
    """Return the loops that are numbered along each axis; refused if they are not those that the
    value depends on, or of unknown numbers of turns where several are numbered together."""
    if not axes:
        return [(one,) for one in elements.loops]
    loops = {one.variable.name: one for one in (*site.sharers, *elements.loops)}
    given = [name for axis in axes for name in axis]
    needed = [one.variable.name for one in elements.loops]
    if len(set(given)) < len(given) or not set(needed) <= set(given) <= loops.keys():
        expected = f"axes of {', '.join(needed)}, of loops between or of threads that share it"
        raise refused(program, _REWRITE, where, expected, ", ".join(given))
    found = [tuple(loops[name] for name in axis) for axis in axes]
    for axis in found:
        for one in axis if len(axis) != 1 else ():
            if len(one.ends) != 1 or not one.ends[0].is_constant:
                expected = "known numbers of turns of loops that are numbered together"
                ends = ", ".join(map(str, one.ends))
                raise refused(program, _REWRITE, where, expected, f"{one.variable} < {ends}")
    return found


def _turns(axis: Iterable[For]) -> tuple[Size, ...]:
    return tuple(one.ends[0].constant for one in axis)


def _operands(site: AllocationSite, let: Let) -> tuple[Let, ...]:
    """Return the values of the body that one is made of, in their order."""
    path = path_to(site.body, let)
    blocks = [site.body]
    for outer, inner in itertools.pairwise(path):
        blocks.append(next(one for one in outer.blocks if any(x is inner for x in one)))
    ahead: list[Let] = []
    for block, inside in zip(blocks, path, strict=True):
        number = next(k for k, one in enumerate(block) if one is inside)
        ahead += [one for one in block[:number] if isinstance(one, Let)]
    needed = {part for part in walk_value(let.value) if isinstance(part, Local)}
    found: list[Let] = []
    for one in reversed(ahead):
        if one.local in needed:
            found.append(one)
            needed |= {part for part in walk_value(one.value) if isinstance(part, Local)}
    return tuple(reversed(found))


def _elements(
    program: LoopProgram,
    site: AllocationSite,
    let: Let,
    operands: tuple[Let, ...],
    given: Set[str],
) -> AccessedElements:
    """Return the loops and conditions that a value depends on, and those of `given` variables;
    refused if it depends on something else of the body, or might not be computed at all."""
    where = f"the value {let.local.name!r}"
    used = {one for each in (*operands, let) for one in variables_of(each)}
    own = set(bound_variables(site.body))
    coords = tuple(index_of(one) for one in sorted(used & own, key=str))
    around = (one.variable for one in path_to(site.body, let) if isinstance(one, For))
    elements = elements_of(site.body, let, coords, {one for one in around if one.name in given})
    loops = {one.variable for one in elements.loops}
    other = sorted(map(str, elements.variables & own - loops))
    if other:
        expected = "a value of loops' variables, which are known at the head"
        raise refused(program, _REWRITE, where, expected, other[0])
    written = written_memories(site.body)
    loads = [load for each in (*operands, let) for load in loads_of(each)]
    for load in loads:
        if load.buffer.memory in written:
            expected = "operands that the body does not write"
            raise refused(program, _REWRITE, where, expected, f"a store to {load.buffer.memory}")
    known = {id(one): ranges for one, ranges in walk_in_ranges(site.body, site.ranges)}
    is_there = _are_elements(
        site, elements, (load for each in (*operands, let) for load in loads_of(each))
    )
    for one in path_to(site.body, let):
        if any(one is each for each, _ in elements.around):
            continue
        is_run = isinstance(one, Let) or (
            isinstance(one, For)
            and (is_there or all(known[id(one)].is_never_negative(end - 1) for end in one.ends))
        )
        if not is_run:
            expected = "that each turn of the loop computes it"
            raise refused(program, _REWRITE, where, expected, "a loop or a condition around it")
    return elements


def _are_elements(site: AllocationSite, elements: AccessedElements, loads: Iterable[Load]) -> bool:
    """Return True if loads are proved to be of elements that exist in all turns of the loops that
    they depend on, were nothing known of other loops."""
    ranges = site.ranges
    for one in elements.loops:
        ranges = ranges.within(one.variable, *one.ends)
    return all(
        ranges.is_never_negative(coord) and ranges.is_never_negative(size - 1 - coord)
        for load in loads
        for coord, size in zip(load.coords, load.buffer.shape, strict=True)
    )
