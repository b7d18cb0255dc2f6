"""Bucket: the turns that a test of equality selects are listed for each value ahead of the loops.

                                        ...                              a counting sort of turns
for row < m:                            for row < m:
  for k < n:                              index begin = bucket_begin[row]
    g = check 0: x1[k] below m            index end = bucket_end[row]
    if g == row:                          for k_listed < end - begin:
      s[row] = sum(s[row], x0[k])           index turn = turns[begin + k_listed]
                                            s[row] = sum(s[row], x0[turn])

So a turn is looked at once, and not once for each value. The bucket of a value has the turns whose
index it is, in their order; buckets that have one are behind each other in the order of their first
turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    bound_variables,
    loads_of,
    path_to,
    reads_bound,
    replaced,
    substituted,
    transformed,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import (
    ranges_at,
    refuse_if_synchronised,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.rewrites.simplify import without_unused
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    Allocate,
    Check,
    For,
    If,
    Statement,
    Store,
)
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Condition, Constant, IndexValue, Load

_REWRITE = "bucket"


def bucket(program: LoopProgram, loop: str, scope: BufferScope) -> LoopProgram:
    """List the turns of a loop by an index that each loads, and run those alone whose index is the
    value that the test of a turn selects: ``<loop>_listed`` is the loop over these.

    The checks of the loop are made once, ahead of the outermost loop around it, and the indices
    that they leave are kept. Sizes are at least 1, so that no loop around has no turn.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop of one size. Its last statement is a test,
            without another branch, that a checked index is a value of the loops around. What is
            ahead of the test changes nothing that is used outside of the turn, and depends on
            nothing that the loops around bind or write.
        scope: of the lists.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    path = path_to(program.body, found)
    _check_path(program, where, path)
    selection = _selection(program, where, found, path)
    lists = _Lists(Names(program), found, selection.check, _turns_of(program, where, found), scope)
    sorted_turns = lists.sorted_turns()
    _check_hoisted(program, where, path[0], sorted_turns)
    *ends, listed = lists.selected(selection)
    body = replaced(program.body, found, (listed,))
    place = next(number for number, one in enumerate(program.body) if one is path[0])
    if selection.depth == 0:
        body = (*body[:place], *sorted_turns, *ends, *body[place:])
        return replace(program, body=body)
    body = (*body[:place], *sorted_turns, *body[place:])
    binding = path[selection.depth - 1]
    assert isinstance(binding, For)
    return replace(program, body=body).with_loop(
        binding.variable.name, lambda one: (replace(one, body=(*ends, *one.body)),)
    )


# ---- what is refused ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Selection:
    """The test that selects the turns of a loop.

    Attributes:
        check: of the index.
        value: what the index has to be.
        test: the test.
        conditions: those of it that are left.
        depth: the number of statements around, from the outermost on, that bind what is in `value`.
    """

    check: Check
    value: Index
    test: If
    conditions: tuple[Condition, ...]
    depth: int


def _selection(program: LoopProgram, where: str, loop: For, path: Body) -> _Selection:
    expected = "as its last statement a test that a checked index is a value from outside"
    *ahead, test = loop.body
    if not isinstance(test, If) or test.otherwise:
        raise refused(program, _REWRITE, where, expected, head_line(test))
    _check_effects(program, where, ahead, test)
    bound = {loop.variable, *bound_variables(loop.body)}
    checks = {one.variable: one for one in ahead if isinstance(one, Check)}
    for one in (one for one in test.conditions if one.equal):
        for variable, check in checks.items():
            factor = one.index.factor(variable)
            if factor not in (1, -1):
                continue
            value = index_of(variable) - one.index * factor
            if not value.variables.isdisjoint(bound):
                continue
            if not ranges_at(program, loop).is_inside((value,), (check.end,)):
                least = f"a value that is proved to be below {check.end}"
                raise refused(program, _REWRITE, where, least, str(value))
            left = tuple(other for other in test.conditions if other is not one)
            return _Selection(check, value, test, left, _depth_of(value, path))
    raise refused(program, _REWRITE, where, expected, head_line(test))


def _depth_of(value: Index, path: Body) -> int:
    """Return the number of statements around that bind the variables of a value."""
    binding = [
        number
        for number, one in enumerate(path[:-1], 1)
        if isinstance(one, For) and one.variable in value.variables
    ]
    return max(binding, default=0)


def _turns_of(program: LoopProgram, where: str, loop: For) -> Size:
    if len(loop.ends) == 1 and loop.ends[0].is_constant:
        return loop.ends[0].constant
    ends = ", ".join(map(str, loop.ends))
    raise refused(program, _REWRITE, where, "one end, which is a size", ends)


def _check_path(program: LoopProgram, where: str, path: Body) -> None:
    for one in path[:-1]:
        if not isinstance(one, For) or one.kind in PARALLEL_KINDS:
            expected = "serial loops alone around it"
            raise refused(program, _REWRITE, where, expected, head_line(one))
        for end in one.ends:
            if not ranges_at(program, one).is_never_negative(end - 1):
                expected = "loops around it that have a turn"
                raise refused(program, _REWRITE, where, expected, f"{one.variable} < {end}")


def _check_effects(program: LoopProgram, where: str, ahead: Sequence[Statement], test: If) -> None:
    own = {one.buffer.memory for one in walk(tuple(ahead)) if isinstance(one, Allocate)}
    for memory in sorted(written_memories(tuple(ahead)) - own):
        expected = "that what is ahead of its test changes nothing outside of a turn"
        raise refused(program, _REWRITE, where, expected, f"a store to {memory}")
    for one in walk((*ahead, test)):
        if isinstance(one, Check) and one.is_tested and all(one is not each for each in ahead):
            raise refused(program, _REWRITE, where, "checks in each of its turns", head_line(one))


def _check_hoisted(program: LoopProgram, where: str, outermost: Statement, body: Body) -> None:
    """Refuse statements ahead of the outermost loop that need something that it binds or writes."""
    written = written_memories((outermost,))
    for one in walk(body):
        if reads_bound(one, (outermost,)) or any(
            load.buffer.memory in written for load in loads_of(one)
        ):
            expected = "checks that depend on nothing that the loops around bind or write"
            raise refused(program, _REWRITE, where, expected, head_line(one))


# ---- the lists ----------------------------------------------------------------------------------


class _Lists:
    """The statements that sort the turns of a loop by their index, and those that use the lists."""

    def __init__(self, names: Names, loop: For, check: Check, turns: Size, scope: BufferScope):
        self._names = names
        self._loop = loop
        self._check = check
        self._turns = turns
        # Of a table without rows a failed check leaves 0, too.
        values = check.end + 1 if isinstance(check.end, Dim) else max(check.end, 1)

        def array(name: str, size: Size) -> Buffer:
            return new_buffer(names.new(name), "int32", (size,), scope)

        self._bucket_of = array("bucket_of", turns)
        self._begin = array("bucket_begin", values)
        self._end = array("bucket_end", values)
        self._filled = array("filled_buckets", turns)
        self._listed = array("turns", turns)
        self._kept = {
            one: array(f"{one.variable}_of", turns)
            for one in loop.body
            if isinstance(one, Check) and one.is_tested and one is not check
        }
        self._values = values
        own = (self._bucket_of, self._begin, self._end, self._filled, self._listed)
        self._arrays = (*own, *self._kept.values())

    def sorted_turns(self) -> Body:
        """Return the statements that make the lists."""
        count = self._register("filled")
        return (
            *map(Allocate, self._arrays),
            self._emptied(),
            Allocate(count.buffer),
            Store(count, Constant(0, "int32")),
            self._counted(count),
            *self._placed(count),
            self._filled_in(),
        )

    def selected(self, selection: _Selection) -> Body:
        """Return the checks of where the bucket of a value begins and ends, and the loop over its
        turns."""
        begin = self._read("begin", self._begin, selection.value, self._turns + 1)
        end = self._read("end", self._end, selection.value, self._turns + 1)
        listed = self._names.variable(f"{self._loop.variable}_listed")
        place = index_of(begin.variable) + index_of(listed)
        turn = self._read("turn", self._listed, place, self._turns)

        def made(one: Statement) -> Body:
            """Return the statement of a turn; of a check that has been made what it has left."""
            if one is selection.check:
                return ()
            if not isinstance(one, Check) or one not in self._kept:
                return (one,)
            left = Load(self._kept[one], (index_of(turn.variable),))
            return (replace(one, value=left, is_tested=False),)

        *ahead, _ = self._loop.body
        inside = (
            (If(selection.conditions, selection.test.body),)
            if selection.conditions
            else selection.test.body
        )
        body = substituted(
            (*transformed(tuple(ahead), made), *inside),
            {
                selection.check.variable: selection.value,
                self._loop.variable: index_of(turn.variable),
            },
        )
        ends = (index_of(end.variable) - index_of(begin.variable),)
        return begin, end, replace(self._loop, variable=listed, ends=ends, body=(turn, *body))

    def _emptied(self) -> For:
        value = self._names.variable("bucket")
        zero = Constant(0, "int32")
        at = (index_of(value),)
        stores = (Store(Load(self._begin, at), zero), Store(Load(self._end, at), zero))
        return For(value, (as_index(self._values),), stores, note="no bucket has a turn yet")

    def _counted(self, count: Load) -> For:
        """Return the loop that finds the bucket of each turn, and counts the turns of each."""
        *ahead, _ = self._loop.body
        turn = index_of(self._loop.variable)
        kept = [
            self._store(array, turn, index_of(one.variable)) for one, array in self._kept.items()
        ]
        found = self._store(self._bucket_of, turn, index_of(self._check.variable))
        note = "count the turns of each bucket"
        loop = replace(self._loop, body=without_unused((*ahead, *kept, found)), note=note)
        (copied,) = self._names.copied((loop,))
        assert isinstance(copied, For)
        last = copied.body[-1]
        assert isinstance(last, Store)
        assert isinstance(last.value, IndexValue)
        index = last.value.index
        size = self._read("size", self._end, index, self._turns + 1)
        number = self._read_one("number", count, self._turns)
        first = If(
            (Condition(index_of(size.variable), equal=True),),
            (
                number,
                self._store(self._filled, index_of(number.variable), index),
                Store(count, IndexValue(index_of(number.variable) + 1, "int32")),
            ),
        )
        larger = self._store(self._end, index, index_of(size.variable) + 1)
        return replace(copied, body=(*copied.body, size, larger, first))

    def _placed(self, count: Load) -> Body:
        """Return the statements that say where each bucket begins."""
        taken = self._register("listed")
        total = self._read_one("buckets", count, self._turns + 1)
        number = self._names.variable("number")
        value = self._read("filled_bucket", self._filled, index_of(number), self._check.end)
        index = index_of(value.variable)
        begin = self._read_one("start", taken, self._turns + 1)
        size = self._read("turns_in_it", self._end, index, self._turns + 1)
        start = index_of(begin.variable)
        body = (
            value,
            begin,
            size,
            self._store(self._begin, index, start),
            self._store(self._end, index, start),
            Store(taken, IndexValue(start + index_of(size.variable), "int32")),
        )
        ends = (index_of(total.variable),)
        return (
            total,
            Allocate(taken.buffer),
            Store(taken, Constant(0, "int32")),
            For(number, ends, body, note="let each bucket begin where the one before ends"),
        )

    def _filled_in(self) -> For:
        """Return the loop that lists the turns."""
        turn = self._names.variable(self._loop.variable.name)
        value = self._read("own_bucket", self._bucket_of, index_of(turn), self._check.end)
        index = index_of(value.variable)
        end = self._read("next_place", self._end, index, self._turns)
        last = index_of(end.variable)
        body = (
            value,
            end,
            self._store(self._listed, last, index_of(turn)),
            self._store(self._end, index, last + 1),
        )
        return For(turn, (as_index(self._turns),), body, note="list the turns of each bucket")

    # ---- parts ----------------------------------------------------------------------------------

    def _register(self, name: str) -> Load:
        return Load(new_buffer(self._names.new(name), "int32", (), BufferScope.REGISTER), ())

    def _read(self, name: str, buffer: Buffer, at: Index, end: Size) -> Check:
        return self._read_one(name, Load(buffer, (at,)), end)

    def _read_one(self, name: str, element: Load, end: Size) -> Check:
        """Return the name of a number that a list holds, as an index."""
        variable = self._names.variable(name)
        return Check(variable, element, end, 0, as_index(0), is_tested=False)

    def _store(self, buffer: Buffer, at: Index, value: Index) -> Store:
        return Store(Load(buffer, (at,)), IndexValue(value, "int32"))
