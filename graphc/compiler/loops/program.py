"""A loop program: all that one kernel computes, as loops over elements; and walks over its parts.

>>> print(program_text(program))
kernel k0(x0: float32[n, 10]) -> y0: float32[n]
  for row < n:
    allocate s0: float32[] in register
    s0[] = 0.0
    for column < 10:
      s0[] = sum(s0[], x0[row, column])
    y0[row] = s0[]
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from graphc.compiler.graph.dim import Size, product
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.index import Index, IndexLike, LoopVariable, least_number
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    AsyncCopy,
    AtomicAdd,
    BufferWindow,
    Check,
    For,
    If,
    Let,
    Prefetch,
    Statement,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.value import (
    Apply,
    Argument,
    Bit,
    Condition,
    Constant,
    IndexValue,
    Load,
    Local,
    RandomWord,
    Select,
    Value,
    operands_of,
)

Body: TypeAlias = tuple[Statement, ...]


@dataclass(frozen=True)
class LoopProgram:
    """All that one kernel computes.

    Attributes:
        name: of the function that it becomes.
        inputs: the buffers that it reads.
        outputs: the buffers that it writes; it may read them too.
        arguments: the numbers that a call gives.
        body: its statements.
        indices: the variables that a call gives, each with what it is below: the step of a loop
            around the kernel.
        anywhere: the ranges that nothing is known in. A rewritten program has those of the one that
            it is made of, so that what was proved at a place of either holds in both.
    """

    name: str
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    arguments: tuple[Argument, ...]
    body: Body
    indices: tuple[tuple[LoopVariable, Size], ...] = ()
    anywhere: Ranges = field(default_factory=Ranges, repr=False, compare=False)

    @property
    def ranges(self) -> Ranges:
        """The ranges of `indices`, which hold everywhere in the body."""
        found = self.anywhere
        for variable, end in self.indices:
            found = found.within(variable, end)
        return found

    def loop(self, name: str) -> For:
        """Return the loop whose variable has a name. KeyError if there is none."""
        loop = self.path(name)[-1]
        assert isinstance(loop, For)
        return loop

    def path(self, name: str) -> Body:
        """Return the statements around a loop, the outermost first, and the loop at the end.
        KeyError if there is none of that name."""
        found = paths_to_loops(self).get(name)
        if found is None:
            raise KeyError(f"{self.name} has no loop over {name!r}")
        return found

    def loops_to(self, name: str) -> list[For]:
        """Return the loops around one, the outermost first, and that loop at the end."""
        return [one for one in self.path(name) if isinstance(one, For)]

    def with_loop(self, name: str, new: Callable[[For], Body]) -> LoopProgram:
        """Return the program with what `new` makes of a loop in its place."""
        *around, loop = self.path(name)
        assert isinstance(loop, For)
        return replace(self, body=_replaced_on_path(self.body, around, loop, new(loop)))


_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_Part = TypeVar("_Part", LoopProgram, UseIntrinsic, Statement)
_OfPart: TypeAlias = Callable[Concatenate[_Part, _Arguments], _Result]


def kept(function: _OfPart[_Part, _Arguments, _Result]) -> _OfPart[_Part, _Arguments, _Result]:
    """Let a function of a program or a statement, and of arguments that hash, compute each result
    once: neither ever changes, and has it for as long as it lives. Programs that rewrites make of
    one share the statements that they leave alone."""

    @functools.wraps(function)
    def found_once(part: _Part, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        results = vars(part).setdefault("_kept", {})
        key = (function, args, tuple(kwargs.items())) if args or kwargs else function
        if key not in results:
            results[key] = function(part, *args, **kwargs)
        found: _Result = results[key]
        return found

    return found_once


# ---- statements ---------------------------------------------------------------------------------


@kept
def paths_to_loops(program: LoopProgram) -> dict[str, Body]:
    """Return the statements around each loop of a program, and the loop at the end, by its name."""
    found: dict[str, Body] = {}

    def note(body: Body, around: Body) -> None:
        for one in body:
            if isinstance(one, For):
                found.setdefault(one.variable.name, (*around, one))
            for block in one.blocks:
                note(block, (*around, one))

    note(program.body, ())
    return found


def with_note(body: Body, note: str) -> Body:
    """Return statements whose first loop, if it has no note yet, says what it is for."""
    for number, one in enumerate(body):
        if isinstance(one, For):
            noted = one if one.note else replace(one, note=note)
            return (*body[:number], noted, *body[number + 1 :])
    return body


def with_blocks(statement: Statement, blocks: tuple[Body, ...]) -> Statement:
    """Return a statement with other bodies inside of it."""
    if isinstance(statement, For):
        (body,) = blocks
        return For(statement.variable, statement.ends, body, statement.kind, statement.note)
    if isinstance(statement, If):
        return If(statement.conditions, *blocks)
    return statement


def walk(body: Body) -> Iterator[Statement]:
    """Yield each statement, ahead of those inside of it."""
    pending = list(reversed(body))
    while pending:
        statement = pending.pop()
        yield statement
        for block in reversed(statement.blocks):
            pending += reversed(block)


def loops_in(body: Body) -> list[For]:
    """Return the loops of a body, at any depth, each ahead of those inside of it."""
    found: list[For] = []
    for one in body:
        if isinstance(one, For):
            found.append(one)
        for block in one.blocks:
            found += loops_in(block)
    return found


def innermost_loops(body: Body) -> list[For]:
    """Return the loops of a body that have no loop inside."""
    return [one for one in loops_in(body) if not loops_in(one.body)]


def most_known_turns(loop: For) -> int | None:
    """Return a number that the trip count of a loop is at most; None if none is known."""
    return least_number(loop.ends)


def turns_of(loops: Sequence[For]) -> Size:
    """Return how many turns loops that are inside of each other have together."""
    return product(tuple(one.ends[0].constant for one in loops))


def walk_in_ranges(body: Body, ranges: Ranges) -> Iterator[tuple[Statement, Ranges]]:
    """Yield each statement, with the ranges where it stands; `ranges` are those around the body."""
    for statement in body:
        yield statement, ranges
        if isinstance(statement, For):
            yield from walk_in_ranges(
                statement.body, ranges.within(statement.variable, *statement.ends)
            )
        elif isinstance(statement, If):
            yield from walk_in_ranges(statement.body, ranges.given(facts(statement.conditions)))
            others = ranges.given(facts_otherwise(statement.conditions))
            yield from walk_in_ranges(statement.otherwise, others)
        elif isinstance(statement, Check):
            ranges = ranges.within(statement.variable, statement.end)


def facts(conditions: Iterable[Condition]) -> list[Index]:
    """Return the indices that are at least 0 where conditions hold, without a number that divides
    all that varies in one: ``i - 1`` for ``2*i - 2``."""
    found: list[Index] = []
    for one in conditions:
        found += [one.index, -one.index] if one.equal else [_reduced(one.index)]
    return found


def _reduced(index: Index) -> Index:
    factors = [factor for _, factor in index.terms if isinstance(factor, int)]
    common = math.gcd(*factors) if len(factors) == len(index.terms) else 1
    return index // common if common > 1 else index


def facts_otherwise(conditions: Sequence[Condition]) -> list[Index]:
    """Return the indices that are known to be at least 0 where not all of the conditions hold: of
    one condition its opposite."""
    if len(conditions) != 1 or conditions[0].equal:
        return []
    return [-conditions[0].index - 1]


def replaced(body: Body, old: Statement, new: Body) -> Body:
    """Return a body with one statement, at any depth and found by identity, replaced. It has one
    place there: what is behind it is not looked through."""
    for place, statement in enumerate(body):
        if statement is old:
            return (*body[:place], *new, *body[place + 1 :])
        blocks = statement.blocks
        for number, inside in enumerate(blocks):
            changed = replaced(inside, old, new)
            if changed is not inside:
                others = (*blocks[:number], changed, *blocks[number + 1 :])
                return (*body[:place], with_blocks(statement, others), *body[place + 1 :])
    return body


def _replaced_on_path(body: Body, around: Sequence[Statement], old: Statement, new: Body) -> Body:
    """Return a body with a statement replaced that stands inside of others, the outermost first."""
    step = around[0] if around else old
    for place, statement in enumerate(body):
        if statement is not step:
            continue
        if not around:
            return (*body[:place], *new, *body[place + 1 :])
        blocks = (_replaced_on_path(one, around[1:], old, new) for one in statement.blocks)
        return (*body[:place], with_blocks(statement, tuple(blocks)), *body[place + 1 :])
    return body  # of a condition, the other one


def transformed(body: Body, change: Callable[[Statement], Body]) -> Body:
    """Return a body with what `change` makes of each statement, whose own bodies are changed
    already, in its place."""
    result: list[Statement] = []
    for statement in body:
        blocks = statement.blocks
        if blocks:
            changed = tuple(transformed(inside, change) for inside in blocks)
            if not all(map(operator.is_, blocks, changed)):
                statement = with_blocks(statement, changed)
        result += change(statement)
    return same_or(body, result)


def same_or(body: Body, statements: Sequence[Statement]) -> Body:
    """Return a body if statements are its own, else these: who compares by identity sees that
    nothing has changed."""
    is_same = len(statements) == len(body) and all(map(operator.is_, statements, body))
    return body if is_same else tuple(statements)


def path_to(body: Body, statement: Statement) -> Body:
    """Return the statements around one that is found by identity, the outermost first, and the
    statement itself at the end; nothing if it is not there."""
    for one in body:
        if one is statement:
            return (one,)
        for inside in one.blocks:
            path = path_to(inside, statement)
            if path:
                return (one, *path)
    return ()


def loop_beside(program: LoopProgram, name: str, distance: int) -> For:
    """Return the loop that stands some statements behind another one in its block, or, of a
    negative distance, ahead of it."""
    block, place = block_of(program, program.loop(name))
    beside = block[place + distance]
    assert isinstance(beside, For), f"no loop stands beside {name}"
    return beside


def block_of(program: LoopProgram, statement: Statement) -> tuple[Body, int]:
    """Return the statements of which one, found by identity, is, and its place among them."""
    *around, _ = path_to(program.body, statement)
    blocks = around[-1].blocks if around else (program.body,)
    return next(
        (block, place) for block in blocks for place, one in enumerate(block) if one is statement
    )


# ---- what statements and values are made of -----------------------------------------------------


@dataclass(frozen=True)
class Parts:
    """A change of the parts of statements: a function for each sort of part, by default none.

    Attributes:
        index: what becomes of an index, by itself or inside of a value.
        value: what becomes of a value, whose operands have been changed.
        target: what becomes of an element that is stored to.
    """

    index: Callable[[Index], Index] = lambda index: index
    value: Callable[[Value], Value] = lambda value: value
    target: Callable[[Load], Load] = lambda target: target

    def in_value(self, value: Value) -> Value:
        """Return a value with its parts changed."""
        return self.value(self._operands(value))

    def _operands(self, value: Value) -> Value:
        if isinstance(value, Load):
            coords = tuple(map(self.index, value.coords))
            return value if coords == value.coords else Load(value.buffer, coords)
        if isinstance(value, Apply):
            operands = tuple(map(self.in_value, value.operands))
            if operands == value.operands:
                return value
            return Apply(value.op, operands, value.dtype, value.attrs)
        if isinstance(value, IndexValue):
            index = self.index(value.index)
            return value if index is value.index else IndexValue(index, value.dtype)
        if isinstance(value, Bit):
            return Bit(self.in_value(value.byte), value.number)
        if isinstance(value, Select):
            return Select(
                self.in_conditions(value.conditions),
                self.in_value(value.value),
                self.in_value(value.otherwise),
            )
        if isinstance(value, RandomWord):
            return RandomWord(
                self.index(value.element),
                self.in_value(value.shift),
                self.in_value(value.step),
                self.in_value(value.call),
                self.in_value(value.seed),
                self.in_value(value.stream),
            )
        return value

    def in_conditions(self, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        """Return conditions with their indices changed."""
        return tuple(map(self._in_condition, conditions))

    def _in_condition(self, condition: Condition) -> Condition:
        index = self.index(condition.index)
        return condition if index is condition.index else Condition(index, condition.equal)

    def in_target(self, target: Load) -> Load:
        """Return an element that is stored to with its parts changed."""
        coords = tuple(map(self.index, target.coords))
        return self.target(target if coords == target.coords else Load(target.buffer, coords))

    def in_body(self, body: Body) -> Body:
        """Return statements with their parts changed, at any depth. The variables that they bind
        stay, and a statement of which nothing changes is the same object."""
        return same_or(body, tuple(map(self.in_statement, body)))

    def in_statement(self, statement: Statement) -> Statement:
        """Return a statement with its parts changed; itself if nothing does."""
        blocks = statement.blocks
        if blocks:
            inside = tuple(map(self.in_body, blocks))
            if not all(map(operator.is_, blocks, inside)):
                statement = with_blocks(statement, inside)
        parts = self._parts(statement)
        is_same = all(getattr(statement, name) == part for name, part in parts.items())
        return statement if is_same else replace(statement, **parts)

    def _parts(self, statement: Statement) -> dict[str, Any]:
        """Return the parts of a statement itself, changed, by the names of its fields."""
        if isinstance(statement, Let):
            return {"value": self.in_value(statement.value)}
        if isinstance(statement, Store):
            return {
                "target": self.in_target(statement.target),
                "value": self.in_value(statement.value),
                "conditions": self.in_conditions(statement.conditions),
            }
        if isinstance(statement, Accumulate):
            return {
                "targets": tuple(map(self.in_target, statement.targets)),
                "values": tuple(map(self.in_value, statement.values)),
            }
        if isinstance(statement, For):
            return {"ends": tuple(map(self.index, statement.ends))}
        if isinstance(statement, If):
            return {"conditions": self.in_conditions(statement.conditions)}
        if isinstance(statement, Check):
            return {
                "value": self.in_value(statement.value),
                "position": self.index(statement.position),
            }
        if isinstance(statement, AtomicAdd):
            return {"target": self.in_target(statement.target)}
        if isinstance(statement, AsyncCopy):
            return {
                "target": self.in_target(statement.target),
                "source": self.in_value(statement.source),
            }
        if isinstance(statement, Prefetch):
            return {"element": self.in_value(statement.element)}
        if isinstance(statement, UseIntrinsic):
            return {
                "windows": tuple(map(self._in_window, statement.windows)),
                "sizes": {symbol: self.index(size) for symbol, size in statement.sizes.items()},
                "arguments": tuple(map(self.in_value, statement.arguments)),
            }
        return {}

    def _in_window(self, window: BufferWindow) -> BufferWindow:
        return replace(window, start=tuple(map(self.index, window.start)))


def substituted(body: Body, replacements: Mapping[LoopVariable, IndexLike]) -> Body:
    """Return statements with loop variables replaced by indices."""
    return Parts(index=substitution(replacements)).in_body(body)


def substitution(replacements: Mapping[LoopVariable, IndexLike]) -> Callable[[Index], Index]:
    """Return the change of indices to those with variables replaced; statements next to each other
    have many in common."""
    return functools.cache(lambda index: index.substitute(replacements))


_OF_ONE_VALUE = (Let, Store, Check)


def values_of(statement: Statement) -> tuple[Value, ...]:
    """Return the values that a statement itself computes, not those of the statements inside."""
    if isinstance(statement, _OF_ONE_VALUE):
        return (statement.value,)
    if isinstance(statement, Accumulate):
        return statement.values
    if isinstance(statement, AsyncCopy):
        return (statement.source,)
    if isinstance(statement, UseIntrinsic):
        return statement.arguments
    return ()


def targets_of(statement: Statement) -> tuple[Load, ...]:
    """Return the elements that a statement itself writes; of an `Accumulate` and an `AtomicAdd` it
    reads them too. Of an intrinsic its body tells."""
    if isinstance(statement, _OF_ONE_TARGET):
        return (statement.target,)
    if isinstance(statement, Accumulate):
        return statement.targets
    return ()


_OF_ONE_TARGET = (Store, AtomicAdd, AsyncCopy)


_WITHOUT_OPERANDS = (Load, Local, Constant, IndexValue, Argument)


def walk_value(value: Value) -> Iterator[Value]:
    """Yield a value and all that it is made of."""
    pending = [value]
    while pending:
        value = pending.pop()
        yield value
        if not isinstance(value, _WITHOUT_OPERANDS):
            pending += reversed(operands_of(value))


@kept
def loads_of(statement: Statement) -> tuple[Load, ...]:
    """Return the elements that a statement itself reads, without the targets of an `Accumulate`."""
    return tuple(
        part
        for value in values_of(statement)
        for part in walk_value(value)
        if isinstance(part, Load)
    )


@kept
def buffers_of(statement: Statement) -> tuple[Buffer, ...]:
    """Return the buffers that a statement itself names."""
    named: tuple[Buffer, ...] = ()
    if isinstance(statement, Allocate):
        named = (statement.buffer,)
    elif isinstance(statement, UseIntrinsic):
        named = tuple(window.buffer for window in statement.windows)
    elif isinstance(statement, Prefetch):
        named = (statement.element.buffer,)
    return (*named, *(load.buffer for load in (*targets_of(statement), *loads_of(statement))))


def windows_of(statement: Statement) -> Iterator[tuple[BufferWindow, bool]]:
    """Yield the rectangles that a call of an intrinsic is given, each with True if it writes it."""
    if isinstance(statement, UseIntrinsic):
        written = written_memories(statement.intrinsic.body)
        for window, parameter in zip(
            statement.windows, statement.intrinsic.parameters, strict=True
        ):
            yield window, parameter.memory in written


def written_memories(body: Body) -> frozenset[str]:
    """Return the memories that statements write, at any depth and inside of intrinsics."""
    found: set[str] = set()
    for statement in walk(body):
        found |= {target.buffer.memory for target in targets_of(statement)}
        found |= {window.buffer.memory for window, written in windows_of(statement) if written}
    return frozenset(found)


@kept
def variables_of(statement: Statement) -> frozenset[LoopVariable]:
    """Return the variables in the indices of a statement itself, not of the statements inside."""
    found: set[LoopVariable] = set()

    def index(old: Index) -> Index:
        found.update(old.variables)
        return old

    Parts(index=index).in_statement(with_blocks(statement, tuple(() for _ in statement.blocks)))
    return frozenset(found)


def reads_bound(statement: Statement, body: Body) -> bool:
    """Return True if a statement itself uses a name that statements of a body bind."""
    names = {one.local for one in walk(body) if isinstance(one, Let)}
    memories = {one.buffer.memory for one in walk(body) if isinstance(one, Allocate)}
    if any(buffer.memory in memories for buffer in buffers_of(statement)):
        return True
    if not variables_of(statement).isdisjoint(bound_variables(body)):
        return True
    parts = (part for value in values_of(statement) for part in walk_value(value))
    return any(part in names for part in parts if isinstance(part, Local))


def bound_variables(body: Body) -> Iterator[LoopVariable]:
    """Yield the variables that statements bind, at any depth."""
    for statement in walk(body):
        if isinstance(statement, For | Check | AtomicAdd):
            yield statement.variable


def new_name(taken: Container[str], name: str) -> str:
    """Return `name`, or, where it is taken, the first of ``<name>_2``, ``<name>_3``, ... that is
    not."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found
