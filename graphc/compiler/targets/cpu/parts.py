"""Loops around vectors, cut where a part of a concatenation ends: a test that is the same for all
lanes keeps a compiler from making vectors.

for channel < 20:                                  for channel_below < 8:
  for column < 32 (vector):                          for column < 32 (vector):
    y[channel, column] = (x[channel, column]           y[channel_below, column] = x[...]
                          if channel < 8           for channel_behind < 12:
                          else z[...])               for column < 32 (vector):
                                                       y[channel_behind + 8, column] = z[...]
"""

from __future__ import annotations

from collections.abc import Iterator

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.program import LoopProgram, loops_in, walk
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.statement import LoopKind, UseIntrinsic
from graphc.compiler.targets.cpu.pointwise import MOST_CHANGES, bounds_in


def with_parts(program: LoopProgram) -> LoopProgram:
    """Return a program whose serial loops around vectors have no test of their own inside of these,
    but for those with more parts than `MOST_CHANGES`."""
    for _ in range(MOST_CHANGES):
        found = next(_places(program), None)
        if found is None:
            break
        program = cut(program, *found)
    return program


def _places(program: LoopProgram) -> Iterator[tuple[str, Size]]:
    """Yield loops and where they change from one part to the next."""
    for loop in loops_in(program.body):
        if loop.kind is not LoopKind.SERIAL:
            continue
        if any(isinstance(one, UseIntrinsic) for one in walk(loop.body)):
            continue  # what it calls is no text to write twice
        for row in loops_in(loop.body):
            if row.kind is LoopKind.VECTOR:
                for place in bounds_in(row.body, loop.variable):
                    yield loop.variable.name, place
