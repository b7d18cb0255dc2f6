"""Reuse: a buffer in shared memory takes the place of one that nothing uses any more.

allocate parts: float32[32] in shared       allocate tile: float32[64] in shared
for t < 32 (thread):                        for t < 32 (thread):
  allocate tile: float32[64] in shared        ...tile...
  ...tile...                                  barrier (shared)
  parts[t] = ...                              parts[t] = ...     (elements 0 to 31 of tile)
barrier (shared)                            barrier (shared)
...parts...                                 ...parts...

A block needs as much memory as it uses at once, so that more of them fit a multiprocessor. Several
buffers may take the place of one, one after the other.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import Buffer, BufferScope, view
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    path_to,
    replaced,
    transformed,
    walk,
)
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    Allocate,
    Barrier,
    For,
    LoopKind,
    Statement,
    UseIntrinsic,
)
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Load, Value


def reuse(program: LoopProgram, buffer: str, other: str) -> LoopProgram:
    """Let a buffer lie in the memory of another one, which is allocated in its place.

    All threads wait, between the last statement that uses the other one and the first one that uses
    the buffer. No loop around both comes back from the one to the other.

    Args:
        program: the program.
        buffer: what takes the place; in shared memory.
        other: what lies there before, or whose parts do; as large at least, of the same type.
    """
    allocate, left = _allocate(program, buffer), _allocate(program, other, may_have_views=True)
    new, old = allocate.buffer, left.buffer
    where = f"the buffer {buffer!r}"
    if new.dtype != old.dtype or not _has_room(new, old):
        expected = f"at most the elements of {other}, of its type"
        found = f"{new.elements} of {new.dtype} for {old.elements} of {old.dtype}"
        raise refused(program, "reuse", where, expected, found)
    around = path_to(program.body, allocate)[:-1]
    for one in around:
        if not isinstance(one, For) or one.kind is not LoopKind.BLOCK:
            expected = "loops of blocks alone around its allocation"
            raise refused(program, "reuse", where, expected, head_line(one))
    blocks = (program.body,) if not around else around[-1].blocks
    block = next(one for one in blocks if any(x is allocate for x in one))
    place = next(k for k, one in enumerate(block) if one is allocate)
    behind = block[place + 1 :]
    uses = [
        sum(_uses(one, old) for one in walk(body) if one is not left)
        for body in (behind, program.body)
    ]
    is_ahead = any(one is left for one in block[:place])
    if uses[0] != uses[1] or not (is_ahead or any(one is left for one in walk(behind))):
        expected = f"that {other} is used behind its allocation alone, in the same block"
        raise refused(program, "reuse", where, expected, "another statement")
    same = view(old, new.name, new.shape)

    def element(one: Value) -> Value:
        return target(one) if isinstance(one, Load) else one

    def target(one: Load) -> Load:
        return replace(one, buffer=same) if one.buffer is new else one

    body = _with_barrier(program, behind, new, old)
    body = transformed(body, lambda one: () if one is left else (one,))
    body = Parts(value=element, target=target).in_body(body)
    changed = (*block[:place], *(() if is_ahead else (left,)), *body)
    if not around:
        return replace(program, body=changed)
    loop = around[-1]
    assert isinstance(loop, For)
    return replace(program, body=replaced(program.body, loop, (replace(loop, body=changed),)))


def _allocate(program: LoopProgram, buffer: str, may_have_views: bool = False) -> Allocate:
    where = f"the buffer {buffer!r}"
    found = [
        one
        for one in walk(program.body)
        if isinstance(one, Allocate)
        and one.buffer.name == buffer
        and one.buffer.scope is BufferScope.SHARED
    ]
    if len(found) != 1:
        expected = "one that the program allocates in shared memory"
        raise refused(program, "reuse", where, expected, "no such statement")
    memory = found[0].buffer.memory
    for statement in walk(program.body):
        for one in buffers_of(statement):
            if not may_have_views and one.memory == memory and one is not found[0].buffer:
                raise refused(program, "reuse", where, "no views of it", f"{one} in its memory")
        if isinstance(statement, UseIntrinsic) and _uses(statement, found[0].buffer):
            expected = "that values and stores alone access it"
            raise refused(program, "reuse", where, expected, statement.intrinsic.name)
    return found[0]


def _has_room(new: Buffer, old: Buffer) -> bool:
    sizes = new.elements, old.elements
    return isinstance(sizes[0], int) and isinstance(sizes[1], int) and sizes[0] <= sizes[1]


def _uses(statement: Statement, buffer: Buffer) -> bool:
    return any(one.memory == buffer.memory for one in buffers_of(statement))


def _with_barrier(program: LoopProgram, body: Body, new: Buffer, old: Buffer) -> Body:
    """Return statements that wait between those that use the old buffer and those that use the new
    one; refused if they do not follow each other."""
    uses_new, uses_old = (
        [k for k, one in enumerate(body) if any(_uses(x, buffer) for x in walk((one,)))]
        for buffer in (new, old)
    )
    if not uses_new or not uses_old:
        expected = f"that it is used, and {old} ahead of it"
        raise refused(program, "reuse", f"the buffer {new.name!r}", expected, "no such statement")
    first, last = uses_new[0], uses_old[-1]
    if last < first:
        waits = any(isinstance(one, Barrier) for one in body[last + 1 : first])
        return body if waits else (*body[:first], Barrier(), *body[first:])
    loop = body[last]
    if last != first or not isinstance(loop, For) or loop.kind not in PARALLEL_KINDS:
        expected = f"that nothing uses {old} where it is used, or later"
        what = head_line(loop)
        raise refused(program, "reuse", f"the buffer {new.name!r}", expected, what)
    inside = replace(loop, body=_with_barrier(program, loop.body, new, old))
    return (*body[:last], inside, *body[last + 1 :])
