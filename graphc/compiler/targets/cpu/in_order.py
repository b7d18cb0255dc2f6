"""The mapping of what no other one takes: loops in the order of the plain program.

for i0 < n (team):
  for i1 < 100:
    y0[i0, i1] = ...
"""

from __future__ import annotations

from functools import partial

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.statement import For, LoopKind
from graphc.compiler.targets.mapping import Mapping, always
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError


def _with_outermost(program: LoopProgram, target: Target, kind: LoopKind) -> LoopProgram:
    """Return a program whose outermost loops are of a kind, where their turns have no order."""
    for loop in [one for one in program.body if isinstance(one, For)]:
        try:
            program = bind(program, loop.variable.name, kind)
        except RewriteError:  # a turn needs what another one does
            continue
    return program


def _in_order(kind: LoopKind) -> Mapping:
    return Mapping(
        "in order",
        always,
        partial(_with_outermost, kind=kind),
        "elements are computed one by one, by threads that divide the outermost axis",
    )


IN_ORDER = _in_order(LoopKind.TEAM)
"""The mapping of a kernel that threads divide."""

IN_ORDER_ROWS = _in_order(LoopKind.SERIAL)
"""That of the rows of one thread, where a loop around is divided over threads."""
