"""Pack: elements that the turns of a loop access side by side are moved at once.

for lane < 4:                              allocate x0_pack: float32[4] in register
  y[4*i + lane] = exp(x0[4*i + lane])      for lane1 < 4 (vector):
                                             x0_pack[lane1] = x0[4*i + lane1]
                                           allocate y_pack: float32[4] in register
                                           for lane < 4 (unrolled):
                                             y_pack[lane] = exp(x0_pack[lane])
                                           for lane2 < 4 (vector):
                                             y[4*i + lane2] = y_pack[lane2]

The random words of neighbours, which are one block of a draw, are drawn at once, too. What is the
same in all turns is computed ahead of the loop. Where a turn does nothing but to copy an element,
no loop is left between the moves; between memory and registers one move is all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.dependence import Verdict, is_parallel
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    bound_variables,
    loads_of,
    replaced,
    substituted,
    targets_of,
    transformed,
    values_of,
    variables_of,
    walk,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.elements import loads_under_tests
from graphc.compiler.loops.rewrites.execution.bind import known_turns
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import (
    loop_of,
    ranges_at,
    refuse_if_synchronised,
    refused,
)
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    For,
    If,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Condition, Load, Local, RandomWord, Value

_REWRITE = "pack"


def pack(program: LoopProgram, loop: str) -> LoopProgram:
    """Move at once, to or from registers ``<buffer>_pack``, what all turns of a loop access side by
    side, from a multiple of their number on. The loop is written out.

    Packed are loads that each turn makes, and stores that each turn makes once, of a memory that is
    not accessed otherwise in between. All that a turn does may be under one test, as a remainder
    is; then the first turn is proved to pass it.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop of a known number of turns, which have no
            order, but for that in which they add to registers: it stays.
    """
    found = loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    if found.kind not in (LoopKind.SERIAL, LoopKind.UNROLLED):
        expected = "a serial or unrolled loop"
        raise refused(program, _REWRITE, where, expected, f"one of kind {found.kind.value}")
    turns = known_turns(program, _REWRITE, found)
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    verdict = _is_in_any_order(program, found)
    if not verdict:
        raise refused(program, _REWRITE, where, "turns that have no order", verdict.reason)
    ranges = ranges_at(program, found)
    body: Body = found.body
    tests: tuple[Condition, ...] = ()
    if len(body) == 1 and isinstance(body[0], If) and not body[0].otherwise:
        tests, body = body[0].conditions, body[0].body
        first = [one.index.substitute({found.variable: as_index(0)}) for one in tests]
        if any(one.equal for one in tests) or not all(map(ranges.is_never_negative, first)):
            expected = "a test that the first turn passes"
            raise refused(program, _REWRITE, where, expected, " and ".join(map(str, tests)))
    same, body = _divided(found.variable, body)
    packing = _Packing(found, turns, body, tests, ranges, Names(program))
    packed = packing.copied() or packing.packed()
    if packed is None:
        raise refused(program, _REWRITE, where, "elements side by side, from a multiple on", "none")
    return program.with_loop(loop, lambda _: (*same, *packed))


def _is_in_any_order(program: LoopProgram, loop: For) -> Verdict:
    """Return yes if memory is the same in whichever order the turns of a loop access it."""

    def in_memory(one: Statement) -> Body:
        is_of_registers = isinstance(one, Accumulate) and all(
            target.buffer.scope is BufferScope.REGISTER for target in one.targets
        )
        return () if is_of_registers else (one,)

    moved = replace(loop, body=transformed(loop.body, in_memory))
    return is_parallel(replace(program, body=replaced(program.body, loop, (moved,))), moved)


def _divided(variable: LoopVariable, body: Body) -> tuple[Body, Body]:
    """Return the statements that name the same value in each turn, and the others."""
    changed = written_memories(body)
    differing: set[object] = {variable, *bound_variables(body)}
    differing |= {one.local for one in walk(body) if isinstance(one, Let)}
    differing |= {one.buffer.memory for one in walk(body) if isinstance(one, Allocate)}
    same: list[Statement] = []
    others: list[Statement] = []
    for one in body:
        parts = {part for value in values_of(one) for part in walk_value(value)}
        memories = {load.buffer.memory for load in loads_of(one)}
        is_same = (
            differing.isdisjoint(variables_of(one))
            and differing.isdisjoint(parts)
            and differing.isdisjoint(memories)
            and changed.isdisjoint(memories)
        )
        if isinstance(one, Let | Check) and is_same:
            same.append(one)
            differing.discard(one.local if isinstance(one, Let) else one.variable)
        else:
            others.append(one)
    return tuple(same), tuple(others)


@dataclass(frozen=True)
class _Packing:
    """The change of one loop.

    Attributes:
        loop: the loop.
        turns: their number.
        body: what a turn does where it passes the tests.
        tests: see above.
        ranges: those around the loop.
        names: of the program.
    """

    loop: For
    turns: int
    body: Body
    tests: tuple[Condition, ...]
    ranges: Ranges
    names: Names

    def copied(self) -> Body | None:
        """Return what copies elements at once, if a turn does nothing but to copy one; None if it
        does more."""
        (store, *others) = self.body
        if others or not isinstance(store, Store) or not isinstance(store.value, Load):
            return None
        source, target = store.value, store.target
        scopes = [one.buffer.scope for one in (source, target)]
        kept = [scope is BufferScope.REGISTER for scope in scopes]
        is_move = not all(kept) and source.buffer.memory != target.buffer.memory
        if store.conditions or not is_move or BufferScope.THREAD in scopes:
            return None
        if not all(self._is_aligned(one.buffer.place(one.coords)) for one in (source, target)):
            return None
        if any(kept):
            return None if self.tests else (replace(self.loop, kind=LoopKind.VECTOR),)
        registers = self._registers(source.buffer)
        lane = Load(registers, (index_of(self.loop.variable),))
        ahead = self._moved(registers, Store(lane, source, self.tests))
        _, behind = self._moved(registers, Store(target, lane, self.tests, store.guarded))
        return (*ahead, behind)

    def packed(self) -> Body | None:
        """Return the statements in the place of the loop; None if nothing is packed."""
        lane = index_of(self.loop.variable)
        loads = {one: self._registers(one.buffer) for one in dict.fromkeys(self._loads())}
        stores = {id(one): self._registers(one.target.buffer) for one in self._stores()}
        words = {one.local: self._words(one) for one in self._draws()}
        if not loads and not stores and not words:
            return None

        def value(one: Value) -> Value:
            return Load(loads[one], (lane,)) if isinstance(one, Load) and one in loads else one

        result: list[Statement] = []
        for load, registers in loads.items():
            result += self._moved(registers, Store(Load(registers, (lane,)), load, self.tests))
        body: list[Statement] = []
        behind: list[Statement] = []
        for one in self.body:
            (changed,) = Parts(value=value).in_body((one,))
            if isinstance(one, Let) and one.local in words:
                registers = words[one.local]
                result += self._moved(registers, Store(Load(registers, (lane,)), one.value))
                changed = replace(one, value=Load(registers, (lane,)))
            elif id(one) in stores:
                assert isinstance(one, Store)
                assert isinstance(changed, Store)
                registers = stores[id(one)]
                in_register = Load(registers, (lane,))
                result.append(Allocate(registers))
                copy = Store(one.target, in_register, self.tests, one.guarded)
                behind += self._moved(registers, copy)[1:]
                changed = Store(in_register, changed.value)
            body.append(changed)
        inside = (If(self.tests, tuple(body)),) if self.tests else tuple(body)
        return (*result, replace(self.loop, body=inside, kind=LoopKind.UNROLLED), *behind)

    def _registers(self, buffer: Buffer) -> Buffer:
        name = self.names.new(f"{buffer.memory}_pack")
        return new_buffer(name, buffer.dtype, (self.turns,), BufferScope.REGISTER)

    def _words(self, let: Let) -> Buffer:
        name = self.names.new("words")
        return new_buffer(name, let.local.dtype, (self.turns,), BufferScope.REGISTER)

    def _moved(self, registers: Buffer, store: Store) -> Body:
        """Return the allocation of registers, and a store in a vector loop of its own."""
        variable = self.names.variable(self.loop.variable.name)
        body = substituted((store,), {self.loop.variable: index_of(variable)})
        return Allocate(registers), For(variable, self.loop.ends, body, LoopKind.VECTOR)

    # ---- what is packed -------------------------------------------------------------------------

    def _loads(self) -> Iterator[Load]:
        """Yield the elements that each turn reads, of memories that it writes later at most."""
        for one in self.body:
            for value in values_of(one):
                for load, _, is_tested in loads_under_tests(value):
                    if not is_tested and self._is_packed(load) and self._is_read_first(load.buffer):
                        yield load

    def _stores(self) -> Iterator[Store]:
        """Yield the stores that each turn makes and that nothing behind it in the turn reads."""
        written = Counter(
            target.buffer.memory for one in walk(self.body) for target in targets_of(one)
        )
        checks = any(isinstance(one, Check) for one in walk(self.body))
        for one in self.body:
            if (
                isinstance(one, Store)
                and not one.conditions
                and not (one.guarded and checks)
                and written[one.target.buffer.memory] == 1
                and self._is_packed(one.target)
                and self._is_read_first(one.target.buffer)
            ):
                yield one

    def _draws(self) -> Iterator[Let]:
        """Yield the names of random words of which the turns have one block."""
        own = {one.local for one in walk(self.body) if isinstance(one, Let)}
        for one in self.body:
            if not isinstance(one, Let) or not isinstance(one.value, RandomWord):
                continue
            word = one.value
            parts = [
                part
                for value in (word.shift, word.step, word.call, word.seed, word.stream)
                for part in walk_value(value)
            ]
            is_same = not any(
                isinstance(part, Local) and part in own for part in parts
            ) and not any(isinstance(part, Load) for part in parts)
            if is_same and self._is_aligned(word.element) and self._parts_are_same(word):
                yield one

    def _parts_are_same(self, word: RandomWord) -> bool:
        without_element = replace(word, element=as_index(0))
        let = Let(Local("", word.dtype), without_element)
        return self.loop.variable not in variables_of(let)

    def _is_packed(self, element: Load) -> bool:
        buffer = element.buffer
        is_memory = buffer.scope in (BufferScope.GLOBAL, BufferScope.SHARED)
        return is_memory and self._is_aligned(buffer.place(element.coords))

    def _is_aligned(self, place: Index) -> bool:
        variable = self.loop.variable
        inside = self.ranges.within(variable, *self.loop.ends)
        if not inside.is_contiguous(place, variable):
            return False
        first = self.ranges.simplified(place).substitute({variable: as_index(0)})
        own = set(bound_variables(self.body))
        return own.isdisjoint(first.variables) and self.ranges.divides(self.turns, first)

    def _is_read_first(self, buffer: Buffer) -> bool:
        """Return True if a turn reads nothing of a memory from the first statement on that writes
        it, but for that statement itself."""
        is_written = False
        for one in self.body:
            reads = {load.buffer.memory for x in walk((one,)) for load in loads_of(x)}
            if is_written and buffer.memory in reads:
                return False
            if buffer.memory in written_memories((one,)):
                if not isinstance(one, Store):
                    return False
                is_written = True
        return True
