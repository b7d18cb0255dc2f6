"""Launches: a program with barriers of all blocks, as programs that run one after the other.

    allocate parts: float32[n, 8] in global      kernel k0(x0) -> parts:
    for row < n (block):                           for row < n (block):
      ... parts[row, part] = ...                     ... parts[row, part] = ...
    barrier (global)                             kernel k0(parts) -> y0:
    for row1 < n (block):                          for row1 < n (block):
      ... y0[row1] = ...                             ... y0[row1] = ...

What the program allocates in global memory is written by one of them, and read by others: a
workspace, which whoever runs them gives. What it names ahead is computed by each that uses it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    loads_of,
    values_of,
    walk,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.statement import Allocate, Barrier, Let, Statement
from graphc.compiler.loops.value import Local


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
    ahead: list[Statement] = []
    launches = []
    for run in runs:
        launches.append(_launch(program, _with_names(run, ahead), known))
        ahead += run
    return tuple(launches)


def _with_names(run: Sequence[Statement], ahead: Sequence[Statement]) -> Body:
    """Return the statements of a launch, with the names that they use of those in the statements
    ahead, and without the names that it does not use."""
    written = written_memories(tuple(ahead))
    body: list[Statement] = []
    used: set[Local] = set()
    for one in reversed((*ahead, *run)):
        is_own = any(one is other for other in run)
        if isinstance(one, Let) and one.local in used and not is_own:
            for load in loads_of(one):
                if load.buffer.memory in written:
                    what = f"{one.local} is made of {load}"
                    raise ValueError(f"{what}, which a launch ahead of its use writes")
        elif not is_own or (isinstance(one, Let) and one.local not in used):
            continue
        used |= {part for inside in walk((one,)) for part in _locals_of(inside)}
        body.append(one)
    return tuple(reversed(body))


def _locals_of(statement: Statement) -> Iterator[Local]:
    for value in values_of(statement):
        for part in walk_value(value):
            if isinstance(part, Local):
                yield part


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
