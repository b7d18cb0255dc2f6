"""Predication: a test around statements becomes tests of what they read and store.

for row < 32:                               for row < 32:
  if 32*tile + row < n:                       s = 0.0
    s = 0.0                                   for k < 64:
    for k < 64:                                 s = s + (x[32*tile + row, k]
      s = s + x[32*tile + row, k]                        if 32*tile + row < n else 0.0)
    y[32*tile + row] = s                      if 32*tile + row < n: y[32*tile + row] = s

All turns then do the same: threads come to the same barriers, and a tile at the border of an array
is computed as a whole one, over zeros. An index that is checked is 0 there. The terms of a sum are
padded alike:

for k < 16:                                 for k < 16:
  if 16*step + k < n:                         s = s + ((x[16*step + k] if 16*step + k < n else 0.0)
    s = s + x[16*step + k] * w[16*step + k]            * (w[...] if 16*step + k < n else 0.0))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    facts,
    facts_otherwise,
    replaced,
    values_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.rewrites.identity import begins_with_identity
from graphc.compiler.loops.rewrites.refusal import (
    only_test_of,
    ranges_at,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    For,
    If,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Apply, Condition, Constant, Load, Local, Select, Value

_REWRITE = "predicate"
_DIVISIONS = frozenset({"floordiv", "mod"})


def predicate(program: LoopProgram, loop: str, padded: Set[Local] = frozenset()) -> LoopProgram:
    """Run what is under the test in a loop's body in every turn.

    An element that might not be there is read under the test and is 0 elsewhere, and what others
    than the body see is stored under it. To a reduction that the turns make together a turn that
    the test leaves out gives what changes nothing; as adding 0 would change -0, the reduction is
    one that begins with its identity.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop whose body is one test without another
            branch; under it are values, loops and buffers of its own alone.
        padded: names of factors that are 0 in other turns, whatever they are there; a term with one
            is added without a test: see `pad`.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    test = only_test_of(program, _REWRITE, found)
    _check(program, where, test.body)
    own = {one.buffer.memory for one in walk(test.body) if isinstance(one, Allocate)}
    change = _Predication(
        conditions=test.conditions,
        own=own,
        factors=_factors(test.body, own, padded),
        padded=padded,
        ranges=ranges_at(program, test),
    )
    body = change.in_body(test.body)
    return replace(program, body=replaced(program.body, test, body))


def _check(program: LoopProgram, where: str, body: Body) -> None:
    """Refuse statements that may not be run in a turn that they are not for."""
    own = {one.buffer.memory for one in walk(body) if isinstance(one, Allocate)}
    for one in walk(body):
        if not isinstance(one, For | If | Let | Check | Store | Accumulate | Allocate):
            expected = "values, loops and stores under its test"
            raise refused(program, _REWRITE, where, expected, head_line(one))
        if isinstance(one, Check) and not program.ranges.is_never_negative(as_index(one.end) - 1):
            expected = "checks of indices of which there is one"
            raise refused(program, _REWRITE, where, expected, head_line(one))
        if isinstance(one, Accumulate) and not (
            all(target.buffer.memory in own for target in one.targets)
            or begins_with_identity(program, one)
        ):
            expected = "reductions that begin under its test, or with their identity"
            raise refused(program, _REWRITE, where, expected, head_line(one))
        for value in values_of(one):
            for part in walk_value(value):
                if isinstance(part, Apply) and may_fault(part):
                    expected = "no division of integers by what may be 0 in another turn"
                    raise refused(program, _REWRITE, where, expected, head_line(one))


def _factors(body: Body, own: Set[str], padded: Set[Local]) -> Mapping[Local, bool]:
    """Return the names that terms of sums have as factors, each with True if another turn adds to
    the same sum; where some are padded, with True if it is one of these."""
    named = {one.local for one in walk(body) if isinstance(one, Let)}
    found: dict[Local, bool] = {}
    for one in walk(body):
        if isinstance(one, Accumulate) and one.reduction == "sum":
            is_shared = one.targets[0].buffer.memory not in own
            for factor in _factors_of(one.values[0]):
                if isinstance(factor, Local) and factor in named:
                    is_zero = factor in padded if padded else is_shared
                    found[factor] = is_zero or found.get(factor, False)
    return found


def _factors_of(term: Value) -> tuple[Value, ...]:
    return term.operands if isinstance(term, Apply) and term.op == "mul" else ()


def may_fault(value: Apply) -> bool:
    """Return True if an op stops a program for some numbers: a division of integers by zero."""
    if value.op not in _DIVISIONS or np.dtype(value.dtype).kind == "f":
        return False
    divisor = value.operands[1]
    return not isinstance(divisor, Constant) or divisor.number == 0


def _holds_at_first(condition: Condition) -> bool:
    """Return True if a condition is proved to hold where all its variables are 0."""
    first = condition.index.substitute(dict.fromkeys(condition.index.variables, 0))
    return not condition.equal and Ranges().is_never_negative(first)


@dataclass(frozen=True)
class _Predication(Parts):
    """The change of statements to those that are run whether conditions hold or not.

    Attributes:
        conditions: those of the test.
        own: the memories that the statements allocate, which none but they read.
        factors: names of factors of terms, with True if other turns add to the same sums.
        padded: those of which one in a term is enough.
        ranges: those around, without the test.
    """

    conditions: tuple[Condition, ...] = ()
    own: Set[str] = frozenset()
    factors: Mapping[Local, bool] = field(default_factory=dict)
    padded: Set[Local] = frozenset()
    ranges: Ranges = field(default_factory=Ranges)

    def in_statement(self, statement: Statement) -> Statement:
        """Return a statement; a store that others see has the conditions."""
        if isinstance(statement, For):
            inside = self.ranges.within(statement.variable, *statement.ends)
            return replace(statement, body=self._within(inside).in_body(statement.body))
        if isinstance(statement, If):
            inside = self.ranges.given(facts(statement.conditions))
            others = self.ranges.given(facts_otherwise(statement.conditions))
            return If(
                statement.conditions,
                self._within(inside).in_body(statement.body),
                self._within(others).in_body(statement.otherwise),
            )
        if isinstance(statement, Let) and statement.local in self.factors:
            return replace(statement, value=self._in_factor(statement))
        changed = super().in_statement(statement)
        if isinstance(changed, Check):
            return replace(changed, value=self._in_check(changed.value))
        if isinstance(changed, Accumulate) and changed.targets[0].buffer.memory not in self.own:
            padded = map(partial(self._padded, changed), changed.values)
            return replace(changed, values=tuple(padded))
        if isinstance(changed, Store) and changed.target.buffer.memory not in self.own:
            return replace(changed, conditions=(*self.conditions, *changed.conditions))
        return changed

    def in_value(self, value: Value) -> Value:
        """Return a value, which reads nothing that might not be there."""
        if isinstance(value, Select):
            inside = self.ranges.given(facts(value.conditions))
            others = self.ranges.given(facts_otherwise(value.conditions))
            chosen = self._within(inside).in_value(value.value)
            other = self._within(others).in_value(value.otherwise)
            if isinstance(chosen, Select) and chosen.otherwise is other:
                return Select((*value.conditions, *chosen.conditions), chosen.value, other)
            return Select(value.conditions, chosen, other)
        if not isinstance(value, Load) or self._is_there(value):
            return super().in_value(value)
        about = self._about([value])
        if not about:
            return super().in_value(value)
        zero = Constant(False if value.dtype == "bool" else 0, value.dtype)
        return Select(about, value, zero)

    def _in_check(self, value: Value) -> Value:
        """Return the value of an index, which is the first one where the conditions do not hold."""
        zero = Constant(0, value.dtype)
        if isinstance(value, Select) and value.otherwise is zero:
            others = tuple(one for one in value.conditions if one not in self.conditions)
            return Select((*self.conditions, *others), value.value, zero)
        return Select(self.conditions, value, zero)

    def _in_factor(self, named: Let) -> Value:
        """Return the value of a factor, which is 0 in turns that add nothing to a sum."""
        value = named.value
        loads = [one for one in walk_value(value) if isinstance(one, Load)]
        if self.factors[named.local]:
            about: tuple[Condition, ...] = self.conditions
        elif self.in_value(value) is value:
            return value
        else:
            about = self._about(loads)
            if not about:
                return value
        zero = Constant(0, value.dtype)
        if isinstance(value, Select) and value.otherwise is zero:
            return Select((*about, *value.conditions), value.value, zero)
        return Select(about, value, zero)

    def _about(self, loads: Sequence[Load]) -> tuple[Condition, ...]:
        """Return the conditions on which it depends whether elements are there. On one that is of
        other variables, and holds where these are 0, it does not: there the elements are read."""
        used = {one for load in loads for coord in load.coords for one in coord.variables}
        about = tuple(one for one in self.conditions if one.index.variables & used)
        if about or not all(map(_holds_at_first, self.conditions)):
            return about or self.conditions
        return ()

    def _padded(self, one: Accumulate, term: Value) -> Value:
        """Return a term, or the identity of its reduction where the conditions do not hold."""
        factors = _factors_of(term) if one.reduction == "sum" else ()
        if not self.padded.isdisjoint(factors):
            return term
        if factors and all(map(self._is_zero_elsewhere, factors)):
            return term
        identity = REDUCTIONS[one.reduction].identity(term.dtype)
        return Select(self.conditions, term, Constant(identity, term.dtype))

    def _is_zero_elsewhere(self, factor: Value) -> bool:
        if isinstance(factor, Local):
            return self.factors.get(factor, False)
        return (
            isinstance(factor, Select)
            and factor.conditions[-len(self.conditions) :] == self.conditions
            and isinstance(factor.otherwise, Constant)
            and factor.otherwise.number == 0
        )

    def _within(self, ranges: Ranges) -> _Predication:
        return replace(self, ranges=ranges)

    def _is_there(self, load: Load) -> bool:
        return load.buffer.memory in self.own or self.ranges.is_inside(
            load.coords, load.buffer.shape
        )
