"""Relayout: a buffer that a program allocates has its elements in another order of axes.

allocate kept: float32[100] in register       allocate kept: float32[4, 32] in register
for k_outer < 4:                              for k_outer < 4:
  for k_inner < min(32, 100 - 32*k_outer):      for k_inner < min(32, 100 - 32*k_outer):
    kept[32*k_outer + k_inner] = ...              kept[k_outer, k_inner] = ...

Where the loops over an axis are of different threads, each has its elements along an axis of its
own. A tile that is not full has elements that nothing uses.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import Buffer, new_buffer
from graphc.compiler.loops.program import (
    LoopProgram,
    Parts,
    buffers_of,
    transformed,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.refusal import allocation_of, refused
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.statement import Allocate, Statement, UseIntrinsic
from graphc.compiler.loops.value import Load, Value


def relayout(program: LoopProgram, buffer: str, layout: BufferLayout) -> LoopProgram:
    """Let a buffer have a layout of the axes that it has now."""
    where = f"the buffer {buffer!r}"
    old = allocation_of(program, "relayout", buffer).buffer
    if layout.rank != len(old.shape):
        expected = f"a layout of its {len(old.shape)} axes"
        raise refused(program, "relayout", where, expected, f"one of {layout.rank}")
    for statement in walk(program.body):
        if isinstance(statement, UseIntrinsic) and old in buffers_of(statement):
            expected = "that values and stores alone access it"
            raise refused(program, "relayout", where, expected, statement.intrinsic.name)
    new = new_buffer(old.name, old.dtype, layout.shape(old.shape), old.scope)
    known = {id(one): ranges for one, ranges in walk_in_ranges(program.body, program.ranges)}

    def changed(statement: Statement) -> tuple[Statement, ...]:
        if isinstance(statement, Allocate):
            return (Allocate(new),) if statement.buffer is old else (statement,)
        if statement.blocks or old not in buffers_of(statement):
            return (statement,)
        return (_in_layout(statement, old, new, layout, known[id(statement)]),)

    return replace(program, body=transformed(program.body, changed))


def _in_layout(
    statement: Statement, old: Buffer, new: Buffer, layout: BufferLayout, ranges: Ranges
) -> Statement:
    """Return a statement that accesses the new buffer in the place of the old one."""

    def element(one: Load) -> Load:
        if one.buffer is not old:
            return one
        return Load(new, tuple(map(ranges.simplified, layout.coords(one.coords))))

    def value(one: Value) -> Value:
        return element(one) if isinstance(one, Load) else one

    return Parts(value=value, target=element).in_statement(statement)
