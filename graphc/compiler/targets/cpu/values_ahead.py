"""Values of columns ahead of rows: what takes work and is the same for all turns of the outermost
loop is computed once, into an array that all threads read.

                                           allocate ahead0: float32[64] in shared
                                           for p0 < 64 (vector):
                                             ahead0[p0] = rsqrt(x1[p0])
for p0 < 25088 (team):                     for p1 < 25088 (team):
  for p1 < 64 (vector):                      for p2 < 64 (vector):
    t7 = rsqrt(x1[p1])                         t7 = ahead0[p2]
    y0[p0, p1] = mul(x0[p0, p1], t7)           y0[p1, p2] = mul(x0[p1, p2], t7)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    innermost_loops,
    loops_in,
    most_known_turns,
    values_of,
    variables_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.keep import is_work
from graphc.compiler.loops.statement import For, Let, Statement
from graphc.compiler.loops.value import Local
from graphc.errors import RewriteError

LEAST_TURNS = 16
"""Turns of the outermost loop from which on a thread's time ahead of it is worth it."""

MANY_TURNS = 256
"""Turns of a loop for which a value ahead of it may be computed again."""

MOST_ELEMENTS = 4096
"""Elements of a value, which stay in the first cache beside what is read and written."""


def with_values_ahead(program: LoopProgram, outermost: str, names: Iterator[str]) -> LoopProgram:
    """Return a program in which such values are computed ahead of its outermost loop.

    Args:
        program: a program of one nest.
        outermost: the variable of its outermost loop.
        names: of the arrays; as many values as there are names are computed so.
    """
    turns = most_known_turns(program.loop(outermost))
    if turns is not None and turns < LEAST_TURNS:
        return program
    values = list(_values_of_columns(program.loop(outermost)))
    for local, name in reversed(list(zip(values, names, strict=False))):
        known = {one.variable for one in loops_in(program.body)}
        try:
            program = stage_value(program, None, local.name, BufferScope.SHARED, name=name)
        except RewriteError:  # it might not be computed at all, or its operands are written
            continue
        (outer,) = (x for x in program.body if isinstance(x, For) and x.variable not in known)
        inner = innermost_loops((outer,))[0].variable.name
        program = program.with_loop(outer.variable.name, _noted)
        program = vectorise(program, inner, is_divided=True)
    return program


def _noted(loop: For) -> Body:
    return (replace(loop, note="the same for all rows"),)


def _values_of_columns(outermost: For) -> Iterator[Local]:
    """Yield the values that take work and are the same in all turns of a loop, but not in those of
    loops inside, and that something else is made of."""
    known = {one.variable: most_known_turns(one) for one in loops_in(outermost.body)}
    turns = {variable: count for variable, count in known.items() if count is not None}
    depends: dict[Local, frozenset[LoopVariable]] = {}
    work: set[Local] = set()
    values = [one for one in walk(outermost.body) if isinstance(one, Let)]
    for let in values:
        operands = _operands(let)
        depends[let.local] = variables_of(let).union(*(depends.get(x, ()) for x in operands))
        if is_work(let.value) or any(one in work for one in operands):
            work.add(let.local)
    of_columns = {local for local in work if _is_small(depends[local], turns)}
    rarely = _rarely_computed(outermost)
    for local in (one.local for one in values if one.local in of_columns - rarely):
        if _is_read_elsewhere(local, outermost.body, of_columns):
            yield local


def _rarely_computed(outermost: For) -> set[Local]:
    """Return the values that are computed once for many turns of a loop behind them."""
    return {
        one.local
        for loop in (outermost, *loops_in(outermost.body))
        if any(
            (most_known_turns(inner) or MANY_TURNS) >= MANY_TURNS for inner in loops_in(loop.body)
        )
        for one in loop.body
        if isinstance(one, Let)
    }


def _is_small(variables: frozenset[LoopVariable], turns: dict[LoopVariable, int]) -> bool:
    if not variables or not variables <= turns.keys():
        return False
    return math.prod(turns[one] for one in variables) <= MOST_ELEMENTS


def _is_read_elsewhere(local: Local, body: Body, of_columns: set[Local]) -> bool:
    return any(
        local in _operands(one)
        for one in walk(body)
        if not (isinstance(one, Let) and one.local in of_columns)
    )


def _operands(statement: Statement) -> set[Local]:
    return {
        part
        for value in values_of(statement)
        for part in walk_value(value)
        if isinstance(part, Local)
    }
