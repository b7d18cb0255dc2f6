"""Swap: two neighbouring loops, of which neither needs the other, change places.

for i < n:            for j < m:
  y[i] = x[2*i]         z[j] = exp(x[j])
for j < m:            for i < n:
  z[j] = exp(x[j])      y[i] = x[2*i]
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.dependence import may_swap
from graphc.compiler.loops.program import LoopProgram, replaced
from graphc.compiler.loops.rewrites.refusal import (
    loop_of,
    refuse_if_synchronised,
    refuse_unless_neighbours,
    refused,
)

_REWRITE = "swap"


def swap(program: LoopProgram, first: str, second: str) -> LoopProgram:
    """Let a loop and the one right behind it change places; neither uses what the other writes."""
    ahead, behind = loop_of(program, _REWRITE, first), loop_of(program, _REWRITE, second)
    where = f"the loops {first!r} and {second!r}"
    refuse_unless_neighbours(program, _REWRITE, where, ahead, behind)
    refuse_if_synchronised(program, _REWRITE, where, ahead.body + behind.body)
    verdict = may_swap(program, ahead, behind)
    if not verdict:
        expected = "that neither uses what the other writes"
        raise refused(program, _REWRITE, where, expected, verdict.reason)
    body = replaced(program.body, behind, ())
    return replace(program, body=replaced(body, ahead, (behind, ahead)))
