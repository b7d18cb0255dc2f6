"""The place of a program that a new buffer is allocated and filled at: the head of a body."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace

from graphc.compiler.graph.dim import Size, product
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import Index, LoopVariable, index_of, position
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    bound_variables,
    buffers_of,
    path_to,
    replaced,
    values_of,
    variables_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.elements import tests_of
from graphc.compiler.loops.rewrites.refusal import loop_of, ranges_at, refused
from graphc.compiler.loops.statement import PARALLEL_KINDS, Allocate, For, Let, LoopKind, Statement
from graphc.compiler.loops.value import Local

_ONE_THREAD = frozenset((LoopKind.SERIAL, LoopKind.UNROLLED, LoopKind.VECTOR))
REACHED = {
    BufferScope.REGISTER: _ONE_THREAD,
    BufferScope.THREAD: _ONE_THREAD,
    BufferScope.SHARED: frozenset(LoopKind) - {LoopKind.BLOCK, LoopKind.GRID},
    BufferScope.GLOBAL: frozenset(LoopKind),
}
"""By scope, the kinds of loops of which all turns reach a buffer that is allocated ahead."""

_SHARERS = frozenset((LoopKind.TEAM, LoopKind.THREAD, LoopKind.LANE))


@dataclass(frozen=True)
class AllocationSite:
    """The body of a loop, or of the program, and what a buffer of a scope is there.

    Attributes:
        path: the statements around, the outermost first, and the loop at the end.
        body: the statements of the loop, or of the program.
        ranges: those at the head of the body.
        sharers: the loops around whose turns have one such buffer together.
    """

    path: Body
    body: Body
    ranges: Ranges
    sharers: tuple[For, ...]

    @property
    def loop(self) -> For | None:
        """The loop that the body is of; None for that of the program."""
        if not self.path:
            return None
        loop = self.path[-1]
        assert isinstance(loop, For)
        return loop

    @property
    def own_variables(self) -> Set[LoopVariable]:
        """The variables that are the same for all who have the buffer."""
        if not self.sharers:
            return self.ranges.ends.keys()
        first = self.sharers[0].variable
        outside = itertools.takewhile(lambda one: one is not first, self.ranges.ends)
        loops = [one for one in self.path if isinstance(one, For)]
        inside = [one.variable for one in loops if all(one is not each for each in self.sharers)]
        return {*outside, *inside}

    @property
    def sharer(self) -> tuple[Index, Size]:
        """The number of a turn among those that have the buffer together, and how many they are."""
        counts = [loop.ends[0].constant for loop in self.sharers]
        return position((index_of(loop.variable) for loop in self.sharers), counts), product(counts)

    def with_body(self, program: LoopProgram, body: Body) -> LoopProgram:
        """Return the program with other statements in the place of the body."""
        if self.loop is None:
            return replace(program, body=body)
        changed = replaced(program.body, self.loop, (replace(self.loop, body=body),))
        return replace(program, body=changed)


def site_of(
    program: LoopProgram, rewrite: str, loop: str | None, scope: BufferScope
) -> AllocationSite:
    """Return the body of a loop, or for None that of the program, as the place of a buffer. Refused
    where the scope does not fit the loops around."""
    if loop is None:
        return AllocationSite((), program.body, program.ranges, ())
    found = loop_of(program, rewrite, loop)
    path = program.path(loop)
    ranges = ranges_at(program, found).within(found.variable, *found.ends)
    loops = [one for one in path if isinstance(one, For)]

    def refuse(expected: str, what: str) -> None:
        raise refused(program, rewrite, f"the loop {loop!r}", expected, what)

    for one in loops:
        if one.kind is LoopKind.VECTOR:
            refuse("no vector loop around a buffer", f"{one.variable} (vector)")
        if scope is BufferScope.GLOBAL and one.kind in PARALLEL_KINDS:
            refuse(
                "no parallel loop around a buffer in global memory",
                f"{one.variable} ({one.kind.value})",
            )
    if scope is not BufferScope.SHARED:
        return AllocationSite(path, found.body, ranges, ())
    sharers = tuple(one for one in loops if one.kind in _SHARERS)
    for one in sharers:
        if len(one.ends) != 1 or not one.ends[0].is_constant:
            ends = ", ".join(map(str, one.ends))
            refuse("threads of a known number", f"{one.variable} < {ends}")
    uneven = _uneven(path, sharers, ranges)
    if uneven is not None:
        refuse("all threads to come to a barrier there", f"a condition of {uneven}")
    return AllocationSite(path, found.body, ranges, sharers)


def _uneven(path: Body, sharers: tuple[For, ...], ranges: Ranges) -> LoopVariable | None:
    """Return a variable on which it depends if a thread comes to the end of a path, or how often.
    Variables from outside of the sharers, and of loops that are the same for all, are none."""
    if not sharers:
        return None
    first = next(place for place, one in enumerate(path) if one is sharers[0])
    even = set(itertools.takewhile(lambda one: one is not sharers[0].variable, ranges.ends))
    for statement in path[first:]:
        if any(statement is sharer for sharer in sharers):
            continue
        for index in tests_of(statement):
            for variable in sorted(index.variables - even, key=str):
                return variable
        if isinstance(statement, For):
            even.add(statement.variable)
    return None


def check_reached(
    program: LoopProgram,
    rewrite: str,
    site: AllocationSite,
    scope: BufferScope,
    users: Iterable[Statement],
) -> None:
    """Refuse a buffer at a site that not all turns of the loops around its users reach."""
    for user in users:
        for one in path_to(site.body, user):
            if isinstance(one, For) and one.kind not in REACHED[scope]:
                expected = f"no such loop between a buffer in {scope.value} memory and its uses"
                what = f"a loop of kind {one.kind.value}"
                raise refused(program, rewrite, f"the loop {one.variable.name!r}", expected, what)


def check_same_for_all(
    program: LoopProgram, rewrite: str, site: AllocationSite, buffer: str, body: Body
) -> None:
    """Refuse statements that compute the elements of a shared buffer, each by one of the threads
    that have it together, if they would be others in another thread."""
    if not site.sharers:
        return
    where = f"the buffer {buffer!r}"
    expected = "elements that are the same for all threads that share it"
    bound = {one.local for one in walk(body) if isinstance(one, Let)}
    local = {one.buffer.memory for one in walk(body) if isinstance(one, Allocate)}
    for statement in walk(body):
        for one in buffers_of(statement):
            is_private = one.scope in (BufferScope.REGISTER, BufferScope.THREAD)
            if is_private and one.memory not in local:
                found = f"{one}, in {one.scope.value} memory"
                raise refused(program, rewrite, where, expected, found)
        for value in values_of(statement):
            for part in walk_value(value):
                if isinstance(part, Local) and part not in bound:
                    raise refused(program, rewrite, where, expected, f"the value {part}")
    used = {variable for one in walk(body) for variable in variables_of(one)}
    free = used - set(bound_variables(body)) - set(site.own_variables)
    if free:
        raise refused(program, rewrite, where, expected, f"{sorted(map(str, free))[0]}")
