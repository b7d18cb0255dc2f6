"""Version: two programs for one, of which the first may count on conditions of the sizes."""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import Body, LoopProgram, facts
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, ranges_at, refused
from graphc.compiler.loops.rewrites.simplify import settled, undecided
from graphc.compiler.loops.statement import If
from graphc.compiler.loops.value import Condition


def version(program: LoopProgram, *conditions: Condition, loop: str | None = None) -> LoopProgram:
    """Write a loop, or all of a program, twice: where all conditions hold, and where not.

    The first one keeps its names, so that what is rewritten afterwards by name is what may count on
    the conditions. A program for which they are proved anyway stays as it is.

    Args:
        program: the program.
        conditions: of sizes alone.
        loop: the variable of the loop; None for all of the program.
    """
    where = "the program" if loop is None else f"the loop {loop!r}"
    for one in conditions:
        if one.index.variables:
            raise refused(program, "version", where, "conditions of sizes alone", str(one))
    ranges = program.ranges
    if loop is not None:
        found = loop_of(program, "version", loop)
        ranges = ranges_at(program, found)
        return program.with_loop(
            loop, lambda one: _versions(program, where, (one,), conditions, ranges)
        )
    return replace(program, body=_versions(program, where, program.body, conditions, ranges))


def _versions(
    program: LoopProgram,
    where: str,
    body: Body,
    conditions: tuple[Condition, ...],
    ranges: Ranges,
) -> Body:
    left = undecided(conditions, ranges)
    if left is None:
        tests = " and ".join(map(str, conditions))
        raise refused(program, "version", where, "conditions that may hold", tests)
    if not left:
        return body
    first = settled(body, ranges.given(facts(left)))
    return (If(left, first, Names(program).copied(body)),)
