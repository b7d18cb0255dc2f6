"""Pipelining: what the next turns of a loop read is copied while this one computes.

    for step < n:                            allocate x_tile: float32[2, 8] in shared
      barrier                                if n >= 1:
      allocate x_tile: float32[8]              x_tile[0, ...] = x[...]
      x_tile[...] = x[8*step + ...]          for step < n:
      barrier                                  barrier
      y[...] = sum(y[...], x_tile[...])        if step + 1 < n:
                                                 x_tile[(step + 1) % 2, ...] = x[8*step + 8 + ...]
                                               y[...] = sum(y[...], x_tile[step % 2, ...])

One barrier a turn is left: behind it the last copy is seen by all, and what is overwritten next has
been read by all. An asynchronous copy is waited for ahead of it.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import Buffer, new_buffer
from graphc.compiler.loops.index import Index, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    bound_variables,
    buffers_of,
    substituted,
    targets_of,
    transformed,
    values_of,
    variables_of,
    walk,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.data.expand import with_axis
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, ranges_at, refused
from graphc.compiler.loops.rewrites.simplify import undecided
from graphc.compiler.loops.rewrites.site import site_of
from graphc.compiler.loops.statement import (
    Allocate,
    AsyncCopy,
    Barrier,
    For,
    If,
    Let,
    LoopKind,
    Statement,
    Store,
    Wait,
)
from graphc.compiler.loops.value import Load, Local, below

_REWRITE = "pipeline"


def pipeline(
    program: LoopProgram, loop: str, buffer: str, stages: int = 2, asynchronous: bool = False
) -> LoopProgram:
    """Fill a buffer that a loop's body allocates `stages` - 1 turns ahead of its use.

    Args:
        loop: its variable; a serial loop.
        buffer: what the body allocates, and fills by the next statement.
        stages: how many turns' elements there are at once, at least 2.
        asynchronous: True to copy by `AsyncCopy`, of as many neighbours as a loop copies.
    """
    found = loop_of(program, _REWRITE, loop)
    where = f"the buffer {buffer!r}"
    if stages < 2:
        raise refused(program, _REWRITE, where, "at least 2 stages", f"{stages}")
    if found.kind not in (LoopKind.SERIAL, LoopKind.UNROLLED):
        kind = found.kind.value
        raise refused(
            program, _REWRITE, f"the loop {loop!r}", "a serial loop", f"one of kind {kind}"
        )
    place = next(
        (
            number
            for number, one in enumerate(found.body)
            if isinstance(one, Allocate) and one.buffer.name == buffer
        ),
        None,
    )
    if place is None:
        expected = f"that the body of the loop {loop!r} allocates it"
        raise refused(program, _REWRITE, where, expected, "no such statement there")
    allocate = found.body[place]
    assert isinstance(allocate, Allocate)
    old = allocate.buffer
    site = site_of(program, _REWRITE, loop, old.scope)
    ahead, filled, behind = _parts(program, found, place, bool(site.sharers))
    _check_filled(program, found, old, filled, behind)
    new = new_buffer(buffer, old.dtype, (stages, *old.shape), old.scope)
    names, ranges = Names(program), ranges_at(program, found)
    if asynchronous:
        filled = _asynchronous(program, where, filled, site.ranges)

    def filling(turn: Index, inside: Ranges) -> Body:
        """Return the statements that fill the buffer for a turn, if there is one."""
        slot = inside.simplified(turn % stages)
        body = with_axis(substituted(filled, {found.variable: turn}), old, new, slot)
        left = undecided(tuple(below(turn, end) for end in found.ends), inside)
        if left is None:
            return ()
        return names.copied((If(left, body),) if left else body)

    prologue: list[Statement] = []
    for number in range(stages - 1):
        prologue += filling(as_index(number), ranges)
        if asynchronous and number < stages - 2:
            prologue.append(Wait(stages - 1))  # ends a group of copies, and waits for none
    turn = index_of(found.variable)
    body = (
        *ahead,
        *((Wait(stages - 2),) if asynchronous else ()),
        *((Barrier(),) if site.sharers else ()),
        *filling(turn + (stages - 1), site.ranges),
        *with_axis(behind, old, new, turn % stages),
    )
    first = (Barrier(),) if site.sharers else ()
    changed = (*first, Allocate(new), *prologue, replace(found, body=body))
    return program.with_loop(loop, lambda _: changed)


def _parts(program: LoopProgram, loop: For, place: int, is_shared: bool) -> tuple[Body, Body, Body]:
    """Return the statements of a body ahead of the filling of a buffer, which begins with its
    allocation, those that fill it, and those behind, without the barriers around it."""
    body = loop.body
    if not is_shared:
        return body[:place], body[place + 1 : place + 2], body[place + 2 :]
    around = (*body[max(place - 1, 0) : place], *body[place + 2 : place + 3])
    if len(around) != 2 or not all(isinstance(one, Barrier) for one in around):
        expected = "a barrier ahead of its allocation and one behind the statement that fills it"
        raise refused(
            program, _REWRITE, f"the loop {loop.variable.name!r}", expected, "other statements"
        )
    return body[: place - 1], body[place + 1 : place + 2], body[place + 3 :]


def _check_filled(
    program: LoopProgram, loop: For, buffer: Buffer, filled: Body, behind: Body
) -> None:
    """Refuse statements that do something else than to fill a buffer from what stays as it is."""

    def refuse(expected: str, found: str) -> None:
        raise refused(program, _REWRITE, f"the buffer {buffer.name!r}", expected, found)

    if written_memories(filled) != {buffer.memory}:
        expected = "that the statement behind its allocation fills it, and writes nothing else"
        refuse(expected, "another statement")
    if buffer.memory in written_memories(behind):
        refuse("that one statement alone writes it", "another store to it")
    used = [one for statement in walk(loop.body) for one in buffers_of(statement)]
    if any(one.memory == buffer.memory and one is not buffer for one in used):
        refuse("no views of it", "another buffer of its memory")
    written = written_memories(loop.body)
    local = {one.buffer.memory for one in walk(loop.body) if isinstance(one, Allocate)}
    bound = {one.local for one in walk(filled) if isinstance(one, Let)}
    inside = set(bound_variables(loop.body)) - set(bound_variables(filled))
    for statement in walk(filled):
        targets = [one.buffer for one in targets_of(statement)]
        for one in buffers_of(statement):
            if one not in targets and one.memory in written | local:
                refuse("a source that the loop does not write", f"a store to {one.memory}")
        for value in values_of(statement):
            for part in walk_value(value):
                if isinstance(part, Local) and part not in bound:
                    refuse("a source that is known ahead of the loop's turn", f"{part}")
        for variable in sorted(variables_of(statement) & inside, key=str):
            refuse("a source that is known ahead of the loop's turn", f"{variable}")


def _asynchronous(program: LoopProgram, where: str, filled: Body, ranges: Ranges) -> Body:
    """Return the statements with an asynchronous copy for each store, or for a whole loop over
    neighbours."""

    def copied(statement: Statement) -> Body:
        if isinstance(statement, Store):
            if not isinstance(statement.value, Load) or statement.conditions or statement.guarded:
                expected = "a plain copy, without a border, for asynchronous copies"
                raise refused(program, _REWRITE, where, expected, str(statement.value))
            return (AsyncCopy(statement.target, statement.value, 1),)
        if not isinstance(statement, For) or len(statement.body) != 1:
            return (statement,)
        (copy,) = statement.body
        (end, *others) = statement.ends
        is_known = not others and end.is_constant and isinstance(end.constant, int)
        if not isinstance(copy, AsyncCopy) or copy.count != 1 or not is_known:
            return (statement,)
        inside = ranges.within(statement.variable, *statement.ends)
        steps = [
            inside.step(one.buffer.place(one.coords), statement.variable)
            for one in (copy.target, copy.source)
        ]
        if steps != [1, 1]:
            return (statement,)
        count = end.constant
        assert isinstance(count, int)
        first = substituted((replace(copy, count=count),), {statement.variable: as_index(0)})
        return first

    return transformed(filled, copied)
