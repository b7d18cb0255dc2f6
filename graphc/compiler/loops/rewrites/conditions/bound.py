"""Bound: a loop whose turns only a call knows has a number as an end, too, where it is never more.

for k < n:                                  for k < min(512, n):
  ...[k]                                      ...[k]

Where the number of turns is proved to be at most that, registers can have an element for each.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of


def bound(program: LoopProgram, loop: str, most: int) -> LoopProgram:
    """Give a serial loop a number as its first end, which its turns are proved not to be more than.

    Args:
        program: the program.
        loop: its variable.
        most: the number.
    """
    found = unbound_loop_of(program, "bound", loop)
    ranges = ranges_at(program, found)
    if not any(ranges.is_never_negative(most - end) for end in found.ends):
        what = f"an end at {', '.join(map(str, found.ends))}"
        raise refused(program, "bound", f"the loop {loop!r}", f"at most {most} turns", what)
    ends = tuple(dict.fromkeys((as_index(most), *found.ends)))
    return program.with_loop(loop, lambda one: (replace(one, ends=ends),))
