"""Expansion: a buffer that each turn of a loop has for itself becomes one for all turns.

    for column_inner < 8:                 allocate s0: float32[8] in register
      allocate s0: float32[] in register  for column_inner < 8:
      s0[] = 0.0                            s0[column_inner] = 0.0
      ...                                   ...

Then the loop can be divided between the statements that use the buffer, and those be reordered.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.access import ONE_FOR_EACH_TURN
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    path_to,
    transformed,
    walk,
)
from graphc.compiler.loops.rewrites.boxes import most_turns
from graphc.compiler.loops.rewrites.refusal import loop_of, ranges_at, refused
from graphc.compiler.loops.rewrites.site import REACHED
from graphc.compiler.loops.statement import (
    Allocate,
    BufferWindow,
    For,
    Statement,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Load, Value


def expand(
    program: LoopProgram, loop: str, buffer: str, scope: BufferScope | None = None
) -> LoopProgram:
    """Allocate a buffer ahead of a loop whose body allocates it, with an axis of the loop's turns
    in front of its own.

    Args:
        loop: its variable.
        buffer: what is allocated in the loop's body.
        scope: of the new one; by default that of the old one.
    """
    found = loop_of(program, "expand", loop)
    where = f"the buffer {buffer!r}"
    old = next(
        (one for one in found.body if isinstance(one, Allocate) and one.buffer.name == buffer), None
    )
    if old is None:
        expected = f"that the body of the loop {loop!r} allocates it"
        raise refused(program, "expand", where, expected, "no such statement there")
    scope = old.buffer.scope if scope is None else scope
    _check_scope(program, found, old.buffer, scope)
    ranges = ranges_at(program, found)
    turns = most_turns(found.ends, ranges)
    if turns is None:
        ends = ", ".join(map(str, found.ends))
        raise refused(program, "expand", f"the loop {loop!r}", "a bounded number of turns", ends)
    if any(
        one.memory == old.buffer.memory and one is not old.buffer
        for statement in walk(found.body)
        for one in buffers_of(statement)
    ):
        raise refused(program, "expand", where, "no views of it", "another buffer of its memory")
    new = new_buffer(buffer, old.buffer.dtype, (turns, *old.buffer.shape), scope)
    body = tuple(one for one in found.body if one is not old)
    inner = with_axis(body, old.buffer, new, index_of(found.variable))
    return program.with_loop(loop, lambda one: (Allocate(new), replace(one, body=inner)))


def expand_all(program: LoopProgram, loop: str, scope: BufferScope | None = None) -> LoopProgram:
    """Expand all buffers that the body of a loop allocates; arguments as of `expand`."""
    for one in loop_of(program, "expand", loop).body:
        if isinstance(one, Allocate):
            program = expand(program, loop, one.buffer.name, scope)
    return program


def _check_scope(program: LoopProgram, loop: For, old: Buffer, scope: BufferScope) -> None:
    """Refuse where the turns of the loop have one buffer together or cannot reach the new one, or
    where turns of the loops around would have the new one together."""
    around = path_to(program.body, loop)[:-1]
    kinds = {one.kind for one in around if isinstance(one, For)}
    is_own = scope is old.scope or kinds <= ONE_FOR_EACH_TURN[scope]
    if is_own and loop.kind in ONE_FOR_EACH_TURN[old.scope] & REACHED[scope]:
        return
    expected = "that each turn has the buffer for itself, and its own turns alone reach the new one"
    names = ", ".join(sorted(kind.value for kind in kinds))
    what = f"{old.scope.value} to {scope.value} memory, a loop of kind {loop.kind.value}" + (
        f" inside of {names}" if names else ""
    )
    raise refused(program, "expand", f"the buffer {old.name!r}", expected, what)


def with_axis(body: Body, old: Buffer, new: Buffer, turn: Index) -> Body:
    """Return statements that access one with a further axis in front in the place of a buffer."""

    def value(one: Value) -> Value:
        return target(one) if isinstance(one, Load) else one

    def target(one: Load) -> Load:
        return Load(new, (turn, *one.coords)) if one.buffer is old else one

    def windows(statement: Statement) -> Body:
        if not isinstance(statement, UseIntrinsic):
            return (statement,)
        changed = tuple(
            BufferWindow(new, (turn, *one.start), tuple(axis + 1 for axis in one.axes))
            if one.buffer is old
            else one
            for one in statement.windows
        )
        return (replace(statement, windows=changed),)

    return transformed(Parts(value=value, target=target).in_body(body), windows)
