"""Merging of barriers: one is enough where what stands around it is of different memories.

barrier                              barrier
allocate rows: ... in shared         allocate rows: ... in shared
rows[...] = x[...]                   rows[...] = x[...]
barrier                              allocate columns: ... in shared
barrier                              columns[...] = w[...]
allocate columns: ... in shared      barrier
columns[...] = w[...]                ...
barrier
...

So threads that fill several buffers wait for each other once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    walk,
    with_blocks,
    written_memories,
)
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import SYNCHRONISING, Allocate, Barrier, Statement

_REWRITE = "merge_barriers"


def merge_barriers(program: LoopProgram) -> LoopProgram:
    """Remove each barrier of a block of statements that orders nothing.

    That is one right behind another one, and one between two others if no memory that threads share
    is written on one side of it and used on the other, up to these. What is ahead of the first of
    the three, or behind the last one, stays in order by these.
    """
    body = _merged(program.body)
    if body is program.body:
        expected = "a barrier between two others, and different memories on its sides"
        raise refused(program, _REWRITE, "barriers", expected, "none")
    return replace(program, body=body)


@dataclass(frozen=True)
class _Phase:
    """The statements between two barriers, as what they do to memories.

    Attributes:
        used, written: the memories that threads share.
        is_ordered: True if it has further statements that threads wait by.
    """

    used: frozenset[str]
    written: frozenset[str]
    is_ordered: bool

    def is_independent_of(self, other: _Phase) -> bool:
        """Return True if the order of the two does not matter."""
        if self.is_ordered or other.is_ordered:
            return False
        return not (self.written & other.used or other.written & self.used)


def _phase(body: Body) -> _Phase:
    private = {
        buffer.memory
        for one in walk(body)
        for buffer in buffers_of(one)
        if buffer.scope in (BufferScope.REGISTER, BufferScope.THREAD)
    }
    used = {
        buffer.memory
        for one in walk(body)
        if not isinstance(one, Allocate)
        for buffer in buffers_of(one)
    }
    is_ordered = any(isinstance(one, SYNCHRONISING) for one in walk(body))
    return _Phase(frozenset(used - private), written_memories(body) - private, is_ordered)


def _merged(body: Body) -> Body:
    """Return statements without the barriers that order nothing, at any depth."""
    changed: list[Statement] = []
    for one in body:
        blocks = one.blocks
        inside = tuple(map(_merged, blocks))
        is_same = all(new is old for new, old in zip(inside, blocks, strict=True))
        changed.append(one if is_same else with_blocks(one, inside))
    place = 0
    while (removed := _needless(changed, place)) is not None:
        del changed[removed]
        place = max(0, removed - 1)
    is_same = len(changed) == len(body) and all(
        new is old for new, old in zip(changed, body, strict=True)
    )
    return body if is_same else tuple(changed)


def _needless(body: list[Statement], start: int) -> int | None:
    """Return the place of a barrier that orders nothing, from `start` on; None if there is none."""
    barriers = [(place, one) for place, one in enumerate(body) if isinstance(one, Barrier)]
    for number in range(1, len(barriers)):
        (before, first), (place, second) = barriers[number - 1 : number + 1]
        if place < start or first.scope is not second.scope:
            continue
        ahead = tuple(body[before + 1 : place])
        if all(isinstance(one, Allocate) for one in ahead):
            return place
        after, third = barriers[number + 1] if number + 1 < len(barriers) else (None, None)
        if third is None or third.scope is not second.scope:
            continue
        if _phase(ahead).is_independent_of(_phase(tuple(body[place + 1 : after]))):
            return place
    return None
