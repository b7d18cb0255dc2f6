"""Thin: a loop whose body is under a test of equality has the turns alone in which it holds.

for k < 5:                                 for k_thin < 2:
  if (2*i + k + 1) % 2 == 0:                 ...[i + k_thin + 1, 2*k_thin + 1]
    ...[(2*i + k + 1) // 2, k]

These are each so many turns behind the last one, and their order stays. The test may stand inside
of further loops, which are all that the body is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import Body, LoopProgram, substituted
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import For, If
from graphc.compiler.loops.value import Condition

_REWRITE = "thin"

MOST_TURNS = 256
"""Turns of a loop of which each is looked at."""


def thin(program: LoopProgram, loop: str) -> LoopProgram:
    """Let a loop have the turns alone in which the tests of equality hold that its variable is in.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop of a known number of turns, at most
            `MOST_TURNS`, whose body is a test without another branch, or loops around one. The
            ranges settle each test in each turn.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    end = found.ends[0].constant if len(found.ends) == 1 and found.ends[0].is_constant else None
    if not isinstance(end, int) or end > MOST_TURNS:
        expected = f"a known number of turns, at most {MOST_TURNS}"
        ends = ", ".join(map(str, found.ends))
        raise refused(program, _REWRITE, where, expected, ends)
    around = ranges_at(program, found)
    tests = [
        one.index
        for one in _tests_of(found.body)
        if one.equal and found.variable in one.index.variables
    ]
    turns = _turns_of(tests, found.variable, end, around)
    if not tests or turns is None:
        expected = f"tests that are settled in each turn of {loop}, and hold in every so many"
        text = ", ".join(f"{one} == 0" for one in tests) or "no test of equality"
        raise refused(program, _REWRITE, where, expected, text)
    variable = Names(program).variable(f"{loop}_thin")
    turn = index_of(variable) * turns.step + turns.start if len(turns) > 1 else turns.start
    body = substituted(found.body, {found.variable: turn})
    made = replace(found, variable=variable, ends=(as_index(len(turns)),), body=body)
    return program.with_loop(loop, lambda _: settled((made,), around))


def _turns_of(
    tests: Sequence[Index], variable: LoopVariable, end: int, around: Ranges
) -> range | None:
    """Return the turns in which all indices are 0; None if that is not known, or if they are not
    equally far from each other."""
    found: list[int] = []
    for turn in range(end):
        indices = [around.simplified(one.substitute({variable: turn})) for one in tests]
        if all(one is as_index(0) for one in indices):
            found.append(turn)
        elif not any(map(_is_other_number, indices)):
            return None
    if not found:
        return range(0)
    step = found[1] - found[0] if len(found) > 1 else 1
    turns = range(found[0], found[-1] + 1, step)
    return turns if list(turns) == found else None


def _is_other_number(index: Index) -> bool:
    """Return True of a known number that is not 0: what is made of sizes may be 0 at some."""
    return index.is_constant and isinstance(index.constant, int) and index.constant != 0


def _tests_of(body: Body) -> Iterator[Condition]:
    """Yield the conditions of the test that statements are, perhaps with loops around."""
    while len(body) == 1:
        (only,) = body
        if isinstance(only, If) and not only.otherwise:
            yield from only.conditions
            return
        if not isinstance(only, For):
            return
        body = only.body
