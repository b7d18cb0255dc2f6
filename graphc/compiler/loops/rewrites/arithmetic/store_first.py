"""Store first: what a loop adds to in each turn is stored by its first one, and not cleared ahead.

for row < n:                              for part < 4:
  for column < 8:                           for row_2 < n:
    y[row, column] = 0.0                      for column_2 < 8:
for part < 4:                                   ...
  for row_2 < n:                                if part < 1:
    for column_2 < 8:                             y[row_2, column_2] = total[]
      ...                                       else:
      y[row_2, column_2] = sum(...)               y[row_2, column_2] = sum(...)

The sum of 0 and -0 is 0; here it stays -0.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.index import Index, LoopVariable, index_of
from graphc.compiler.loops.program import (
    LoopProgram,
    block_of,
    buffers_of,
    replaced,
    walk,
)
from graphc.compiler.loops.rewrites.elements import is_one_for_each_turn
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of
from graphc.compiler.loops.statement import Accumulate, For, If, LoopKind, Statement, Store
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Constant, below

_SERIAL = (LoopKind.SERIAL, LoopKind.UNROLLED)


def store_first(program: LoopProgram, loop: str) -> LoopProgram:
    """Let the first turn of a loop store the sums that a nest ahead of it clears.

    The loop's body is a nest of the same turns, whose last statement adds to the element that the
    nest ahead clears in that turn; nothing else in it uses the memory of the sums.

    Args:
        program: the program.
        loop: its variable; of a serial or unrolled loop that is proved to have a turn.
    """
    found = unbound_loop_of(program, "store first", loop)
    where = f"the loop {loop!r}"
    ranges = ranges_at(program, found)
    if not all(ranges.is_never_negative(end - 1) for end in found.ends):
        counts = ", ".join(map(str, found.ends))
        raise refused(program, "store first", where, "a first turn in any case", counts)
    block, place = block_of(program, found)
    cleared, clear = _innermost(block[place - 1]) if place else ([], found)
    loops, last = _innermost(*found.body)
    expected = "a nest of loops ahead of it that clears sums, and one of the same turns inside"
    if not isinstance(clear, Store) or not _is_zero(clear):
        raise refused(program, "store first", where, expected, head_line(clear))
    if not isinstance(last, Accumulate) or last.reduction != "sum":
        raise refused(program, "store first", where, expected, head_line(last))
    same: dict[LoopVariable, Index] = {}
    are_same = len(cleared) == len(loops)
    for one, other in zip(cleared, loops, strict=False):
        ends = tuple(end.substitute(same) for end in one.ends)
        are_same = are_same and ends == other.ends and {one.kind, other.kind} <= set(_SERIAL)
        same[one.variable] = index_of(other.variable)
    (target,), (value,) = last.targets, last.values
    coords = tuple(coord.substitute(same) for coord in clear.target.coords)
    if not are_same or target.buffer is not clear.target.buffer or target.coords != coords:
        raise refused(program, "store first", where, expected, str(target))
    turns = frozenset(one.variable for one in loops)
    if not is_one_for_each_turn(coords, turns, ranges_at(program, last)):
        expected = "another sum in each turn of the loops inside"
        raise refused(program, "store first", where, expected, str(target))
    for statement in walk(found.body):
        used = [one.memory for one in buffers_of(statement)]
        if used.count(target.buffer.memory) != (1 if statement is last else 0):
            expected = f"that the loop does nothing else with {target.buffer.name}"
            raise refused(program, "store first", where, expected, head_line(statement))
    is_first = below(index_of(found.variable), 1)
    tested = If((is_first,), (Store(target, value),), (last,))
    body = replaced(replaced(program.body, last, (tested,)), block[place - 1], ())
    return replace(program, body=body)


def _innermost(*body: Statement) -> tuple[list[For], Statement]:
    """Return the loops that statements are, one inside of the other, and the last statement of the
    innermost one."""
    loops: list[For] = []
    while len(body) == 1 and isinstance(body[0], For):
        loops.append(body[0])
        body = body[0].body
    return loops, body[-1]


def _is_zero(clear: Store) -> bool:
    is_unconditional = not clear.conditions and not clear.guarded
    return is_unconditional and isinstance(clear.value, Constant) and clear.value.number == 0
