"""Sink: what is computed ahead of a loop is computed in each of its turns.

for row < n:                     for row < n:
  t0 = exp(x[row])                 for column < 10:
  for column < 10:                   t0 = exp(x[row])
    y[row, column] = t0              y[row, column] = t0

So loops become a perfect nest. Threads that have a turn each compute the value in any case.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    path_to,
    reads_bound,
    replaced,
    targets_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.refusal import (
    ranges_at,
    refuse_if_synchronised,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.statement import Allocate, Check, For, UseIntrinsic
from graphc.compiler.loops.text import head_line

_REWRITE = "sink"


def sink(program: LoopProgram, loop: str, count: int | None = None) -> LoopProgram:
    """Move statements that are ahead of a loop, in its block, to the head of its body.

    They name values and fill registers, of which nothing behind the loop reads one, and read
    nothing that the loop writes. A test is only moved into a loop that has a turn.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop.
        count: of the statements right ahead of it; by default all are moved.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    path = path_to(program.body, found)
    around = path[-2] if len(path) > 1 else None
    blocks = (program.body,) if around is None else around.blocks
    block = next(one for one in blocks if any(statement is found for statement in one))
    place = next(k for k, statement in enumerate(block) if statement is found)
    count = place if count is None else count
    if not 0 < count <= place:
        expected = "statements ahead of it" if count == place else f"{count} statements ahead of it"
        raise refused(program, _REWRITE, where, expected, str(place) if place else "none")
    ahead, behind = block[place - count : place], block[place + 1 :]
    _check_values_only(program, where, ahead, found)
    for one in (*walk(behind), replace(found, body=())):
        if reads_bound(one, ahead):
            expected = "names that its body alone uses"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    if any(isinstance(one, Check) for one in walk(ahead)):
        ranges = ranges_at(program, found)
        if not all(ranges.is_never_negative(end - 1) for end in found.ends):
            ends = ", ".join(map(str, found.ends))
            raise refused(program, _REWRITE, where, "that it has a turn", f"an end at {ends}")
    body = program.body
    for one in ahead:
        body = replaced(body, one, ())
    sunk = replace(found, body=(*ahead, *found.body))
    return replace(program, body=replaced(body, found, (sunk,)))


def _check_values_only(program: LoopProgram, where: str, ahead: Body, loop: For) -> None:
    refuse_if_synchronised(program, _REWRITE, where, ahead)
    allocated = {one.buffer.memory for one in walk(ahead) if isinstance(one, Allocate)}
    changed = written_memories(loop.body)
    for one in walk(ahead):
        if isinstance(one, UseIntrinsic) or (
            isinstance(one, Allocate) and one.buffer.scope is not BufferScope.REGISTER
        ):
            raise refused(program, _REWRITE, where, "values ahead of it", head_line(one))
        for target in targets_of(one):
            if target.buffer.memory not in allocated:
                expected = "stores to registers ahead of it"
                raise refused(program, _REWRITE, where, expected, head_line(one))
        for buffer in buffers_of(one):
            if buffer.memory in changed and buffer.memory not in allocated:
                expected = "values that the loop does not change"
                raise refused(program, _REWRITE, where, expected, f"{head_line(one)}, of {buffer}")
