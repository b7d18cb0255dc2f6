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

from graphc.compiler.loops.program import LoopProgram, loop_beside, most_known_turns, turns_of
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Allocate, For
from graphc.compiler.targets.cpu.crosswise import strided_loads, with_transposed_tile

TOGETHER = 32
"""Windows that go through a walk side by side."""

LEAST_ELEMENTS = 33
"""Elements of a window from which on it is long: the walk over fewer is unrolled."""


def with_long_windows(program: LoopProgram, windows: str, places: Sequence[str]) -> LoopProgram:
    """Return a program that walks windows which lie apart in transposed tiles; refused where they
    are short or few, or neighbours in memory already.

    Args:
        program: the program.
        windows: the loop over windows, whose body has one walk.
        places: the loops over the elements of a window, the outermost first.
    """
    loops = [program.loop(one) for one in places]
    elements, count = turns_of(loops), most_known_turns(program.loop(windows))
    if not isinstance(elements, int) or elements < LEAST_ELEMENTS or (count or 0) < TOGETHER:
        expected = f"{TOGETHER} windows of {LEAST_ELEMENTS} elements"
        raise refused(program, "tile", f"the loop {windows!r}", expected, f"{count} of {elements}")
    program = split(program, windows, TOGETHER, Tail.SHORT)
    tile, windows = f"{windows}_outer", f"{windows}_inner"
    for one in program.loop(windows).body:
        if isinstance(one, Allocate):
            program = expand(program, windows, one.buffer.name)
    names, walk = [windows], _number_of(program, windows, places[0])
    if walk + 1 < len(program.loop(windows).body):
        program = fission(program, windows, walk + 1)
        names.append(loop_beside(program, windows, 1).variable.name)
    if walk:
        program = fission(program, windows, walk)
        windows = loop_beside(program, windows, 1).variable.name
        names.append(windows)
    for place in places:
        program = reorder(program, windows, place)
    strided = {load.buffer.name for load in strided_loads(program, windows)}
    if not strided:
        raise refused(program, "tile", f"the loop {windows!r}", "elements that lie apart", "none")
    for buffer in sorted(strided):
        program = with_transposed_tile(program, tile, windows, buffer, (elements, TOGETHER))
    for name in names:
        program = vectorise(program, name, is_divided=True)
    return program


def _number_of(program: LoopProgram, loop: str, inner: str) -> int:
    """Return the number of a loop among the statements of the one around it."""
    return next(
        number
        for number, one in enumerate(program.loop(loop).body)
        if isinstance(one, For) and one.variable.name == inner
    )
