"""Staging of reads: a copy of the box of elements that a loop's body reads, in its own buffer.

    kernel k0(x0: float32[n, 10]) -> y0: float32[n]
      for row_outer < (n + 3) // 4:
        allocate x0_tile: float32[4, 10] in register
        for x0_tile_axis0 < 4:
          for x0_tile_axis1 < 10:
            x0_tile[x0_tile_axis0, x0_tile_axis1] = (x0[...] if ... >= 0 else 0.0)
        ...

An element of the box that is outside of the source is 0, in whole tiles of the copy. Where the body
reads each element under a test of whether it is there (the border of a convolution), it is the
value that the body has for a missing one, and the test is gone from the body. Of a memory that the
program writes too, no element is copied that the body does not read.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from graphc.compiler.graph.dim import Shape, Size, exact_quotient
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    facts,
    path_to,
    values_of,
    walk,
    walk_in_ranges,
    windows_of,
    with_note,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import Box, box_of
from graphc.compiler.loops.rewrites.elements import loads_under_tests
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.site import AllocationSite, check_reached, site_of
from graphc.compiler.loops.rewrites.staging.filling import Limits, filling, in_copy
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout, c_order
from graphc.compiler.loops.statement import AsyncCopy, For, If, Store
from graphc.compiler.loops.value import (
    Condition,
    Constant,
    Load,
    Select,
    Value,
    at_least,
    below,
)


def stage(
    program: LoopProgram,
    loop: str | None,
    buffer: str,
    scope: BufferScope,
    layout: BufferLayout | None = None,
    name: str | None = None,
    neighbours: int = 1,
    *,
    only_read: bool = False,
    in_whole_tiles: bool = True,
) -> LoopProgram:
    """Copy, at the head of a loop's body, what the body reads of a buffer, and read the copy.

    The loops of the copy are ``<name>_axis<k>``, and ``<name>_axis<k>_outer`` and ``_inner`` where
    the layout has a tile. Threads that share the copy make it together, in a loop ``<name>_turn``
    between two barriers.

    Args:
        loop: its variable; None for the body of the program.
        buffer: what is read.
        scope: of the copy.
        layout: of the copy; by default the buffer's axes in order.
        name: of the copy; by default the buffer's, with ``_tile``.
        neighbours: elements that each of the threads that share the copy takes at a time, in a loop
            ``<name>_neighbour``.
        only_read: True if no element is copied that the body does not read in this turn, though
            there is one.
        in_whole_tiles: False if what is behind the box in the last tile of an axis gets no value.
    """
    site = site_of(program, "stage", loop, scope)
    where = f"the buffer {buffer!r}"
    source, reads = _reads(program, site, buffer)
    layout = c_order(len(source.shape)) if layout is None else layout
    if layout.rank != len(source.shape):
        expected = f"a layout of its {len(source.shape)} axes"
        raise refused(program, "stage", where, expected, f"one of {layout.rank}")
    check_reached(program, "stage", site, scope, [read.path[-1] for read in reads])
    if site.sharers and source.scope in (BufferScope.REGISTER, BufferScope.THREAD):
        expected = "a source that all threads have together, for a copy that they share"
        raise refused(program, "stage", where, expected, f"one in {source.scope.value} memory")
    accesses = [(read.load.coords, read.ranges) for read in reads]
    box = box_of(accesses, site.ranges, site.own_variables)
    if not isinstance(box, Box):
        coords = ", ".join(dict.fromkeys(str(read.load.coords[box]) for read in reads))
        expected = f"coordinates along axis {box} that are a known number apart"
        raise refused(program, "stage", where, expected, coords)
    limits: Limits = ((),) * len(source.shape)
    if not in_whole_tiles:
        tiles = (layout.tiles.get(axis, 1) for axis in range(layout.rank))
        limits = tuple(
            () if exact_quotient(extent, tile) is not None else (as_index(extent),)
            for extent, tile in zip(box.extents, tiles, strict=True)
        )
    if only_read or source.memory in written_memories(program.body):
        limits = _limits(program, buffer, reads, box, site.own_variables)

    last = box.extents[-1] if box.extents else 1
    if neighbours != 1 and (not site.sharers or exact_quotient(last, neighbours) is None):
        expected = f"threads that share it, and a multiple of {neighbours} along its last axis"
        raise refused(program, "stage", where, expected, f"{len(site.sharers)} such loops, {last}")
    names = Names(program)
    name = names.new(f"{buffer}_tile" if name is None else name)
    copy = new_buffer(name, source.dtype, layout.shape(box.extents), scope)
    border = _border(reads, source)
    fill = Constant(False if source.dtype == "bool" else 0, source.dtype)

    def element(place: tuple[Index, ...], target: Load, ranges: Ranges) -> Body:
        coords = tuple(start + one for start, one in zip(box.start, place, strict=True))
        missing = unproved(coords, source.shape, ranges)
        value: Value = Load(source, coords)
        if missing:
            value = Select(missing, value, fill if border is None else border)
        return (Store(target, value),)

    filled = filling(names, site, copy, layout, box.extents, limits, element, neighbours)
    filled = with_note(filled, f"copy what is read of {buffer} to {name}")
    staged = in_copy(site.body, site.ranges, source, copy, layout, box)
    if border is not None:
        staged = _without_tests(staged, copy)
    return site.with_body(program, (*filled, *staged))


def unproved(coords: tuple[Index, ...], shape: Shape, ranges: Ranges) -> tuple[Condition, ...]:
    """Return the conditions under which coordinates are inside of a shape, but for those that are
    always true."""
    conditions = []
    for coord, size in zip(coords, shape, strict=True):
        conditions += [at_least(coord), below(coord, size)]
    return tuple(one for one in conditions if not ranges.is_never_negative(one.index))


# ---- what the body reads ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Read:
    """An element that a statement of the body reads.

    Attributes:
        load: the element.
        ranges: those of the statement.
        path: the statements of the body around it, and the statement at the end.
        test: the select that chooses between the element and another value, if its own value is
            nothing but the element.
        is_tested: True if a select is around at all.
    """

    load: Load
    ranges: Ranges
    path: Body
    test: Select | None
    is_tested: bool


def _reads(program: LoopProgram, site: AllocationSite, buffer: str) -> tuple[Buffer, list[_Read]]:
    """Return a buffer by its name, and the reads of it; refused if the body writes it, or if others
    than values read it."""
    where = f"the buffer {buffer!r}"
    reads = []
    for statement, ranges in walk_in_ranges(site.body, site.ranges):
        found = [
            (load, test, is_tested)
            for value in values_of(statement)
            for load, test, is_tested in loads_under_tests(value)
            if load.buffer.name == buffer
        ]
        if not found:
            continue
        if isinstance(statement, AsyncCopy):
            expected = "that values alone read it"
            raise refused(program, "stage", where, expected, "an asynchronous copy from it")
        path = path_to(site.body, statement)
        reads += [_Read(load, ranges, path, test, tested) for load, test, tested in found]
    for statement in walk(site.body):
        for window, _ in windows_of(statement):
            if window.buffer.name == buffer:
                expected = "that values alone read it"
                raise refused(program, "stage", where, expected, "an intrinsic that is given it")
    if not reads:
        names = sorted({one.name for inner in walk(site.body) for one in buffers_of(inner)})
        expected = "a buffer that the body reads"
        raise refused(program, "stage", where, expected, f"only {', '.join(names)}")
    source = reads[0].load.buffer
    if source.memory in written_memories(site.body):
        expected = "that the body does not write its memory"
        raise refused(program, "stage", where, expected, f"a store to {source.memory!r}")
    return source, reads


def _border(reads: list[_Read], source: Buffer) -> Constant | None:
    """Return the number that the body has for each element that is not there, if each read that may
    be of one is under tests that hold for all elements that are."""
    borders = set()
    for read in reads:
        if not read.is_tested and read.ranges.is_inside(read.load.coords, source.shape):
            continue
        if read.test is None or not isinstance(read.test.otherwise, Constant):
            return None
        borders.add(read.test.otherwise)
        conditions = []
        for coord, size in zip(read.load.coords, source.shape, strict=True):
            conditions += [at_least(coord), below(coord, size)]
        known = list(facts(conditions))
        for fact in known:  # and what is left of it without the terms that decide nothing
            less = read.ranges.reduced(fact)
            if less not in known:
                known.append(less)
        inside = read.ranges.given(known)
        for condition in read.test.conditions:
            if condition.equal or not inside.is_never_negative(condition.index):
                return None
    return borders.pop() if len(borders) == 1 else None


def _without_tests(body: Body, copy: Buffer) -> Body:
    """Return statements that read each element of a copy, without the tests around."""

    def value(old: Value) -> Value:
        if isinstance(old, Select) and isinstance(old.value, Load) and old.value.buffer is copy:
            return old.value
        return old

    return Parts(value=value).in_body(body)


def _limits(
    program: LoopProgram, buffer: str, reads: list[_Read], box: Box, kept: Set[LoopVariable]
) -> Limits:
    """Return the ends of the elements, along each axis, that a read comes to in each turn. What it
    does not come to may have no value yet, or get one from another thread meanwhile."""
    for read in reads:
        limits = _all_read(read, box, kept)
        if limits is not None:
            return limits
    sizes = " x ".join(map(str, box.extents))
    coords = ", ".join(dict.fromkeys(str(read.load) for read in reads))
    expected = f"reads of all {sizes} elements of the box, as no others are to be copied"
    raise refused(program, "stage", f"the buffer {buffer!r}", expected, f"reads of {coords} only")


def _all_read(read: _Read, box: Box, kept: Set[LoopVariable]) -> Limits | None:
    """Return the ends along each axis, below which a read is proved to come to each element."""
    statement = read.path[-1]
    if read.is_tested or any(isinstance(one, If) for one in read.path):
        return None
    if isinstance(statement, Store) and (statement.conditions or statement.guarded):
        return None
    ends = {loop.variable: loop.ends for loop in read.path if isinstance(loop, For)}
    limits: list[tuple[Index, ...]] = []
    for coord, start, extent in zip(read.load.coords, box.start, box.extents, strict=True):
        place = read.ranges.simplified(coord - start)
        digit = place.atom
        if isinstance(digit, LoopVariable) and digit in ends:
            if any(not end.variables <= kept for end in ends[digit]):
                return None
            limits.append(ends.pop(digit))
            continue
        reached: Size = 1
        terms = dict(place.terms)
        while terms:  # a number in mixed radix: each digit's weight is the count of those below
            digit = next((atom for atom, weight in terms.items() if weight == reached), None)
            if not isinstance(digit, LoopVariable) or len(ends.get(digit, ())) != 1:
                return None
            (end,) = ends.pop(digit)
            if not end.is_constant:
                return None
            reached = reached * end.constant
            del terms[digit]
        if reached != extent:
            return None
        limits.append(())
    others = (end for loop in ends.values() for end in loop)
    if not all(read.ranges.is_never_negative(end - 1) for end in others):
        return None
    return tuple(limits)
