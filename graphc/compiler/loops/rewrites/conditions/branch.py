"""Branching: statements that store under the same tests are run under one test.

for column < 4:                               for column < 4:
  t0 = add(total[column], (b[column]            if column < m:
      if column < m else 0.0))                    t0 = add(total[column], b[column])
  y[column] = t0 where column < m                 y[column] = t0

It is the way back from `predicate`, where nothing but the stores matters.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import Body, LoopProgram, transformed, walk, written_memories
from graphc.compiler.loops.rewrites.refusal import (
    loop_of,
    ranges_at,
    refuse_if_synchronised,
    refused,
)
from graphc.compiler.loops.rewrites.simplify import settled
from graphc.compiler.loops.statement import Allocate, Check, For, If, Statement, Store
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Condition

_REWRITE = "branch"


def branch(program: LoopProgram, loop: str) -> LoopProgram:
    """Run a loop's body under the conditions that all of its stores have.

    Args:
        program: the program.
        loop: the variable of a loop whose turns store under conditions of the variables around its
            body, and change nothing else but buffers of their own.
    """
    found = loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    own = {one.buffer.memory for one in walk(found.body) if isinstance(one, Allocate)}
    stores = [
        one
        for one in walk(found.body)
        if isinstance(one, Store) and one.target.buffer.memory not in own
    ]
    ranges = ranges_at(program, found).within(found.variable, *found.ends)
    common = tuple(
        one
        for one in (stores[0].conditions if stores else ())
        if all(one in other.conditions for other in stores)
        and one.index.variables <= ranges.ends.keys()
    )
    if not common:
        expected = "stores under a condition that is the same for all"
        lines = ", ".join(map(head_line, stores)) or "no store"
        raise refused(program, _REWRITE, where, expected, lines)
    others = written_memories(found.body) - own - {one.target.buffer.memory for one in stores}
    checks = [one for one in walk(found.body) if isinstance(one, Check)]
    if others or checks:
        what = ", ".join([*sorted(others), *map(head_line, checks)])
        raise refused(program, _REWRITE, where, "stores alone that others see", what)
    body = transformed(found.body, lambda one: (_without(one, common),))

    def under_test(one: For) -> Body:
        return settled((replace(one, body=(If(common, body),)),), ranges_at(program, found))

    return program.with_loop(loop, under_test)


def _without(statement: Statement, common: tuple[Condition, ...]) -> Statement:
    if not isinstance(statement, Store):
        return statement
    left = tuple(one for one in statement.conditions if one not in common)
    return replace(statement, conditions=left)
