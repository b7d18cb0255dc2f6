"""Advance: what reads a buffer that threads share follows the last store to it at once.

for t < 8 (thread):             for t < 8 (thread):
  one[t] = ...                    one[t] = ...
  other[t] = ...                  barrier (shared)
  barrier (shared)                y[t] = one[7 - t]
  y[t] = one[7 - t]               other[t] = ...
  z[t] = other[7 - t]             barrier (shared)
                                  z[t] = other[7 - t]

Then the buffers are not in use at once, and may lie in one memory.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    reads_bound,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.site import site_of
from graphc.compiler.loops.statement import SYNCHRONISING, Allocate, Barrier, Statement
from graphc.compiler.loops.text import head_line

_REWRITE = "advance"


def advance(program: LoopProgram, loop: str, buffer: str) -> LoopProgram:
    """Move the statement that reads a buffer to the last one that stores to it, behind a barrier.

    The statements that it comes ahead of neither write what it uses nor use what it writes; what
    they allocate for it comes along.

    Args:
        program: the program.
        loop: the variable of a loop that all threads run the body of.
        buffer: in shared memory; one statement of the body reads it, behind all that store to it.
    """
    site = site_of(program, _REWRITE, loop, BufferScope.SHARED)
    where = f"the buffer {buffer!r}"
    users = [
        number
        for number, one in enumerate(site.body)
        if any(x.name == buffer for inner in walk((one,)) for x in buffers_of(inner))
    ]
    found = {
        x.scope
        for number in users
        for inner in walk((site.body[number],))
        for x in buffers_of(inner)
        if x.name == buffer
    }
    if found != {BufferScope.SHARED}:
        expected = f"one in shared memory that the body of the loop {loop!r} uses"
        raise refused(program, _REWRITE, where, expected, "no such statement")
    *writers, reader = users
    memory = _memory(site.body[reader], buffer)
    if not writers or memory in written_memories((site.body[reader],)):
        expected = "that the last statement of the body that uses it reads it, and others store"
        raise refused(program, _REWRITE, where, expected, head_line(site.body[reader]))
    last = writers[-1]
    if memory not in written_memories((site.body[last],)):
        expected = "one statement of the body that reads it"
        raise refused(program, _REWRITE, where, expected, head_line(site.body[last]))
    moved = site.body[reader]
    used = {x.memory for inner in walk((moved,)) for x in buffers_of(inner)}
    allocated: list[Statement] = []
    between: list[Statement] = []
    for one in site.body[last + 1 : reader]:
        is_for_it = isinstance(one, Allocate) and one.buffer.memory in used
        (allocated if is_for_it else between).append(one)
    if any(isinstance(one, SYNCHRONISING) for one in walk((moved,))):
        expected = "no barrier in what reads it"
        raise refused(program, _REWRITE, where, expected, head_line(moved))
    for one in between:
        if not isinstance(one, Barrier) and not _may_follow(one, moved):
            expected = "that what reads it needs nothing of the statements ahead, nor they of it"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    body: Body = (
        *site.body[: last + 1],
        Barrier(),
        *allocated,
        moved,
        *between,
        *site.body[reader + 1 :],
    )
    return program.with_loop(loop, lambda one: (replace(one, body=body),))


def _memory(statement: Statement, buffer: str) -> str:
    buffers = (x for inner in walk((statement,)) for x in buffers_of(inner))
    return next(one.memory for one in buffers if one.name == buffer)


def _may_follow(one: Statement, moved: Statement) -> bool:
    """Return True if a statement may as well come behind one that was moved ahead of it."""
    if any(isinstance(inner, SYNCHRONISING) for inner in walk((one,))):
        return False
    if any(reads_bound(inner, (one,)) for inner in walk((moved,))):
        return False
    used, other = (
        {buffer.memory for inner in walk((x,)) for buffer in buffers_of(inner)}
        for x in (one, moved)
    )
    return used.isdisjoint(written_memories((moved,))) and other.isdisjoint(
        written_memories((one,))
    )
