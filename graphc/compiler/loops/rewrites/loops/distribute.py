"""Distribution: a loop goes into others, and around each of the statements there.

    for row < 4:                          allocate c: float32[4, 8] in shared
      allocate c: float32[8] in shared    for row < 4:
      for unit < 8:                         for unit < 8:
        c[unit] = x[row, unit]                c[row, unit] = x[row, unit]
      for step < n:                       for step < n:
        for unit1 < 8:                      for row1 < 4:
          c[unit1] = ...                      for unit1 < 8:
      ...                                       c[row1, unit1] = ...
                                          ...

Its turns, which have no order, then go through the other loops side by side. A test that is around
these goes into them along with it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import Buffer, new_buffer
from graphc.compiler.loops.dependence import is_parallel
from graphc.compiler.loops.index import LoopVariable, index_of
from graphc.compiler.loops.program import Body, LoopProgram, buffers_of, substituted, walk
from graphc.compiler.loops.rewrites.boxes import most_turns
from graphc.compiler.loops.rewrites.buffers.expand import with_axis
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import (
    ranges_at,
    refuse_if_synchronised,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.statement import Allocate, Check, For, If, Let, Statement
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Condition
from graphc.errors import RewriteError

_REWRITE = "distribute"


def distribute(program: LoopProgram, loop: str, others: Collection[str]) -> LoopProgram:
    """Put a loop around each statement of its body, and of the bodies of other loops in it.

    What its body, or theirs, allocates gets an axis of the loop's turns in front.

    Args:
        program: the program.
        loop: its variable; a serial loop whose turns have no order.
        others: the variables of loops in its body, or in each other's, which end up outside of it.
            Their ends are the same in each of its turns.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    turns = most_turns(found.ends, ranges_at(program, found))
    if turns is None:
        ends = ", ".join(map(str, found.ends))
        raise refused(program, _REWRITE, where, "a bounded number of turns", ends)
    verdict = is_parallel(program, found)
    if not verdict:
        expected = "turns that have no order"
        raise refused(program, _REWRITE, where, expected, verdict.reason)
    inside = {one.variable.name for one in walk(found.body) if isinstance(one, For)}
    missing = sorted(set(others) - inside)
    if missing:
        expected = f"a loop in the body of {loop!r}"
        raise refused(program, _REWRITE, f"the loop {missing[0]!r}", expected, "none")
    distribution = _Distribution(program, found, frozenset(others), turns)
    return program.with_loop(loop, lambda _: distribution.of_body(found.body, (), {}))


class _Distribution:
    """A loop that is put around statements.

    Args:
        program: the program.
        loop: the loop.
        others: the variables of the loops that it goes into.
        turns: the number of its turns.
    """

    def __init__(self, program: LoopProgram, loop: For, others: frozenset[str], turns: Size):
        self._program = program
        self._loop = loop
        self._others = others
        self._turns = turns
        self._names = Names(program)
        self._is_first = True

    def of_body(
        self, body: Body, conditions: tuple[Condition, ...], arrays: dict[Buffer, Buffer]
    ) -> Body:
        """Return statements, of which each has the loop around it.

        Args:
            body: of the loop, or of one that it goes into.
            conditions: under which a turn runs them.
            arrays: what is allocated for all turns in the place of a buffer of one.
        """
        changed: list[Statement] = []
        arrays = dict(arrays)
        for one in body:
            if isinstance(one, Allocate):
                arrays[one.buffer] = self._array(one.buffer)
                changed.append(Allocate(arrays[one.buffer]))
            elif isinstance(one, For) and one.variable.name in self._others:
                self._check_ends(one)
                changed.append(replace(one, body=self.of_body(one.body, conditions, arrays)))
            elif isinstance(one, If) and not one.otherwise and self._has_others(one):
                changed += self.of_body(one.body, (*conditions, *one.conditions), arrays)
            elif isinstance(one, Let | Check):
                expected = "loops and stores, without values that others need"
                raise self._refused(expected, head_line(one))
            else:
                changed.append(self._around(one, conditions, arrays))
        return tuple(changed)

    def _array(self, buffer: Buffer) -> Buffer:
        """Return a buffer of all turns for one that each turn has for itself."""
        used = (one for statement in walk(self._loop.body) for one in buffers_of(statement))
        if any(one.memory == buffer.memory and one is not buffer for one in used):
            raise self._refused(f"no views of {buffer}", "another buffer of its memory")
        return new_buffer(buffer.name, buffer.dtype, (self._turns, *buffer.shape), buffer.scope)

    def _around(
        self, one: Statement, conditions: tuple[Condition, ...], arrays: dict[Buffer, Buffer]
    ) -> Statement:
        """Return a copy of the loop around a statement; the first has the loop's own variable."""
        variable = self._loop.variable
        if not self._is_first:
            variable = LoopVariable(self._names.copy(variable.name))
        self._is_first = False
        body: Body = (If(conditions, (one,)),) if conditions else (one,)
        for old, new in arrays.items():
            body = with_axis(body, old, new, index_of(self._loop.variable))
        body = substituted(body, {self._loop.variable: index_of(variable)})
        return replace(self._loop, variable=variable, body=body, note="")

    def _check_ends(self, other: For) -> None:
        """Refuse a loop with other turns in another turn of the one that goes into it."""
        for end in other.ends:
            if self._loop.variable in end.variables:
                expected = f"an end of {other.variable} that is the same in all turns"
                raise self._refused(expected, str(end))

    def _has_others(self, statement: Statement) -> bool:
        return any(
            isinstance(one, For) and one.variable.name in self._others for one in walk((statement,))
        )

    def _refused(self, expected: str, found: str) -> RewriteError:
        where = f"the loop {self._loop.variable.name!r}"
        return refused(self._program, _REWRITE, where, expected, found)
