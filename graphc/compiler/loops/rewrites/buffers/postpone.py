"""Postpone: a buffer is allocated, and gets its first value, right ahead of what reads it.

allocate s: float32[] in register      for k < 8:
s[] = 0.0                                parts[k] = ...
for k < 8:                             allocate s: float32[] in register
  parts[k] = ...                       s[] = 0.0
for part < 8:                          for part < 8:
  s[] = sum(s[], parts[part])            s[] = sum(s[], parts[part])
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    walk,
    with_blocks,
)
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Allocate, Statement, Store
from graphc.compiler.loops.value import Constant


def postpone(program: LoopProgram, buffer: str) -> LoopProgram:
    """Allocate a buffer behind the statements that follow in its block and do not use it, and store
    its first value there, which is a number."""
    where = f"the buffer {buffer!r}"
    if not any(_allocates(one, buffer) for one in walk(program.body)):
        expected = "one that the program allocates"
        raise refused(program, "postpone", where, expected, "no such statement")
    body = _postponed(program.body, buffer)
    if body is None:
        expected = "statements behind its first value that do not use it, and one that does"
        raise refused(program, "postpone", where, expected, "none")
    return replace(program, body=body)


def _postponed(body: Body, buffer: str) -> Body | None:
    """Return statements with the allocation moved; None if there is nowhere to move it to."""
    for place, statement in enumerate(body):
        if _allocates(statement, buffer):
            assert isinstance(statement, Allocate)
            return _postponed_from(body, place, statement.buffer.memory)
        for number, block in enumerate(statement.blocks):
            if any(_allocates(one, buffer) for one in walk(block)):
                inside = _postponed(block, buffer)
                if inside is None:
                    return None
                blocks = list(statement.blocks)
                blocks[number] = inside
                return (*body[:place], with_blocks(statement, tuple(blocks)), *body[place + 1 :])
    return None


def _postponed_from(body: Body, place: int, memory: str) -> Body | None:
    moved: list[Statement] = []
    passed: list[Statement] = []
    for number in range(place, len(body)):
        statement = body[number]
        if not _uses(statement, memory):
            passed.append(statement)
        elif _is_first(statement, memory):
            moved.append(statement)
        else:
            return (*body[:place], *passed, *moved, *body[number:]) if passed else None
    return None


def _allocates(statement: Statement, buffer: str) -> bool:
    return isinstance(statement, Allocate) and statement.buffer.name == buffer


def _uses(statement: Statement, memory: str) -> bool:
    return any(used.memory == memory for one in walk((statement,)) for used in buffers_of(one))


def _is_first(statement: Statement, memory: str) -> bool:
    """Return True if a statement allocates a memory, or stores a number to it in any case."""
    if isinstance(statement, Allocate):
        return statement.buffer.memory == memory
    if not isinstance(statement, Store) or statement.conditions or statement.guarded:
        return False
    return isinstance(statement.value, Constant)
