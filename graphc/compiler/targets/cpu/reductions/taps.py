"""Sums over windows, tap by tap: what a tap adds to all elements of a row is one vector loop.

    for column < 64 (vector):                  for column < 64 (vector):
      s = 0.0                                    s[column] = 0.0
      for k0 < 2:                              if row >= 1:
        for k1 < 2:                              for column < 63 (vector):
          if row >= k0 and column >= k1:           s[column + 1] = sum(s[column + 1], ...[column])
            s = sum(s, ...[column - k1])       ...
      y[column] = s                            for column < 64 (vector):
                                                 y[column] = s[column]

A test of the row is made once, and one of the column is where the loop begins or ends: no element
at the border of an image has a text of its own. Each sum is in the order in which it was. What is
said of sums holds for maxima and their places. Taps that are too many to be written out are loops.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from graphc.compiler.loops.program import (
    LoopProgram,
    buffers_of,
    innermost_loops,
    loop_beside,
    loops_in,
    turns_of,
    walk,
)
from graphc.compiler.loops.rewrites.buffers.coalesce import coalesce
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.conditions.unswitch import unswitch
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import Accumulate, Allocate, For, If, Let
from graphc.compiler.targets.cpu.pointwise import conditions_in
from graphc.compiler.targets.cpu.reductions.columns import scope_of_rows
from graphc.compiler.targets.cpu.window_walks import with_inner_windows
from graphc.errors import RewriteError

MOST_TAPS = 64
"""Taps that are written out, at most."""


def are_tested_sums(row: For) -> bool:
    """Return True for a loop over elements that are sums, with tests of their terms."""
    added = [one for one in walk(row.body) if isinstance(one, Accumulate)]
    return all(one.reduction == "sum" for one in added) and any(conditions_in(row.body))


def with_taps_in_lanes(program: LoopProgram, row: str) -> LoopProgram:
    """Return a program that adds up neighbouring elements tap by tap.

    Args:
        program: the program.
        row: the loop over neighbouring elements, in whose body each is a sum, or an extreme.
    """
    sums = [one.buffer.name for one in program.loop(row).body if isinstance(one, Allocate)]
    scope = scope_of_rows(program.loop(row))
    for name in sums:
        program = expand(program, row, name, scope)
    loops = [row]
    while (number := _first_part(program.loop(loops[-1]))) is not None:
        program = fission(program, loops[-1], number)
        loops.append(loop_beside(program, loops[-1], 1).variable.name)
    for loop in loops:
        program = _with_taps_around(program, loop)
    program = simplify(program)
    for loop in _loops_over(program, sums):
        program, name = with_inner_windows(program, loop)
        if any(isinstance(one, If) for one in program.loop(name).body):
            program = unswitch(program, name)
    program = simplify(program)
    for loop in _loops_over(program, sums):
        program = vectorise(program, loop, is_divided=True)
    for name in sums:
        with suppress(RewriteError):  # its elements are stored in another order
            program = coalesce(program, name)
    return program


def _first_part(loop: For) -> int | None:
    """Return how many statements a loop's body begins with that are values and one more; None if no
    others are behind them."""
    parts = [number for number, one in enumerate(loop.body) if not isinstance(one, Let)]
    return parts[0] + 1 if len(parts) > 1 else None


def _with_taps_around(program: LoopProgram, row: str) -> LoopProgram:
    """Return a program with a loop over neighbouring elements in each tap in the place of one that
    walks windows."""
    places = loops_in(program.loop(row).body)
    for place in places:
        program = reorder(program, row, place.variable.name)
    for place in reversed(places) if turns_of(places) in range(MOST_TAPS + 1) else ():
        program = unroll(program, place.variable.name)
    return program


def _loops_over(program: LoopProgram, sums: Collection[str]) -> list[str]:
    """Return the innermost loops that access sums."""
    return [
        loop.variable.name
        for loop in innermost_loops(program.body)
        if any(one.name in sums for x in walk(loop.body) for one in buffers_of(x))
    ]
