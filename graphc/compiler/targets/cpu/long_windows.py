"""Walks over long windows that lie apart, as those that take the extremes of whole signals: tiles
of some windows are transposed, so that elements of neighbouring ones are neighbours, and go through
the walk side by side.

    for i1_outer < 8:
      allocate sums_tile: float32[398, 32] in thread
      gc_transpose_to_tile<398, 32>(sums[32*i1_outer:, 0:], sums_tile[0:, 0:], ...)
      ... -inf to s0
      for k0 < 398:
        for i1_inner_2 < min(32, 250 - 32*i1_outer) (vector):
          s0[i1_inner_2] = max(s0[i1_inner_2], sums_tile[k0, i1_inner_2])
      ... what follows of s0
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.loops.program import (
    LoopProgram,
    block_of,
    loop_beside,
    most_known_turns,
    targets_of,
    walk,
)
from graphc.compiler.loops.rewrites.buffers.axes import with_axes_of_loops
from graphc.compiler.loops.rewrites.buffers.expand import expand_all
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.targets.cpu.crosswise import strided_loads, with_transposed_tile

TOGETHER = 32
"""Windows that go through a walk side by side."""


def with_long_windows(program: LoopProgram, windows: str, places: Sequence[str]) -> LoopProgram:
    """Return a program that walks windows which lie apart in transposed tiles; refused where they
    are few, or neighbours in memory already.

    Args:
        program: the program.
        windows: the loop over windows, whose body has one walk.
        places: the loops over the elements of a window, the outermost first.
    """
    count, elements = (most_known_turns(program.loop(one)) for one in (windows, places[-1]))
    if count is None or elements is None or count < TOGETHER:
        expected, found = f"{TOGETHER} windows of known size", f"{count} of {elements}"
        raise refused(program, "tile", f"the loop {windows!r}", expected, found)
    program = with_axes_of_loops(program, places[-1])
    program = split(program, windows, TOGETHER, Tail.SHORT)
    tile, windows = f"{windows}_outer", f"{windows}_inner"
    program = expand_all(program, windows)
    names = [windows]
    _, number = block_of(program, program.loop(places[0]))
    if number + 1 < len(program.loop(windows).body):
        program = fission(program, windows, number + 1)
        names.append(loop_beside(program, windows, 1).variable.name)
    if number:
        program = fission(program, windows, number)
        windows = loop_beside(program, windows, 1).variable.name
        names.append(windows)
    for place in places:
        program = reorder(program, windows, place)
    strided = strided_loads(program, windows)
    stored = [
        one for statement in walk(program.loop(windows).body) for one in targets_of(statement)
    ]
    if not strided or any(one in stored for one in strided):
        found = "stores to such" if strided else "none"
        raise refused(program, "tile", f"the loop {windows!r}", "loads of strided elements", found)
    for buffer in sorted({load.buffer.name for load in strided}):
        program = with_transposed_tile(program, tile, windows, buffer, (elements, TOGETHER))
    for name in names:
        program = vectorise(program, name, is_divided=True)
    return program
