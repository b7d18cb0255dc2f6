"""Naming of results: what a register holds behind the last statement that changes it is a name.

allocate s0: float32[] in register     allocate s0: float32[] in register
s0[] = 0.0                             s0[] = 0.0
for k0 < n:                            for k0 < n:
  s0[] = sum(s0[], x0[k0])               s0[] = sum(s0[], x0[k0])
for k1 < n:                            s0_result = s0[]
  y0[k1] = div(x0[k1], s0[])           for k1 < n:
                                         y0[k1] = div(x0[k1], s0_result)

A register is one thread's; what has a name is there for all that a loop is divided over.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    loads_of,
    walk,
    with_blocks,
    written_memories,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Allocate, Let
from graphc.compiler.loops.value import Load, Local, Value

_REWRITE = "name_result"


def name_result(program: LoopProgram, buffer: str) -> LoopProgram:
    """Name what a register of one element holds behind the last statement of its block that writes
    it; a program that reads it nowhere behind stays as it is."""
    where = f"the buffer {buffer!r}"
    allocated = [one.buffer for one in walk(program.body) if isinstance(one, Allocate)]
    found = next((one for one in allocated if one.name == buffer), None)
    if found is None:
        raise refused(program, _REWRITE, where, "a buffer that it allocates", "none of this name")
    if found.scope is not BufferScope.REGISTER or found.shape != ():
        expected = "a register of one element"
        raise refused(program, _REWRITE, where, expected, f"{found} in {found.scope.value} memory")
    name = Local(Names(program).new(f"{buffer}_result"), found.dtype)
    return replace(program, body=_named(program.body, found, name))


def _named(body: Body, buffer: Buffer, name: Local) -> Body:
    """Return statements in which a name stands for the result, in the block of its buffer."""
    if not any(isinstance(one, Allocate) and one.buffer is buffer for one in body):
        blocks = [tuple(_named(inside, buffer, name) for inside in one.blocks) for one in body]
        return tuple(map(with_blocks, body, blocks))
    writes = [k for k, one in enumerate(body) if buffer.memory in written_memories((one,))]
    behind = max(writes, default=-1) + 1
    ahead, rest = body[:behind], body[behind:]
    loads = (load for one in walk(rest) for load in loads_of(one))
    if not writes or all(load.buffer.memory != buffer.memory for load in loads):
        return body

    def value(one: Value) -> Value:
        return name if isinstance(one, Load) and one.buffer.memory == buffer.memory else one

    return (*ahead, Let(name, Load(buffer, ())), *Parts(value=value).in_body(rest))
