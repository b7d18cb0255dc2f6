"""Launches: a program with barriers of all blocks, as programs that run one after the other.

    allocate parts: float32[n, 8] in global      kernel k0(x0) -> parts:
    for row < n (block):                           for row < n (block):
      ... parts[row, part] = ...                     ... parts[row, part] = ...
    barrier (global)                             kernel k0(parts) -> y0:
    for row1 < n (block):                          for row1 < n (block):
      ... y0[row1] = ...                             ... y0[row1] = ...

What the program allocates in global memory is written by one of them, and read by others: a
workspace, which whoever runs them gives.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.statement import Allocate, Barrier, Statement


def launches_of(program: LoopProgram) -> tuple[LoopProgram, ...]:
    """Return the programs between a program's barriers of all blocks, in their order; the program
    itself if there are none."""
    runs: list[list[Statement]] = [[]]
    for statement in program.body:
        if statement == Barrier(BufferScope.GLOBAL):
            runs.append([])
        else:
            runs[-1].append(statement)
    if len(runs) == 1:
        return (program,)
    known = (*program.inputs, *program.outputs, *workspaces_of(program))
    return tuple(_launch(program, tuple(run), known) for run in runs)


def workspaces_of(program: LoopProgram) -> tuple[Buffer, ...]:
    """Return the buffers in global memory that a program allocates for all of its blocks."""
    allocated = (one.buffer for one in program.body if isinstance(one, Allocate))
    return tuple(one for one in allocated if one.scope is BufferScope.GLOBAL)


def _launch(program: LoopProgram, run: Body, known: Collection[Buffer]) -> LoopProgram:
    given = {buffer.memory for buffer in known}
    body = tuple(
        one for one in run if not (isinstance(one, Allocate) and one.buffer.memory in given)
    )
    used = {buffer.memory for one in walk(body) for buffer in buffers_of(one)}
    written = written_memories(body)
    inputs = [one for one in known if one.memory in used - written]
    outputs = [one for one in known if one.memory in written]
    return replace(program, inputs=tuple(inputs), outputs=tuple(outputs), body=body)
