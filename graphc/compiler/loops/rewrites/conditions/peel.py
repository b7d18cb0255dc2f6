"""Peel: the last turn of a loop stands behind it, so that all others are full.

for k_outer < (n + 15) // 16:                   for k_outer < (n - 1) // 16:
  for k_inner < min(16, n - 16*k_outer):          for k_inner < 16:
    ...[16*k_outer + k_inner]                       ...[16*k_outer + k_inner]
                                                for k_inner_2 < n - 16*((n - 1) // 16):
                                                  ...[16*((n - 1) // 16) + k_inner_2]
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import LoopProgram, substituted
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of
from graphc.compiler.loops.rewrites.simplify import settled


def peel(program: LoopProgram, loop: str) -> LoopProgram:
    """Put the last turn of a loop behind it, under new names.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop, whose number of turns is a size of at
            least 1.
    """
    found = unbound_loop_of(program, "peel", loop)
    where = f"the loop {loop!r}"
    (end, *others) = found.ends
    if others or not end.is_constant or not is_never_negative(end.constant - 1):
        ends = ", ".join(map(str, found.ends))
        raise refused(program, "peel", where, "a number of turns that is at least 1", ends)
    last = end.constant - 1
    behind = Names(program).copied(found.body)
    all_but_last = replace(found, ends=(as_index(last),))
    peeled = (all_but_last, *substituted(behind, {found.variable: last}))
    return program.with_loop(loop, lambda _: settled(peeled, ranges_at(program, found)))
