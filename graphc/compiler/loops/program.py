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

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.index import Index, IndexLike, LoopVariable
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
    IndexValue,
    Load,
    Local,
    RandomWord,
    Select,
    Value,
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
    """

    name: str
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    arguments: tuple[Argument, ...]
    body: Body
    indices: tuple[tuple[LoopVariable, Size], ...] = ()

    @property
    def ranges(self) -> Ranges:
        """The ranges of `indices`, which hold everywhere in the body."""
        found = Ranges()
        for variable, end in self.indices:
            found = found.within(variable, end)
        return found

    def loop(self, name: str) -> For:
        """Return the loop whose variable has a name. KeyError if there is none."""
        for statement in walk(self.body):
            if isinstance(statement, For) and statement.variable.name == name:
                return statement
        raise KeyError(f"{self.name} has no loop over {name!r}")

    def with_loop(self, name: str, new: Callable[[For], Body]) -> LoopProgram:
        """Return the program with what `new` makes of a loop in its place."""
        loop = self.loop(name)
        return replace(self, body=replaced(self.body, loop, new(loop)))


# ---- statements ---------------------------------------------------------------------------------


def blocks_of(statement: Statement) -> tuple[Body, ...]:
    """Return the bodies inside of a statement."""
    if isinstance(statement, For):
        return (statement.body,)
    if isinstance(statement, If):
        return (statement.body, statement.otherwise)
    return ()


def with_blocks(statement: Statement, blocks: tuple[Body, ...]) -> Statement:
    """Return a statement with other bodies inside of it."""
    if isinstance(statement, For):
        return replace(statement, body=blocks[0])
    if isinstance(statement, If):
        return replace(statement, body=blocks[0], otherwise=blocks[1])
    return statement


def walk(body: Body) -> Iterator[Statement]:
    """Yield each statement, ahead of those inside of it."""
    for statement in body:
        yield statement
        for inside in blocks_of(statement):
            yield from walk(inside)


def loops_in(body: Body) -> list[For]:
    """Return the loops of a body, at any depth, each ahead of those inside of it."""
    return [one for one in walk(body) if isinstance(one, For)]


def innermost_loops(body: Body) -> list[For]:
    """Return the loops of a body that have no loop inside."""
    return [one for one in loops_in(body) if not loops_in(one.body)]


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
    """Return the indices that are at least 0 where conditions hold."""
    found: list[Index] = []
    for one in conditions:
        found += [one.index, -one.index] if one.equal else [one.index]
    return found


def facts_otherwise(conditions: Sequence[Condition]) -> list[Index]:
    """Return the indices that are known to be at least 0 where not all of the conditions hold: of
    one condition its opposite."""
    if len(conditions) != 1 or conditions[0].equal:
        return []
    return [-conditions[0].index - 1]


def replaced(body: Body, old: Statement, new: Body) -> Body:
    """Return a body with one statement, at any depth and found by identity, replaced."""
    result: list[Statement] = []
    for statement in body:
        if statement is old:
            result += new
            continue
        blocks = blocks_of(statement)
        changed = tuple(replaced(inside, old, new) for inside in blocks)
        same = all(one is other for one, other in zip(blocks, changed, strict=True))
        result.append(statement if same else with_blocks(statement, changed))
    unchanged = len(result) == len(body) and all(a is b for a, b in zip(result, body, strict=True))
    return body if unchanged else tuple(result)


def transformed(body: Body, change: Callable[[Statement], Body]) -> Body:
    """Return a body with what `change` makes of each statement, whose own bodies are changed
    already, in its place."""
    result: list[Statement] = []
    for statement in body:
        blocks = blocks_of(statement)
        changed = tuple(transformed(inside, change) for inside in blocks)
        same = all(one is other for one, other in zip(blocks, changed, strict=True))
        result += change(statement if same else with_blocks(statement, changed))
    unchanged = len(result) == len(body) and all(a is b for a, b in zip(result, body, strict=True))
    return body if unchanged else tuple(result)


def path_to(body: Body, statement: Statement) -> Body:
    """Return the statements around one that is found by identity, the outermost first, and the
    statement itself at the end; nothing if it is not there."""
    for one in body:
        if one is statement:
            return (one,)
        for inside in blocks_of(one):
            path = path_to(inside, statement)
            if path:
                return (one, *path)
    return ()


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
            return replace(value, coords=tuple(map(self.index, value.coords)))
        if isinstance(value, IndexValue):
            return replace(value, index=self.index(value.index))
        if isinstance(value, Bit):
            return replace(value, byte=self.in_value(value.byte))
        if isinstance(value, Apply):
            return replace(value, operands=tuple(map(self.in_value, value.operands)))
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
        return tuple(replace(one, index=self.index(one.index)) for one in conditions)

    def in_target(self, target: Load) -> Load:
        """Return an element that is stored to with its parts changed."""
        return self.target(replace(target, coords=tuple(map(self.index, target.coords))))

    def in_body(self, body: Body) -> Body:
        """Return statements with their parts changed, at any depth. The variables that they bind
        stay."""
        return tuple(map(self.in_statement, body))

    def in_statement(self, statement: Statement) -> Statement:
        """Return a statement with its parts changed."""
        if isinstance(statement, For):
            ends = tuple(map(self.index, statement.ends))
            return replace(statement, ends=ends, body=self.in_body(statement.body))
        if isinstance(statement, If):
            return If(
                self.in_conditions(statement.conditions),
                self.in_body(statement.body),
                self.in_body(statement.otherwise),
            )
        if isinstance(statement, Let):
            return replace(statement, value=self.in_value(statement.value))
        if isinstance(statement, Check):
            value = self.in_value(statement.value)
            return replace(statement, value=value, position=self.index(statement.position))
        if isinstance(statement, Store):
            return replace(
                statement,
                target=self.in_target(statement.target),
                value=self.in_value(statement.value),
                conditions=self.in_conditions(statement.conditions),
            )
        if isinstance(statement, Accumulate):
            return replace(
                statement,
                targets=tuple(map(self.in_target, statement.targets)),
                values=tuple(map(self.in_value, statement.values)),
            )
        if isinstance(statement, AtomicAdd):
            return replace(statement, target=self.in_target(statement.target))
        if isinstance(statement, AsyncCopy):
            source = self.in_value(statement.source)
            assert isinstance(source, Load)
            return replace(statement, target=self.in_target(statement.target), source=source)
        if isinstance(statement, Prefetch):
            element = self.in_value(statement.element)
            assert isinstance(element, Load)
            return replace(statement, element=element)
        if isinstance(statement, UseIntrinsic):
            return replace(
                statement,
                windows=tuple(map(self._in_window, statement.windows)),
                sizes={symbol: self.index(size) for symbol, size in statement.sizes.items()},
            )
        return statement

    def _in_window(self, window: BufferWindow) -> BufferWindow:
        return replace(window, start=tuple(map(self.index, window.start)))


def substituted(body: Body, replacements: Mapping[LoopVariable, IndexLike]) -> Body:
    """Return statements with loop variables replaced by indices."""
    return Parts(index=lambda index: index.substitute(replacements)).in_body(body)


def values_of(statement: Statement) -> tuple[Value, ...]:
    """Return the values that a statement itself computes, not those of the statements inside."""
    if isinstance(statement, Let | Check | Store):
        return (statement.value,)
    if isinstance(statement, Accumulate):
        return statement.values
    if isinstance(statement, AsyncCopy):
        return (statement.source,)
    return ()


def targets_of(statement: Statement) -> tuple[Load, ...]:
    """Return the elements that a statement itself writes; of an `Accumulate` and an `AtomicAdd` it
    reads them too. Of an intrinsic its body tells."""
    if isinstance(statement, Store | AtomicAdd | AsyncCopy):
        return (statement.target,)
    if isinstance(statement, Accumulate):
        return statement.targets
    return ()


def walk_value(value: Value) -> Iterator[Value]:
    """Yield a value and all that it is made of."""
    yield value
    if isinstance(value, Apply):
        for operand in value.operands:
            yield from walk_value(operand)
    elif isinstance(value, Bit):
        yield from walk_value(value.byte)
    elif isinstance(value, Select):
        yield from walk_value(value.value)
        yield from walk_value(value.otherwise)
    elif isinstance(value, RandomWord):
        for part in (value.shift, value.step, value.call, value.seed, value.stream):
            yield from walk_value(part)


def loads_of(statement: Statement) -> Iterator[Load]:
    """Yield the elements that a statement itself reads, without the targets of an `Accumulate`."""
    for value in values_of(statement):
        for part in walk_value(value):
            if isinstance(part, Load):
                yield part


def buffers_of(statement: Statement) -> Iterator[Buffer]:
    """Yield the buffers that a statement itself names."""
    if isinstance(statement, Allocate):
        yield statement.buffer
    elif isinstance(statement, UseIntrinsic):
        for window in statement.windows:
            yield window.buffer
    elif isinstance(statement, Prefetch):
        yield statement.element.buffer
    for load in (*targets_of(statement), *loads_of(statement)):
        yield load.buffer


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


def variables_of(statement: Statement) -> frozenset[LoopVariable]:
    """Return the variables in the indices of a statement itself, not of the statements inside."""
    found: set[LoopVariable] = set()

    def index(old: Index) -> Index:
        found.update(old.variables)
        return old

    Parts(index=index).in_statement(with_blocks(statement, tuple(() for _ in blocks_of(statement))))
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


def new_name(taken: Iterable[str], name: str) -> str:
    """Return `name`, or it with the first number that makes a name that is not taken."""
    names = set(taken)
    if name not in names:
        return name
    number = 1
    while f"{name}{number}" in names:
        number += 1
    return f"{name}{number}"
