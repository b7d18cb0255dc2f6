"""Staging of results: what a loop's body writes is in a buffer of its own until the body's end.

    for row < n:                               for row < n:
      y0[row] = 0.0                              allocate y0_tile: float32[1] in register
      for column < 10:                           y0_tile[0] = 0.0
        y0[row] = sum(y0[row], x0[...])          for column < 10:
                                                   y0_tile[0] = sum(y0_tile[0], x0[...])
                                                 y0[row] = y0_tile[0]

Each element that the body writes is copied back, by the loops that write it; no other is. One that
the body reads before it writes it is copied to the buffer first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    facts,
    path_to,
    targets_of,
    values_of,
    walk,
    walk_in_ranges,
    with_note,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import Box, box_of
from graphc.compiler.loops.rewrites.elements import (
    AccessedElements,
    elements_of,
    loads_under_tests,
    tests_of,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.site import AllocationSite, check_reached, site_of
from graphc.compiler.loops.rewrites.staging.filling import in_copy
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout, c_order
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    AtomicAdd,
    Barrier,
    Check,
    Fence,
    For,
    If,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Condition, Load

_REWRITE = "stage_result"


def stage_result(
    program: LoopProgram,
    loop: str | None,
    buffer: str,
    scope: BufferScope,
    layout: BufferLayout | None = None,
    name: str | None = None,
) -> LoopProgram:
    """Write, in a loop's body, to a buffer of a scope, and copy it back at the end of the body.

    Args:
        loop: its variable; None for the body of the program.
        buffer: what the body writes.
        scope: of the new buffer.
        layout: of the new buffer; by default the axes in order.
        name: of the new buffer; by default the old one's, with ``_tile``.
    """
    site = site_of(program, _REWRITE, loop, scope)
    where = f"the buffer {buffer!r}"
    old, accesses = _accesses(program, site, buffer)
    layout = c_order(len(old.shape)) if layout is None else layout
    if layout.rank != len(old.shape):
        expected = f"a layout of its {len(old.shape)} axes"
        raise refused(program, _REWRITE, where, expected, f"one of {layout.rank}")
    check_reached(program, _REWRITE, site, scope, [one.statement for one in accesses])
    reached = [(one.load.coords, one.ranges) for one in accesses]
    box = box_of(reached, site.ranges, site.own_variables)
    if not isinstance(box, Box):
        coords = ", ".join(dict.fromkeys(str(one.load.coords[box]) for one in accesses))
        expected = f"coordinates along axis {box} that are a known number apart"
        raise refused(program, _REWRITE, where, expected, coords)

    names = Names(program)
    name = names.new(f"{buffer}_tile" if name is None else name)
    new = new_buffer(name, old.dtype, layout.shape(box.extents), scope)

    def in_new(coords: tuple[Index, ...], ranges: Ranges) -> Load:
        place = [ranges.simplified(c - s) for c, s in zip(coords, box.start, strict=True)]
        return Load(new, tuple(map(ranges.simplified, layout.coords(place))))

    copied_in: dict[object, Body] = {}
    copied_back: dict[object, Body] = {}
    for access in accesses:
        elements = access.elements
        tile = in_new(access.load.coords, access.ranges)
        if access.is_read and not _is_written_before(program, site, access, accesses):
            filled = elements.each(names, (Store(tile, access.load),))
            copied_in[elements.key] = with_note(filled, f"copy what is there of {buffer} to {name}")
        is_covered = any(
            one.elements.key != elements.key and _covers(site, one, access) for one in accesses
        )
        if access.is_written and not is_covered:
            last = Store(access.load, tile, access.conditions, access.is_guarded)
            key = (elements.key, access.conditions, access.is_guarded)
            stored = elements.each(names, (last,))
            copied_back[key] = with_note(stored, f"store {name}")
    body = (
        *([Barrier()] if site.sharers else []),
        Allocate(new),
        *(one for each in copied_in.values() for one in each),
        *in_copy(site.body, site.ranges, old, new, layout, box),
        *(one for each in copied_back.values() for one in each),
    )
    return site.with_body(program, body)


@dataclass(frozen=True)
class _Access:
    """An element that a statement of the body reads or writes.

    Attributes:
        statement: the statement.
        load: the element.
        ranges: those where it is accessed.
        elements: all elements that the statement accesses in a turn of the site's loop.
        is_read, is_written: of an `Accumulate` both.
        conditions: those of a `Store`.
        is_guarded: True of a `Store` that a failed check stops.
        is_tested: True of an element that the statement may leave unread.
    """

    statement: Statement
    load: Load
    ranges: Ranges
    elements: AccessedElements
    is_read: bool
    is_written: bool
    conditions: tuple[Condition, ...] = ()
    is_guarded: bool = False
    is_tested: bool = False


def _accesses(
    program: LoopProgram, site: AllocationSite, buffer: str
) -> tuple[Buffer, list[_Access]]:
    """Return a buffer by its name, and all accesses to its memory in the body, in its order."""
    where = f"the buffer {buffer!r}"

    def refuse(expected: str, found: str) -> None:
        raise refused(program, _REWRITE, where, expected, found)

    used = [one for statement in walk(site.body) for one in buffers_of(statement)]
    written = {one.buffer for statement in walk(site.body) for one in targets_of(statement)}
    old = next((one for one in written if one.name == buffer), None)
    if old is None:
        names = ", ".join(sorted(one.name for one in written))
        refuse("a buffer that the body writes", f"only {names or 'no such buffers'}")
    assert old is not None
    if any(one.memory == old.memory and one is not old for one in used):
        refuse("no other buffer of its memory in the body", "another view of it")
    if any(isinstance(one, Allocate) and one.buffer is old for one in walk(site.body)):
        refuse("a buffer that is allocated outside of the body", "its allocation inside")
    if any(isinstance(one, Barrier | Fence | AtomicAdd) for one in walk(site.body)):
        refuse("a body in which no thread waits for another one", "a barrier or a fence")
    accesses: list[_Access] = []
    for statement, ranges in walk_in_ranges(site.body, site.ranges):
        if all(one is not old for one in buffers_of(statement)):
            continue
        if not isinstance(statement, Store | Accumulate | Let | Check):
            refuse("that plain statements alone access it", type(statement).__name__)
        accesses += _accesses_of(site, statement, ranges, old)
    checks = any(isinstance(one, Check) for one in walk(site.body))
    if checks and any(one.is_guarded for one in accesses):
        refuse("no check among statements that one may stop", "a check in the body")
    own = set(site.ranges.ends)
    for access in accesses:
        inside = {loop.variable for loop in access.elements.loops}
        free = access.elements.variables - inside - own
        if free:
            refuse("coordinates of loops' variables alone", f"{sorted(map(str, free))[0]}")
        left_out = [
            one
            for one in path_to(site.body, access.statement)
            if isinstance(one, For) and all(one is not loop for loop in access.elements.loops)
        ]
        if not all(
            access.ranges.is_never_negative(end - 1) for one in left_out for end in one.ends
        ):
            refuse(
                "that each loop around has a turn", f"{left_out[0].variable}, which may have none"
            )
    return old, accesses


def _accesses_of(
    site: AllocationSite, statement: Statement, ranges: Ranges, buffer: Buffer
) -> list[_Access]:
    path = path_to(site.body, statement)
    needed = {
        variable
        for one in path
        if isinstance(one, If)
        for index in tests_of(one)
        for variable in index.variables
    }
    conditions = statement.conditions if isinstance(statement, Store) else ()
    needed |= {variable for one in conditions for variable in one.index.variables}
    found = []
    is_guarded = isinstance(statement, Store) and statement.guarded
    for value in values_of(statement):
        for load, _, is_tested in loads_under_tests(value):
            if load.buffer is buffer:
                elements = elements_of(site.body, statement, load.coords, needed)
                is_tested = is_tested or is_guarded or bool(conditions)
                found.append(
                    _Access(statement, load, ranges, elements, True, False, is_tested=is_tested)
                )
    for load in targets_of(statement):
        if load.buffer is buffer:
            elements = elements_of(site.body, statement, load.coords, needed)
            is_read = isinstance(statement, Accumulate)
            inside = ranges.given(facts(conditions))
            found.append(
                _Access(statement, load, inside, elements, is_read, True, conditions, is_guarded)
            )
    return found


def _is_written_before(
    program: LoopProgram, site: AllocationSite, access: _Access, accesses: list[_Access]
) -> bool:
    """Return True if each element that is read gets its value from a store ahead, False if from
    outside of the body; refused where neither is proved."""
    number = next(k for k, one in enumerate(accesses) if one is access)
    stores = [
        (k, one)
        for k, one in enumerate(accesses)
        if isinstance(one.statement, Store) and one.is_written
    ]
    for k, store in stores:
        if k < number and _covers(site, store, access):
            return True
    is_always = not access.is_tested
    if is_always and all(k > number and _are_same(site, one, access) for k, one in stores):
        return False
    expected = "that the body writes an element before it reads it, or reads it first in each turn"
    found = f"{access.load}, and stores that are not known to be ahead of it or behind it"
    raise refused(program, _REWRITE, f"the buffer {access.load.buffer.name!r}", expected, found)


def _covers(site: AllocationSite, store: _Access, access: _Access) -> bool:
    """Return True if a statement stores, in any case, all elements that one under tests accesses,
    each in the same turn of the loops around both."""
    if not isinstance(store.statement, Store) or store.conditions or store.is_guarded:
        return False
    all_accessed = elements_of(site.body, access.statement, access.load.coords).without_tests
    return store.is_written and _are_same(site, store, replace(access, elements=all_accessed))


def _are_same(site: AllocationSite, one: _Access, other: _Access) -> bool:
    """Return True if two statements access the same elements, and each in the same turn of the
    loops around both."""
    path = path_to(site.body, other.statement)
    common = [x for x in path_to(site.body, one.statement) if any(x is y for y in path)]
    shared = [
        [id(loop) for loop in access.elements.loops if any(loop is x for x in common)]
        for access in (one, other)
    ]
    return one.elements.key == other.elements.key and shared[0] == shared[1]
