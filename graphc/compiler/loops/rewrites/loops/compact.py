"""Compaction: the turns of a loop whose test holds are listed, in their order, and run alone.

for k < 8:                            for k_part < 2 (thread):
  g = check 0: x1[k] below m            for k < 4:
  if 0 <= g - 4*i < 4:                    number[] = 0
    s[g - 4*i] = sum(s[...], x0[k])       g = check 0: x1[4*k_part + k] below m
                                          if 0 <= g - 4*i < 4:
                                            number[] = 4*(4*k_part + k) + g - 4*i + 1
                                          numbers[k_part, k] = number[]
                                        ...              count those that are not 0
                                      barrier (shared)
                                      ...                add up the counts
                                      for k_part_2 < 2 (thread):
                                        ...              list them, behind those of parts ahead
                                      barrier (shared)
                                      for k_listed < end:
                                        index selected = k_list[k_listed]
                                        s[selected % 4] = sum(s[...], x0[selected // 4])

The number of a turn says which it is, and the indices that it has checked, as a position: who runs
a listed turn reads one number. Each part has a range of the list, behind those of the parts ahead,
so threads list them at once. Then threads may divide what a turn does, and none of them looks at a
turn whose test does not hold. Where no test is left, all turns are listed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of, position
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    loads_of,
    path_to,
    replaced,
    substituted,
    transformed,
    variables_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.execution.bind import known_turns
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import (
    refuse_if_synchronised,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.rewrites.simplify import without_unused
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    Accumulate,
    Allocate,
    Barrier,
    Check,
    For,
    If,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Condition, Constant, IndexValue, Load, at_least, below

_REWRITE = "compact"
_MOST = 2**31 - 1


def compact(program: LoopProgram, loop: str, parts: int) -> LoopProgram:
    """List the turns of a loop whose tests hold, in shared memory, and run these alone:
    ``<loop>_listed`` is the loop over them, ``<loop>_list`` the list.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop of a known number of turns, with no loop of
            threads around. Its last statement may be a test, without another branch, and so may
            that of what is under the test. What is ahead of the tests, or at the head of what is
            under all of them, names values and checks indices, and reads nothing that the other
            statements write. An index that is checked there and used by these is one of a known
            number of values.
        parts: of the turns, which are that many times as many as those of a part. Threads run the
            loops over them, ``<loop>_part`` and one with a number.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    for one in path_to(program.body, found)[:-1]:
        if isinstance(one, For) and one.kind in PARALLEL_KINDS - {LoopKind.BLOCK}:
            expected = "no loop of threads around, as all of them come to a barrier"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    turns = known_turns(program, _REWRITE, found)
    tested = _tested_of(program, where, found)
    kept = _kept_of(program, where, tested)
    most = turns * prod(each.count for each in kept)
    if most > _MOST:
        expected = f"numbers of turns of at most {_MOST}"
        raise refused(program, _REWRITE, where, expected, str(most))
    if parts < 1 or turns % parts:
        expected = f"a number of parts that divides {turns} turns"
        raise refused(program, _REWRITE, where, expected, str(parts))
    made = _Compaction(Names(program), found, (parts, turns // parts), tested, kept, most)
    return replace(program, body=replaced(program.body, found, made.statements()))


@dataclass(frozen=True)
class _Kept:
    """An index of a turn that is kept.

    Attributes:
        variable: what the turn calls it.
        least: the least that it is where the tests hold.
        count: how many values it may have there.
    """

    variable: LoopVariable
    least: Index
    count: int


@dataclass(frozen=True)
class _Tested:
    """A turn, by its tests.

    Attributes:
        levels: for each test, what is ahead of it in its block, and the test.
        head: the values and indices that are named where all hold.
        body: what is run there.
    """

    levels: tuple[tuple[Body, If], ...]
    head: Body
    body: Body

    @property
    def ahead(self) -> Body:
        """Return what is ahead of what is run."""
        return (*(one for ahead, _ in self.levels for one in ahead), *self.head)

    def with_body(self, body: Body) -> Body:
        """Return a turn that does something else where all tests hold."""
        body = (*self.head, *body)
        for ahead, test in reversed(self.levels):
            body = (*ahead, replace(test, body=body))
        return body


# ---- what is refused ----------------------------------------------------------------------------


def _tested_of(program: LoopProgram, where: str, loop: For) -> _Tested:
    levels: list[tuple[Body, If]] = []
    body = loop.body
    while isinstance(last := body[-1], If) and not last.otherwise:
        if not all(isinstance(one, Let | Check) for one in body[:-1]):
            break
        levels.append((body[:-1], last))
        body = last.body
    head = tuple(itertools.takewhile(lambda one: isinstance(one, Let | Check), body))
    tested = _Tested(tuple(levels), head, body[len(head) :])
    written = written_memories(tested.body)
    for one in tested.ahead:
        if any(load.buffer.memory in written for load in loads_of(one)):
            expected = "that a turn changes nothing that another one tests"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    checks = (one for one in tested.ahead if isinstance(one, Check))
    is_new = any(one.is_tested and not one.is_repeated for one in checks)
    for one in walk(tested.body):
        if isinstance(one, Store) and one.guarded and is_new:
            expected = "no store that waits for the checks of the turns ahead alone"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    return tested


def _kept_of(program: LoopProgram, where: str, tested: _Tested) -> tuple[_Kept, ...]:
    """Return the checked indices that listed turns use."""
    pure = tuple(one for one in tested.ahead if not _is_tested(one))
    used = {
        variable
        for one in walk(without_unused((*pure, *tested.body)))
        for variable in variables_of(one)
    }
    own = {one.variable for one in tested.ahead if isinstance(one, Check)}
    conditions = [each for _, test in tested.levels for each in test.conditions]
    checks = [one for one in tested.ahead if isinstance(one, Check) and one.is_tested]
    return tuple(
        _kept(program, where, one, conditions, own) for one in checks if one.variable in used
    )


def _kept(
    program: LoopProgram,
    where: str,
    check: Check,
    conditions: Sequence[Condition],
    own: set[LoopVariable],
) -> _Kept:
    """Return the values of a checked index: those between bounds that are tested, or all."""
    index = index_of(check.variable)
    bounds: dict[int, list[Index]] = {1: [as_index(0)], -1: [as_index(check.end) - 1]}
    for one in conditions:
        factor = one.index.factor(check.variable)
        if factor not in (1, -1):
            continue
        bound = index - one.index * factor
        if not own.isdisjoint(bound.variables):
            continue
        for side in bounds:
            if one.equal or factor == side:
                bounds[side].append(bound)
    for least in reversed(bounds[1]):
        for last in reversed(bounds[-1]):
            count = last - least + 1
            if count.is_constant and isinstance(count.constant, int) and count.constant > 0:
                return _Kept(check.variable, least, count.constant)
    expected = f"tests that leave {check.variable} a known number of values"
    raise refused(program, _REWRITE, where, expected, f"one below {check.end}")


def _is_tested(statement: Statement) -> bool:
    return isinstance(statement, Check) and statement.is_tested


# ---- the lists ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Compaction:
    """The statements that list turns, and those that run them.

    Attributes:
        names: of the program.
        loop: the loop.
        shape: how many parts there are, and turns of each.
        tested: a turn.
        kept: the indices that are kept of it.
        most: what all numbers of turns are below, less 1.
    """

    names: Names
    loop: For
    shape: tuple[int, int]
    tested: _Tested
    kept: tuple[_Kept, ...]
    most: int

    def statements(self) -> Body:
        """Return the statements in the place of the loop."""
        parts, turns = self.shape
        numbers = self._buffer("numbers", self.shape, BufferScope.REGISTER)
        counts = self._buffer("counts", (parts,), BufferScope.SHARED)
        listed = self._buffer(f"{self.loop.variable}_list", (parts * turns,), BufferScope.SHARED)
        total, *summed = self._summed("total", counts, None)
        end = self._read("end", total, parts * turns + 1)
        return (
            *map(Allocate, (listed, counts, numbers)),
            self._counted(numbers, counts),
            Barrier(),
            *summed,
            self._listed(numbers, counts, listed),
            Barrier(),
            end,
            self._selected(listed, index_of(end.variable)),
        )

    def _counted(self, numbers: Buffer, counts: Buffer) -> For:
        """Return the loop that finds the number of each turn, 0 if it is not to be run, and counts
        the others of each part."""
        part, turn = self._part()
        element = Load(numbers, (index_of(part), index_of(turn)))
        whole = index_of(part) * self.shape[1] + index_of(turn)
        indices = (index_of(one.variable) - one.least for one in self.kept)
        number = position((index_of(self.loop.variable), *indices), self._sizes) + 1
        own = Load(self._buffer("number", (), BufferScope.REGISTER), ())
        body = without_unused(self.tested.with_body((Store(own, IndexValue(number, "int32")),)))
        body = self._again(substituted(body, {self.loop.variable: whole}))
        nothing = Store(own, Constant(0, "int32"))
        body = (Allocate(own.buffer), nothing, *body, Store(element, own))
        finding = For(turn, (as_index(self.shape[1]),), body, note="find the turns to be run")
        count = Load(self._buffer("found", (), BufferScope.REGISTER), ())
        one = Accumulate("sum", (count,), (Constant(1, "int32"),))
        counting = self._over_numbers(numbers, part, lambda _: (one,))
        begin = Store(count, Constant(0, "int32"))
        stored = Store(Load(counts, (index_of(part),)), count)
        return self._over_parts(part, (finding, Allocate(count.buffer), begin, counting, stored))

    def _again(self, body: Body) -> Body:
        """Return statements with new names for the values that listed turns compute again; what is
        checked has its name here alone."""
        copied = self.names.copied(body)
        checked: dict[LoopVariable, LoopVariable] = {}
        for old, new in zip(walk(body), walk(copied), strict=True):
            if isinstance(old, Check) and isinstance(new, Check) and old.is_tested:
                checked[new.variable] = old.variable

        def named(one: Statement) -> Body:
            if isinstance(one, Check) and one.variable in checked:
                return (replace(one, variable=checked[one.variable]),)
            return (one,)

        indices = {new: index_of(old) for new, old in checked.items()}
        return transformed(substituted(copied, indices), named)

    def _listed(self, numbers: Buffer, counts: Buffer, listed: Buffer) -> For:
        """Return the loop that lists the numbers that are not 0, those of each part behind the ones
        of the parts ahead."""
        part, _ = self._part()
        first, *summed = self._summed("first", counts, part)

        def append(number: Index) -> Body:
            place = self._read("place", first, self.shape[0] * self.shape[1])
            last = index_of(place.variable)
            return (
                place,
                Store(Load(listed, (last,)), IndexValue(number - 1, "int32")),
                Store(first, IndexValue(last + 1, "int32")),
            )

        loop = self._over_numbers(numbers, part, append)
        return self._over_parts(part, (*summed, replace(loop, note="list them")))

    def _selected(self, listed: Buffer, end: Index) -> For:
        """Return the loop over the turns that are listed."""
        turn = self.names.variable(f"{self.loop.variable}_listed")
        selected = self._read("selected", Load(listed, (index_of(turn),)), self.most)
        rest, values = index_of(selected.variable), []
        for size in reversed(self._sizes[1:]):
            values.append(rest % size)
            rest = rest // size
        own = {self.loop.variable: rest}
        for one, value in zip(reversed(self.kept), values, strict=True):
            own[one.variable] = one.least.substitute(own) + value
        ahead = tuple(one for one in self.tested.ahead if not _is_tested(one))
        body = substituted(without_unused((*ahead, *self.tested.body)), own)
        return replace(self.loop, variable=turn, ends=(end,), body=(selected, *body))

    # ---- parts ----------------------------------------------------------------------------------

    @property
    def _sizes(self) -> tuple[int, ...]:
        """Return the number of turns, and of values of each index that is kept."""
        return self.shape[0] * self.shape[1], *(one.count for one in self.kept)

    def _part(self) -> tuple[LoopVariable, LoopVariable]:
        """Return variables for a part, and for a turn of it."""
        name = self.loop.variable.name
        return self.names.variable(f"{name}_part"), self.names.variable(name)

    def _over_parts(self, part: LoopVariable, body: Body) -> For:
        return For(part, (as_index(self.shape[0]),), body, LoopKind.THREAD)

    def _over_numbers(
        self, numbers: Buffer, part: LoopVariable, body: Callable[[Index], Body]
    ) -> For:
        """Return a loop that does something for each number of a part that is not 0."""
        turn = self.names.variable(self.loop.variable.name)
        element = Load(numbers, (index_of(part), index_of(turn)))
        number = self._read("number", element, self.most + 1)
        test = If((at_least(index_of(number.variable) - 1),), body(index_of(number.variable)))
        return For(turn, (as_index(self.shape[1]),), (number, test))

    def _summed(
        self, name: str, counts: Buffer, end: LoopVariable | None
    ) -> tuple[Load, Statement, Statement, Statement]:
        """Return a register, and the statements that add up the counts of the parts ahead of one in
        it, or of all."""
        total = Load(self._buffer(name, (), BufferScope.REGISTER), ())
        part = self.names.variable(f"{self.loop.variable}_part")
        body: Body = (Accumulate("sum", (total,), (Load(counts, (index_of(part),)),)),)
        if end is not None:
            body = (If((below(index_of(part), index_of(end)),), body),)
        loop = For(part, (as_index(self.shape[0]),), body)
        return total, Allocate(total.buffer), Store(total, Constant(0, "int32")), loop

    def _buffer(self, name: str, shape: tuple[int, ...], scope: BufferScope) -> Buffer:
        return new_buffer(self.names.new(name), "int32", shape, scope)

    def _read(self, name: str, element: Load, end: int) -> Check:
        """Return the name of a number that a buffer holds, as an index."""
        variable = self.names.variable(name)
        return Check(variable, element, end, 0, as_index(0), is_tested=False)
