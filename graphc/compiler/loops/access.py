"""Accesses: the elements that statements read and write, each with the loops around it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from graphc.compiler.graph.dim import Dim, Size, Symbol, substitute, symbols
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import (
    Index,
    IndexLike,
    LoopVariable,
    Quotient,
    as_index,
    index_of,
    variable,
)
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    bound_variables,
    facts,
    facts_otherwise,
    kept,
    loads_of,
    path_to,
    targets_of,
    walk,
    with_blocks,
)
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
    LoopKind,
    Statement,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Argument, Load, Local, Value

STATUS_WORD = new_buffer("status word", "int32", ())
"""The word that a `Check` sets where it fails, and a guarded `Store` reads."""

ONE_FOR_EACH_TURN = {
    BufferScope.REGISTER: frozenset(LoopKind),
    BufferScope.THREAD: frozenset(LoopKind) - {LoopKind.VECTOR},
    BufferScope.SHARED: frozenset({LoopKind.SERIAL, LoopKind.UNROLLED, LoopKind.BLOCK}),
    BufferScope.GLOBAL: frozenset({LoopKind.SERIAL, LoopKind.UNROLLED}),
}
"""By scope, the kinds of loops of which each turn has its own buffer, if the loop allocates it."""


Path: TypeAlias = tuple[tuple[Statement, int], ...]


@dataclass(frozen=True, eq=False)
class Access:
    """An element that a statement reads or writes, in each turn of the loops around it.

    Attributes:
        statement: the statement; the call, if it is one of an intrinsic's meaning.
        buffer: what is accessed.
        coords: the element's coordinates. A variable in them that is not in `ranges` is unknown.
        reads: True if the element is read.
        writes: True if it is written; of an `Accumulate` both hold.
        order: the accesses of one turn of all loops around follow each other in this order.
        path: the statements around it and the last one itself, the outermost first, each with its
            number in its block.
        ranges: the ends of all variables there, and the conditions around.
        home: the loops around the `Allocate` of the memory; None if the caller gives the memory.
    """

    statement: Statement
    buffer: Buffer
    coords: tuple[Index, ...]
    reads: bool
    writes: bool
    order: int
    path: Path
    ranges: Ranges
    home: tuple[For, ...] | None = None

    @functools.cached_property
    def loops(self) -> tuple[For, ...]:
        """The loops around, the outermost first."""
        return loops_of(self.path)

    @property
    def around(self) -> tuple[int, ...]:
        """The identities of the statements around it."""
        return tuple(id(one) for one, _ in self.path[:-1])

    @property
    def memory(self) -> str:
        """The name of its memory."""
        return self.buffer.memory

    @property
    def variables(self) -> frozenset[LoopVariable]:
        """The variables in its coordinates."""
        return frozenset().union(*(coord.variables for coord in self.coords))

    def number_in(self, loop: For) -> int:
        """Return the number of the statement of a loop's body that it is in."""
        depth = next(k for k, (one, _) in enumerate(self.path) if one is loop)
        return self.path[depth + 1][1]

    def is_private(self, loop: For, kind: LoopKind | None = None) -> bool:
        """Return True if each turn of a loop, were it of this kind, has the memory for itself."""
        if self.home is None or all(one is not loop for one in self.home):
            return False
        return (kind or loop.kind) in ONE_FOR_EACH_TURN[self.buffer.scope]

    def __str__(self) -> str:
        return f"{self.buffer}[{', '.join(map(str, self.coords))}]"


def loops_of(path: Path) -> tuple[For, ...]:
    """Return the loops of a path."""
    return tuple(one for one, _ in path if isinstance(one, For))


def accesses(program: LoopProgram, loop: For | None = None) -> list[Access]:
    """Return the accesses of a program, in the order of its text; of one loop, which is found by
    identity, if it is given. A prefetch is none."""
    collector = _Collector(() if loop is None else path_to(program.body, loop))
    collector.visit(program.body, program.ranges, ())
    return collector.found


class _Collector:
    """A walk that notes accesses: those inside of the last statement of a path."""

    def __init__(self, path: Body) -> None:
        self.found: list[Access] = []
        self._path = path
        self._homes: dict[str, tuple[For, ...]] = {}
        self._uses = 0
        self._unknowns = _unknowns("")

    def visit(
        self, body: Body, ranges: Ranges, around: Path, call: Statement | None = None
    ) -> None:
        """Note the accesses of statements; `call` is the statement whose meaning they are."""
        for number, statement in enumerate(body):
            path = (*around, (statement, number))
            is_beside = len(around) < len(self._path) and statement is not self._path[len(around)]
            if is_beside:
                self._uses += _count_of_uses(statement)
                if isinstance(statement, Allocate):
                    self._homes[statement.buffer.memory] = loops_of(around)
            elif isinstance(statement, For):
                inner = ranges.within(statement.variable, *statement.ends)
                self.visit(statement.body, inner, path, call)
            elif isinstance(statement, If):
                inner = ranges.given(facts(statement.conditions))
                self.visit(statement.body, inner, path, call)
                inner = ranges.given(facts_otherwise(statement.conditions))
                self.visit(statement.otherwise, inner, path, call)
            elif isinstance(statement, Allocate):
                self._homes[statement.buffer.memory] = loops_of(around)
            elif isinstance(statement, UseIntrinsic):
                self._uses += 1
                meaning = _numbered_meaning(statement, self._uses)
                self.visit(meaning, ranges, path, call or statement)
            else:
                self._note(statement, ranges, path, call)
            if isinstance(statement, Check):
                ranges = ranges.within(statement.variable, statement.end)

    def _note(
        self,
        statement: Statement,
        ranges: Ranges,
        path: Path,
        call: Statement | None,
    ) -> None:
        def note(element: Load, reads: bool, writes: bool, where: Ranges = ranges) -> None:
            if isinstance(statement, AsyncCopy) and statement.count != 1:
                element = Load(element.buffer, tuple(next(self._unknowns) for _ in element.coords))
            self.found.append(
                Access(
                    call or statement,
                    element.buffer,
                    element.coords,
                    reads,
                    writes,
                    len(self.found),
                    path,
                    where,
                    self._homes.get(element.buffer.memory),
                )
            )

        for load in loads_of(statement):
            note(load, True, False)
        if isinstance(statement, Check) and statement.is_tested and not statement.is_repeated:
            note(Load(STATUS_WORD, ()), False, True)
        if isinstance(statement, Store):
            if statement.guarded:
                note(Load(STATUS_WORD, ()), True, False)
            note(statement.target, False, True, ranges.given(facts(statement.conditions)))
            return
        for target in targets_of(statement):
            both = isinstance(statement, Accumulate | AtomicAdd)
            note(target, both, True)


def _unknowns(prefix: str) -> Iterator[Index]:
    """Yield variables that nothing is known of."""
    return (variable(f"?{prefix}{number}") for number in itertools.count(1))


# ---- intrinsics ---------------------------------------------------------------------------------


@kept
def _count_of_uses(statement: Statement) -> int:
    """Return the number of calls of intrinsics in a statement: a call has the same number whatever
    loop's accesses are collected, so that its meaning is made once."""
    return sum(isinstance(one, UseIntrinsic) for one in walk((statement,)))


@kept
def _numbered_meaning(use: UseIntrinsic, number: int) -> Body:
    """Return the statements that the call of a number stands for."""
    prefix = f"{use.intrinsic.name}.{number}."
    return meaning_of(use, prefix, partial(next, _unknowns(prefix)))


def meaning_of(use: UseIntrinsic, prefix: str, unknown: Callable[[], Index]) -> Body:
    """Return the statements that a call of an intrinsic stands for, as far as their accesses go.

    What they bind and allocate has `prefix` in front of its name. An index is `unknown` if it
    depends on a symbol that is no size at the call.
    """
    return _Meaning(use, prefix, unknown).body


class _Meaning:
    """The change of an intrinsic's body for one call."""

    def __init__(self, use: UseIntrinsic, prefix: str, unknown: Callable[[], Index]):
        self._prefix = prefix
        self._unknown = unknown
        self._windows = dict(zip(use.intrinsic.parameters, use.windows, strict=True))
        self._indices = use.sizes
        self._sizes = {one: size.constant for one, size in use.sizes.items() if size.is_constant}
        self._variables: dict[LoopVariable, IndexLike] = {
            one: variable(prefix + one.name) for one in bound_variables(use.intrinsic.body)
        }
        self._numbers = {
            one: Local(prefix + one.name, one.dtype) for one in use.intrinsic.arguments
        }
        given = zip(self._numbers.values(), use.arguments, strict=True)
        parts = Parts(self._index, self._value, self._element)
        self.body = (
            *(Let(number, value) for number, value in given),
            *self._bound(parts.in_body(use.intrinsic.body)),
        )

    def _index(self, index: Index) -> Index:
        index = index.substitute(self._variables)
        if index.is_constant:
            for symbol, value in self._indices.items():
                if index.constant == Dim((((symbol,), 1),)):
                    return value
        changed = {one for size in sizes_in(index) for one in symbols(size)} & set(self._indices)
        if not changed <= set(self._sizes):
            return self._unknown()
        return with_sizes(index, self._sizes) if changed else index

    def _value(self, value: Value) -> Value:
        if isinstance(value, Argument):
            return self._numbers.get(value, value)
        return self._element(value) if isinstance(value, Load) else value

    def _element(self, element: Load) -> Load:
        window = self._windows.get(element.buffer)
        if window is None:
            return replace(element, buffer=self._allocated(element.buffer))
        return Load(window.buffer, _inside(window, element.coords))

    def _allocated(self, buffer: Buffer) -> Buffer:
        return replace(buffer, name=self._prefix + buffer.name, memory=self._prefix + buffer.memory)

    def _bound(self, body: Body) -> Body:
        return tuple(map(self._bound_in, body))

    def _bound_in(self, statement: Statement) -> Statement:
        statement = with_blocks(statement, tuple(map(self._bound, statement.blocks)))
        if isinstance(statement, For | Check | AtomicAdd):
            name = LoopVariable(self._prefix + statement.variable.name)
            return replace(statement, variable=name)
        if isinstance(statement, Allocate):
            return Allocate(self._allocated(statement.buffer))
        if isinstance(statement, UseIntrinsic):
            return replace(statement, windows=tuple(map(self._window, statement.windows)))
        return statement

    def _window(self, inner: BufferWindow) -> BufferWindow:
        outer = self._windows.get(inner.buffer)
        if outer is None:
            return replace(inner, buffer=self._allocated(inner.buffer))
        axes = tuple(outer.axes[axis] for axis in inner.axes)
        return BufferWindow(outer.buffer, _inside(outer, inner.start), axes)


def _inside(window: BufferWindow, coords: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return the coordinates in the whole buffer of an element of a window."""
    whole = list(window.start)
    for axis, coord in zip(window.axes, coords, strict=True):
        whole[axis] = whole[axis] + coord
    return tuple(whole)


def sizes_in(index: Index) -> Iterator[Size]:
    """Yield the sizes that an index is made of."""
    yield index.constant
    for atom, factor in index.terms:
        yield factor
        if not isinstance(atom, LoopVariable):
            yield atom.divisor
            yield from sizes_in(atom.dividend)


def with_sizes(index: Index, sizes: Mapping[Symbol, Size]) -> Index:
    """Return an index with symbols replaced by sizes."""
    total = as_index(substitute(index.constant, sizes))
    for atom, factor in index.terms:
        if isinstance(atom, LoopVariable):
            part = index_of(atom)
        else:
            dividend, divisor = with_sizes(atom.dividend, sizes), substitute(atom.divisor, sizes)
            part = dividend // divisor if isinstance(atom, Quotient) else dividend % divisor
        total = total + part * substitute(factor, sizes)
    return total
