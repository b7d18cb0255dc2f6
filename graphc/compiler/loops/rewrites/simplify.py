"""Simplification: what the ranges settle is written out, and what has no effect is gone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from graphc.compiler.loops.index import Index, LoopVariable, as_index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    facts,
    facts_otherwise,
    same_or,
    substituted,
    values_of,
    variables_of,
    walk_value,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.statement import (
    Allocate,
    Check,
    For,
    If,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import (
    Condition,
    IndexValue,
    Load,
    Local,
    RandomWord,
    Select,
    Value,
)


def simplify(program: LoopProgram) -> LoopProgram:
    """Return a program whose indices, conditions and selects are settled where ranges allow it,
    without loops of one turn or none, and without values, indices and buffers that nothing reads.

    A parallel loop of one turn stays: it says who runs the turn.
    """
    body = _without_unit_loops(settled(program.body, program.ranges), program.ranges)
    return replace(program, body=_Live().kept(body))


# ---- what ranges settle -------------------------------------------------------------------------


def settled(body: Body, ranges: Ranges) -> Body:
    """Return statements with their indices simplified, and without the conditions and selects that
    are decided, within the ranges around them. All loops stay."""
    result: list[Statement] = []
    for statement in body:
        result += _settled(statement, ranges)
        if isinstance(statement, Check):
            ranges = ranges.within(statement.variable, statement.end)
    return same_or(body, result)


def undecided(conditions: tuple[Condition, ...], ranges: Ranges) -> tuple[Condition, ...] | None:
    """Return the conditions that are not proved to hold; None if one is proved not to."""
    left = []
    for condition in conditions:
        index = ranges.simplified(condition.index)
        is_below_zero = ranges.is_never_negative(-index - 1)
        if condition.equal:
            if is_below_zero or ranges.is_never_negative(index - 1):
                return None
            holds = index is as_index(0)
        else:
            if is_below_zero:
                return None
            holds = ranges.is_never_negative(index)
            index = index if holds else ranges.reduced(index)
        if not holds:
            left.append(Condition(index, condition.equal))
    return tuple(left)


def least_ends(ends: tuple[Index, ...], ranges: Ranges) -> tuple[Index, ...]:
    """Return ends without those that are never less than another one."""
    kept = list(dict.fromkeys(map(ranges.simplified, ends)))
    for end in tuple(kept):
        if any(one is not end and ranges.is_never_negative(end - one) for one in kept):
            kept.remove(end)
    return tuple(kept)


def _settled(statement: Statement, ranges: Ranges) -> Body:
    if isinstance(statement, For):
        ends = least_ends(statement.ends, ranges)
        body = settled(statement.body, ranges.within(statement.variable, *ends))
        if ends == statement.ends and body is statement.body:
            return (statement,)
        return (replace(statement, ends=ends, body=body),)
    if isinstance(statement, If):
        left = undecided(statement.conditions, ranges)
        if left is None:
            return settled(statement.otherwise, ranges)
        body = settled(statement.body, ranges.given(facts(left)))
        if not left:
            return body
        otherwise = settled(statement.otherwise, ranges.given(facts_otherwise(left)))
        is_same = body is statement.body and otherwise is statement.otherwise
        if is_same and left == statement.conditions:
            return (statement,)
        return (If(left, body, otherwise),)
    if isinstance(statement, Store) and statement.conditions:
        left = undecided(statement.conditions, ranges)
        if left is None:
            return ()
        statement = replace(statement, conditions=left)
    return (_Settling(ranges.simplified, ranges=ranges).in_statement(statement),)


@dataclass(frozen=True)
class _Settling(Parts):
    """The change of statements to what the ranges settle."""

    ranges: Ranges = field(default_factory=Ranges)

    def in_value(self, value: Value) -> Value:
        """Return a value with its parts changed; of a select what is decided."""
        if not any(map(_may_settle, walk_value(value))):
            return value
        if not isinstance(value, Select):
            return super().in_value(value)
        left = undecided(value.conditions, self.ranges)
        if left is None:
            return self.in_value(value.otherwise)
        inside = self.ranges.given(facts(left))
        chosen = _Settling(inside.simplified, ranges=inside).in_value(value.value)
        if not left:
            return chosen
        outside = self.ranges.given(facts_otherwise(left))
        other = _Settling(outside.simplified, ranges=outside).in_value(value.otherwise)
        return Select(left, chosen, other)


def _may_settle(part: Value) -> bool:
    """Return True if a part of a value has itself something that ranges could settle."""
    if isinstance(part, Load):
        return not all(map(_is_affine, part.coords))
    if isinstance(part, IndexValue):
        return not _is_affine(part.index)
    if isinstance(part, RandomWord):
        return not _is_affine(part.element)
    return isinstance(part, Select)


def _is_affine(index: Index) -> bool:
    return all(isinstance(atom, LoopVariable) for atom, _ in index.terms)


# ---- what has no effect -------------------------------------------------------------------------


def _without_unit_loops(body: Body, ranges: Ranges) -> Body:
    """Return statements without the loops that have one turn or none."""
    result: list[Statement] = []
    for statement in body:
        if isinstance(statement, If):
            inside = _without_unit_loops(statement.body, ranges.given(facts(statement.conditions)))
            others = ranges.given(facts_otherwise(statement.conditions))
            otherwise = _without_unit_loops(statement.otherwise, others)
            is_same = inside is statement.body and otherwise is statement.otherwise
            result.append(
                statement if is_same else replace(statement, body=inside, otherwise=otherwise)
            )
            continue
        if isinstance(statement, Check):
            ranges = ranges.within(statement.variable, statement.end)
        if not isinstance(statement, For):
            result.append(statement)
            continue
        if any(ranges.is_never_negative(-end) for end in statement.ends):
            continue
        inner = ranges.within(statement.variable, *statement.ends)
        inside = _without_unit_loops(statement.body, inner)
        if statement.kind in _REMOVED_KINDS and _has_one_turn(statement, ranges):
            first = substituted(inside, {statement.variable: as_index(0)})
            result += settled(first, ranges)
        elif inside is statement.body:
            result.append(statement)
        else:
            result.append(replace(statement, body=inside))
    return same_or(body, result)


_REMOVED_KINDS = (LoopKind.SERIAL, LoopKind.UNROLLED, LoopKind.VECTOR)


def _has_one_turn(loop: For, ranges: Ranges) -> bool:
    return as_index(1) in loop.ends and all(ranges.is_never_negative(end - 1) for end in loop.ends)


class _Live:
    """A walk from the end of a program on, which knows what the statements behind it read."""

    def __init__(self) -> None:
        self._locals: set[Local] = set()
        self._variables: set[LoopVariable] = set()
        self._memories: set[str] = set()

    def kept(self, body: Body) -> Body:
        """Return the statements that have an effect, without the others."""
        found = [one for statement in reversed(body) for one in self._kept(statement)]
        return same_or(body, found[::-1])

    def _kept(self, statement: Statement) -> Body:
        if isinstance(statement, For):
            body = self.kept(statement.body)
            self._variables.update(*(end.variables for end in statement.ends))
            if body is statement.body:
                return (statement,) if body else ()
            return (replace(statement, body=body),) if body else ()
        if isinstance(statement, If):
            otherwise = self.kept(statement.otherwise)
            body = self.kept(statement.body)
            self._variables.update(*(one.index.variables for one in statement.conditions))
            return (If(statement.conditions, body, otherwise),) if body or otherwise else ()
        if isinstance(statement, Let) and statement.local not in self._locals:
            return ()
        if isinstance(statement, Check) and not self._is_needed(statement):
            return ()
        if isinstance(statement, Allocate):
            return (statement,) if statement.buffer.memory in self._memories else ()
        self._variables |= variables_of(statement)
        self._memories |= {buffer.memory for buffer in buffers_of(statement)}
        for value in values_of(statement):
            self._locals |= {one for one in walk_value(value) if isinstance(one, Local)}
        return (statement,)

    def _is_needed(self, check: Check) -> bool:
        return check.is_tested or check.variable in self._variables


def without_unused(body: Body) -> Body:
    """Return the statements of a program without values and indices that nothing reads, without
    buffers that nothing reads or writes, and without loops and conditions around nothing."""
    return _Live().kept(body)
