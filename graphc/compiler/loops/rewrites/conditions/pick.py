"""Pick: a loop of which a test selects one turn at most is that turn, if it has it.

for k < n:                              for k < n:
  for row < 10:                           g = check 0: x1[k] below 10
    g = check 0: x1[k] below 10           s[g] = sum(s[g], x0[k])
    if g == row:
      s[row] = sum(s[row], x0[k])
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.index import Index, index_of
from graphc.compiler.loops.program import (
    LoopProgram,
    loads_of,
    substituted,
    variables_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.refusal import (
    ranges_at,
    refuse_if_synchronised,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import Allocate, For, If
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Condition, at_least, below

_REWRITE = "pick"


def pick(program: LoopProgram, loop: str) -> LoopProgram:
    """Run the one turn of a loop in which its test of equality holds.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop that has a turn. Its last statement is a
            test, without another branch, that its variable is an index which is the same in all
            turns. What is ahead of the test is the same in all turns, too, and changes nothing that
            is used outside of a turn.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    _check_turns(program, where, found)
    test, value, left = _selection(program, where, found)
    conditions = [*left, at_least(value), *(below(value, end) for end in found.ends)]
    turn = substituted((If(tuple(conditions), test.body),), {found.variable: value})
    body = (*found.body[:-1], *turn)
    made = program.with_loop(loop, lambda _: body)
    return replace(made, body=settled(made.body, program.ranges))


def _check_turns(program: LoopProgram, where: str, loop: For) -> None:
    """Refuse a loop that may have no turn, or one ahead of whose test is more than names."""
    ranges = ranges_at(program, loop)
    for end in loop.ends:
        if not ranges.is_never_negative(end - 1):
            expected = "a loop that has a turn"
            raise refused(program, _REWRITE, where, expected, f"an end at {end}")
    ahead = loop.body[:-1]
    own = {one.buffer.memory for one in walk(ahead) if isinstance(one, Allocate)}
    expected = "that what is ahead of its test is the same in all turns"
    for one in walk(ahead):
        if loop.variable in variables_of(one):
            raise refused(program, _REWRITE, where, expected, head_line(one))
    for memory in sorted(written_memories(ahead) - own):
        raise refused(program, _REWRITE, where, expected, f"a store to {memory}")


def _selection(
    program: LoopProgram, where: str, loop: For
) -> tuple[If, Index, tuple[Condition, ...]]:
    """Return the test, the turn in which it holds, and what else it tests."""
    *ahead, test = loop.body
    expected = f"as its last statement a test that {loop.variable} is an index"
    if not isinstance(test, If) or test.otherwise:
        raise refused(program, _REWRITE, where, expected, head_line(test))
    changed = written_memories(test.body)
    for one in walk(tuple(ahead)):
        if any(load.buffer.memory in changed for load in loads_of(one)):
            same = "that a turn changes nothing that the next one tests"
            raise refused(program, _REWRITE, where, same, head_line(one))
    for equality in test.conditions:
        factor = equality.index.factor(loop.variable)
        if not equality.equal or factor not in (1, -1):
            continue
        value = index_of(loop.variable) - equality.index * factor
        if loop.variable not in value.variables:
            left = tuple(other for other in test.conditions if other is not equality)
            return test, value, left
    raise refused(program, _REWRITE, where, expected, head_line(test))
