"""Defer: a value is named right ahead of the first statement that uses it.

for i < n:                              for i < n:
  t0 = sqrt(x1[i])                        allocate s: float32[] in register
  allocate s: float32[] in register       s[] = 0.0
  s[] = 0.0                               for k < 8:
  for k < 8:                                s[] = sum(s[], x0[i, k])
    s[] = sum(s[], x0[i, k])              t0 = sqrt(x1[i])
  y[i] = mul(s[], t0)                     y[i] = mul(s[], t0)

So what begins a sum is at the head of the loop, which fission divides.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    loads_of,
    reads_bound,
    targets_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.refusal import loop_of
from graphc.compiler.loops.statement import SYNCHRONISING, Check, Let, Statement


def defer(program: LoopProgram, loop: str) -> LoopProgram:
    """Name the values of a loop's body, and check its indices, right ahead of the first statement
    that uses each; one that reads what a statement between might change stays where it is, and so
    does an index that is checked ahead of a store that others see.

    Args:
        program: the program.
        loop: the variable of a loop.
    """
    body: Body = ()
    for one in reversed(loop_of(program, "defer", loop).body):
        place = _first_use(one, body) if isinstance(one, Let | Check) else 0
        body = (*body[:place], one, *body[place:])
    return program.with_loop(loop, lambda found: (replace(found, body=body),))


def _first_use(named: Let | Check, behind: Body) -> int:
    """Return how many of the statements behind a value it may stand behind, too."""
    read = {load.buffer.memory for load in loads_of(named)}
    for place, one in enumerate(behind):
        is_passed = not any(reads_bound(inner, (named,)) for inner in walk((one,)))
        if not is_passed or not read.isdisjoint(written_memories((one,))) or _waits(one):
            return place
        if isinstance(named, Check) and _is_seen(one):
            return place
    return 0


def _is_seen(statement: Statement) -> bool:
    """Return True if a statement checks an index, too, or others may see what it stores."""
    return any(
        isinstance(one, Check)
        or any(target.buffer.scope is not BufferScope.REGISTER for target in targets_of(one))
        for one in walk((statement,))
    )


def _waits(statement: Statement) -> bool:
    return any(isinstance(one, SYNCHRONISING) for one in walk((statement,)))
