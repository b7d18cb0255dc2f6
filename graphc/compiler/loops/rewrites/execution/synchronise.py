"""Synchronise: all who run a program wait for each other behind a loop.

for row < 8:                      for row < 8:
  tile[row] = x[row]                tile[row] = x[row]
for row1 < 8:                     barrier (shared)
  y[row1] = tile[7 - row1]        for row1 < 8:
                                    y[row1] = tile[7 - row1]

Then the loops on both sides may be bound to threads, each of which reads what others have stored.
In global memory the barrier is one of all blocks: a launch ends there, and another one begins.
"""

from __future__ import annotations

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, path_to
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.statement import PARALLEL_KINDS, Barrier, For, LoopKind


def synchronise(
    program: LoopProgram,
    loop: str,
    scope: BufferScope = BufferScope.SHARED,
    *,
    is_ahead: bool = False,
) -> LoopProgram:
    """Put a barrier behind a loop, or ahead of it.

    Args:
        loop: its variable; a loop that no threads run, or, of a barrier of all blocks, one of the
            program's own body.
        scope: SHARED for the threads of a block or a team, GLOBAL for all blocks.
        is_ahead: True for a barrier ahead of the loop.
    """
    found = loop_of(program, "synchronise", loop)
    where = f"the loop {loop!r}"
    around = path_to(program.body, found)[:-1]
    if scope not in (BufferScope.SHARED, BufferScope.GLOBAL):
        expected = "threads that share memory, or all blocks"
        raise refused(program, "synchronise", where, expected, f"{scope.value} memory")
    if scope is BufferScope.GLOBAL and around:
        expected = "a loop of the program's own body, for a barrier of all blocks"
        raise refused(program, "synchronise", where, expected, "one inside of other statements")
    for one in around:
        if isinstance(one, For) and one.kind in PARALLEL_KINDS - {LoopKind.BLOCK}:
            expected = "no loop of threads around, as all of them come to a barrier"
            what = f"{one.variable} ({one.kind.value})"
            raise refused(program, "synchronise", where, expected, what)
    barrier = Barrier(scope)
    return program.with_loop(loop, lambda one: (barrier, one) if is_ahead else (one, barrier))
