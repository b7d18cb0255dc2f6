"""Residues: a loop becomes several, each for the turns that leave one remainder by a step.

for i < 27:                                for i_of_0 < 14:
  if (i + k) % 2 == 0:                       if k % 2 == 0:
    y[i] = x[(i + k) // 2]                     y[2*i_of_0] = x[i_of_0 + k // 2]
                                           for i_of_1 < 13:
                                             if (k + 1) % 2 == 0:
                                               y[2*i_of_1 + 1] = x[i_of_1 + (k + 1) // 2]

A test of the remainder is the same in all turns of each of them then.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.dependence import is_parallel
from graphc.compiler.loops.index import index_of
from graphc.compiler.loops.program import Body, LoopProgram, substituted
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import (
    ranges_at,
    refuse_if_synchronised,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.rewrites.simplify import settled

_REWRITE = "residues"


def residues(program: LoopProgram, loop: str, step: int) -> LoopProgram:
    """Divide a loop into `<loop>_of_0`, `<loop>_of_1`, ..., of which each has every `step`-th turn.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop whose turns have no order.
        step: at least 1.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    if step < 1:
        raise refused(program, _REWRITE, where, "a step of at least 1", str(step))
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    verdict = is_parallel(program, found)
    if not verdict:
        raise refused(program, _REWRITE, where, "turns that have no order", verdict.reason)
    names, ranges = Names(program), ranges_at(program, found)
    loops: Body = ()
    for number in range(step):
        variable = names.variable(f"{loop}_of_{number}")
        copy = found.body if number == 0 else names.copied(found.body)
        turn = index_of(variable) * step + number
        ends = tuple((end - number + (step - 1)) // step for end in found.ends)
        body = substituted(copy, {found.variable: turn})
        loops += (replace(found, variable=variable, ends=ends, body=body),)
    return program.with_loop(loop, lambda _: settled(loops, ranges))
