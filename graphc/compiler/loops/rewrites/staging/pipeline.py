"""Pipelining: what the next turns of a loop read is copied while this one computes.

    for step < n:                            allocate x_tile: float32[2, 8] in shared
      barrier                                if n >= 1:
      allocate x_tile: float32[8]              x_tile[0, ...] = x[...]
      x_tile[...] = x[8*step + ...]          for step < n:
      barrier                                  barrier
      y[...] = sum(y[...], x_tile[...])        if step + 1 < n:
                                                 x_tile[(step + 1) % 2, ...] = x[8*step + 8 + ...]
                                               y[...] = sum(y[...], x_tile[step % 2, ...])

Threads without asynchronous copies may hold the next elements in registers until this turn has
computed, so that it does not wait for them ahead: the loads stand in the place of the copy, and the
stores at the end of the turn.

One barrier a turn is left, for all buffers: behind it the last copies are seen by all, and what is
overwritten next has been read by all. An asynchronous copy is waited for ahead of it.

What one thread has alone and holds needs no second slot, as it takes the place of what this turn
has read:

    for step < n:                            ...
      allocate one: float32[8] in register   for step < n:
      one[...] = x[8*step + ...]               if step + 1 < n:
      y[...] = sum(y[...], one[...])             one_next[...] = x[8*step + 8 + ...]
                                               y[...] = sum(y[...], one[...])
                                               if step + 1 < n:
                                                 one[...] = one_next[...]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    bound_variables,
    buffers_of,
    path_to,
    replaced,
    substituted,
    targets_of,
    transformed,
    values_of,
    variables_of,
    walk,
    walk_value,
    with_blocks,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.buffers.expand import with_axis
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of
from graphc.compiler.loops.rewrites.simplify import undecided
from graphc.compiler.loops.rewrites.site import site_of
from graphc.compiler.loops.statement import (
    Allocate,
    AsyncCopy,
    Barrier,
    Check,
    For,
    If,
    Let,
    Statement,
    Store,
    Wait,
)
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Load, Local, below

_REWRITE = "pipeline"


class Copying(Enum):
    """The way in which the elements of later turns come to a buffer.

    Attributes:
        IN_PLACE: by the statements that fill it, ahead of what a turn computes.
        HELD: as these, but stored behind what a turn computes, from registers.
        ASYNCHRONOUS: by `AsyncCopy`, of as many neighbours as a loop copies.
    """

    IN_PLACE = "in place"
    HELD = "held"
    ASYNCHRONOUS = "asynchronous"


def pipeline(
    program: LoopProgram,
    loop: str,
    buffers: Sequence[str],
    stages: int = 2,
    copying: Copying = Copying.IN_PLACE,
) -> LoopProgram:
    """Fill buffers that a loop's body allocates `stages` - 1 turns ahead of their use.

    Args:
        loop: its variable; a serial loop.
        buffers: what the body allocates, one behind the other, each with the statement that fills
            it; threads that share them wait for each other ahead of the first one, and behind the
            last one.
        stages: how many turns' elements there are at once, at least 2.
        copying: how elements come to a buffer.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the buffer {buffers[0]!r}" if buffers else "no buffers"
    if stages < 2:
        raise refused(program, _REWRITE, where, "at least 2 stages", f"{stages}")
    ahead, filled, behind = _parts(program, found, buffers)
    site = site_of(program, _REWRITE, loop, filled[0].buffer.scope)
    for one in filled:
        _check_filled(program, found, one, behind)
    behind = _without_barriers(program, found, ahead, behind) if site.sharers else behind
    ahead = ahead[:-1] if site.sharers else ahead
    names, ranges = Names(program), ranges_at(program, found)
    asynchronous = copying is Copying.ASYNCHRONOUS
    if asynchronous:
        filled = tuple(
            replace(one, statement=_asynchronous(program, one, site.ranges)) for one in filled
        )
    # What one thread has and holds takes the place of what this turn has read.
    slots = stages - 1 if copying is Copying.HELD and not site.sharers else stages
    staged = {
        one.buffer: new_buffer(
            one.buffer.name, one.buffer.dtype, (slots, *one.buffer.shape), one.buffer.scope
        )
        for one in filled
        if slots > 1
    }

    def in_slot(body: Body, slot: Index) -> Body:
        """Return statements of the buffers of one turn."""
        for old, new in staged.items():
            body = with_axis(body, old, new, slot)
        return body

    def filling(statements: Body, turn: Index, inside: Ranges) -> Body:
        """Return statements that fill the buffers, for a turn, if there is one."""
        slot = inside.simplified(turn % slots)
        body = in_slot(substituted(statements, {found.variable: turn}), slot)
        left = undecided(tuple(below(turn, end) for end in found.ends), inside)
        if left is None or not statements:
            return ()
        return names.copied((If(left, body),) if left else body)

    copies = tuple(one.statement for one in filled)
    prologue: list[Statement] = []
    for number in range(stages - 1):
        prologue += filling(copies, as_index(number), ranges)
        if asynchronous and number < stages - 2:
            prologue.append(Wait(stages - 1))  # ends a group of copies, and waits for none
    turn = index_of(found.variable)
    stored: Body = ()
    if copying is Copying.HELD:
        holding = [_holding(program, one, names) for one in filled]
        ahead = (*ahead, *(Allocate(one.registers) for one in holding))
        copies, stored = tuple(one.load for one in holding), tuple(one.store for one in holding)
    later = turn + (stages - 1)
    body = (
        *ahead,
        *((Wait(stages - 2),) if asynchronous else ()),
        *((Barrier(),) if site.sharers else ()),
        *filling(copies, later, site.ranges),
        *in_slot(behind, turn % slots),
        *filling(stored, later, site.ranges),
    )
    first = (Barrier(),) if site.sharers else ()
    allocated = (Allocate(staged.get(one.buffer, one.buffer)) for one in filled)
    changed = (*first, *allocated, *prologue, replace(found, body=body))
    return program.with_loop(loop, lambda _: changed)


@dataclass(frozen=True)
class _Filled:
    """A buffer with the statement that fills it."""

    buffer: Buffer
    statement: Statement


def _parts(
    program: LoopProgram, loop: For, buffers: Sequence[str]
) -> tuple[Body, tuple[_Filled, ...], Body]:
    """Return the statements of a body ahead of the first of some buffers, these with what fills
    them, and the statements behind."""
    body = loop.body
    places = {
        one.buffer.name: number for number, one in enumerate(body) if isinstance(one, Allocate)
    }
    missing = [one for one in buffers if one not in places]
    if missing or not buffers:
        where = f"the buffer {missing[0]!r}" if missing else "no buffers"
        expected = f"that the body of the loop {loop.variable.name!r} allocates it"
        raise refused(program, _REWRITE, where, expected, "no such statement there")
    first = min(places[one] for one in buffers)
    behind = first + 2 * len(set(buffers))
    filled = []
    for place in range(first, behind, 2):
        allocate = body[place] if place + 1 < len(body) else None
        if not isinstance(allocate, Allocate) or allocate.buffer.name not in buffers:
            expected = "that they are allocated one behind the other, each ahead of what fills it"
            names = ", ".join(map(repr, buffers))
            raise refused(program, _REWRITE, f"the buffers {names}", expected, "other statements")
        filled.append(_Filled(allocate.buffer, body[place + 1]))
    return body[:first], tuple(filled), body[behind:]


def _without_barriers(program: LoopProgram, loop: For, ahead: Body, behind: Body) -> Body:
    """Return the statements behind buffers that threads share without the barrier at their head,
    refused if there is none, or none ahead."""
    around = (*ahead[-1:], *behind[:1])
    if len(around) != 2 or not all(isinstance(one, Barrier) for one in around):
        expected = "a barrier ahead of its allocation and one behind the statement that fills it"
        raise refused(
            program, _REWRITE, f"the loop {loop.variable.name!r}", expected, "other statements"
        )
    return behind[1:]


def _check_filled(program: LoopProgram, loop: For, one_filled: _Filled, behind: Body) -> None:
    """Refuse statements that do something else than to fill a buffer from what stays as it is."""
    buffer, filled = one_filled.buffer, (one_filled.statement,)

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


@dataclass(frozen=True)
class _Holding:
    """The statement that fills a buffer, as one that loads to registers and one that stores."""

    registers: Buffer
    load: Statement
    store: Statement


def _holding(program: LoopProgram, filled: _Filled, names: Names) -> _Holding:
    """Return what fills a buffer by way of registers, which has to be one store of known loops."""
    stores = [one for one in walk((filled.statement,)) if isinstance(one, Store)]
    path = path_to((filled.statement,), stores[0]) if len(stores) == 1 else ()
    loops = [one for one in path if isinstance(one, For)]
    extents = [end.constant for loop in loops for end in loop.ends]
    is_known = len(extents) == len(loops) and all(isinstance(one, int) for one in extents)
    if not path or not is_known or any(isinstance(one, Check) for one in walk((filled.statement,))):
        expected = "one store, in loops of known numbers of turns, for what registers hold"
        found = ", ".join(map(head_line, walk((filled.statement,))))
        raise refused(program, _REWRITE, f"the buffer {filled.buffer.name!r}", expected, found)
    (store,) = stores
    name = names.new(f"{filled.buffer.name}_next")
    registers = new_buffer(name, store.target.dtype, tuple(extents), BufferScope.REGISTER)
    element = Load(registers, tuple(index_of(loop.variable) for loop in loops))
    (load,) = replaced((filled.statement,), store, (replace(store, target=element),))
    statement: Statement = replace(store, value=element)
    for around in reversed(path[:-1]):
        blocks = tuple(
            (statement,) if any(one is store for one in walk(block)) else ()
            for block in around.blocks
        )
        statement = with_blocks(around, blocks)
    return _Holding(registers, load, statement)


def _asynchronous(program: LoopProgram, filled: _Filled, ranges: Ranges) -> Statement:
    """Return the statement that fills a buffer with an asynchronous copy for each store, or for a
    whole loop over neighbours."""

    def copied(statement: Statement) -> Body:
        if isinstance(statement, Store):
            if not isinstance(statement.value, Load) or statement.conditions or statement.guarded:
                where = f"the buffer {filled.buffer.name!r}"
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

    (changed,) = transformed((filled.statement,), copied)
    return changed
