"""Guard: a loop of the least of several ends has the known one, and tests the others in each turn.

for k_inner < min(32, n - 32*k_outer):      for k_inner < 32:
  ...[32*k_outer + k_inner]                   if 32*k_outer + k_inner < n:
                                                ...[32*k_outer + k_inner]

Threads that run the turns are then as many wherever they meet the loop.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.index import index_of
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.refusal import refuse_if_synchronised, refused, unbound_loop_of
from graphc.compiler.loops.statement import For, If
from graphc.compiler.loops.value import below


def guard(program: LoopProgram, loop: str) -> LoopProgram:
    """Let a serial loop run to the one of its ends that is a number, with its body under a test of
    the others."""
    found = unbound_loop_of(program, "guard", loop)
    where = f"the loop {loop!r}"
    known = [end for end in found.ends if end.is_constant and isinstance(end.constant, int)]
    others = [end for end in found.ends if end not in known]
    if len(known) != 1 or not others:
        expected = "an end that is a number, and another one"
        raise refused(program, "guard", where, expected, ", ".join(map(str, found.ends)))
    refuse_if_synchronised(program, "guard", where, found.body)
    turn = index_of(found.variable)
    tests = tuple(below(turn, end) for end in others)

    def guarded(one: For) -> tuple[For]:
        return (replace(one, ends=tuple(known), body=(If(tests, one.body),)),)

    return program.with_loop(loop, guarded)
