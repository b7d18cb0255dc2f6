"""Statements as functions of a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from graphc.compiler.graph.dim import Symbol
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.evaluate.agents import Agent, Clock
from graphc.compiler.loops.evaluate.copies import begin_copies, wait_for_copies
from graphc.compiler.loops.evaluate.expressions import BlockExpressions, Number
from graphc.compiler.loops.evaluate.fault import Fault
from graphc.compiler.loops.evaluate.frame import AGENT, MemoryName, Slots
from graphc.compiler.loops.evaluate.intrinsics import check_windows, inside_of
from graphc.compiler.loops.evaluate.memory import AccessLog, CheckedMemory, unset_memory
from graphc.compiler.loops.evaluate.reductions import combination
from graphc.compiler.loops.evaluate.turns import Action, Lanes, Pause, Together, Turns
from graphc.compiler.loops.program import Body, walk, written_memories
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    PARALLEL_NESTS,
    Accumulate,
    Allocate,
    AsyncCopy,
    AtomicAdd,
    Barrier,
    Check,
    Fence,
    For,
    If,
    Let,
    LoopKind,
    Prefetch,
    Statement,
    Store,
    UseIntrinsic,
    Wait,
)
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Load
from graphc.errors import EvaluationError

Plain: TypeAlias = Callable[[Slots], None]


@dataclass(frozen=True)
class FailedCheck:
    """The status word: the check that has failed, and where; of several the smallest one.

    Attributes:
        number: which check of the program it is.
        position: the position that it reports.
    """

    number: int
    position: int


@dataclass
class Evaluation:
    """The state that the statements of one evaluation share.

    Attributes:
        program: its name, for messages.
        clock: the time.
        status: the status word.
    """

    program: str
    clock: Clock
    status: FailedCheck | None = None

    def error(
        self, statement: Statement, at: BlockExpressions, frame: Slots | None, fault: Fault
    ) -> EvaluationError:
        """Return the error for what is wrong at a statement; without a frame it never ran."""
        known = {str(symbol): size for symbol, size in at.sizes.items()}
        if frame is not None:
            known |= {name: frame[slot] for name, slot in at.names.variables.items()}
        values = [f"{name} = {value}" for name, value in known.items() if value is not None]
        where = f" where {', '.join(values)}" if values else ""
        line = head_line(statement)
        return EvaluationError(f"{self.program}: at `{line}`{where}: {fault}")


@dataclass(frozen=True)
class _Prepared:
    statement: Statement
    action: Action


@dataclass(frozen=True)
class BlockStatements:
    """A maker of functions of the statements of a block.

    Attributes:
        evaluation: what they share.
        at: what makes functions of their expressions.
        kinds: of the parallel loops around.
        written: the memories that the program, or the intrinsic, stores to.
    """

    evaluation: Evaluation
    at: BlockExpressions
    kinds: tuple[LoopKind, ...] = ()
    written: frozenset[str] = field(default_factory=frozenset)

    # ---- blocks ---------------------------------------------------------------------------------

    def pauses(self, body: Body) -> bool:
        """Return True if running statements may stop, at a barrier that agents around come to."""
        return self._has_threads and _has_barrier(body)

    @property
    def _has_threads(self) -> bool:
        return any(kind is not LoopKind.BLOCK for kind in self.kinds)

    def body(self, body: Body) -> Action:
        """Return statements as a function."""
        at = self.at
        prepared = [_Prepared(statement, self._prepare(statement)) for statement in body]
        error = self.evaluation.error

        def run(frame: Slots) -> None:
            for one in prepared:
                try:
                    one.action(frame)
                except Fault as fault:
                    raise error(one.statement, at, frame, fault) from None

        def run_with_pauses(frame: Slots) -> Iterator[Pause]:
            for one in prepared:
                try:
                    pauses = one.action(frame)
                    if pauses is not None:
                        yield from pauses
                except Fault as fault:
                    raise error(one.statement, at, frame, fault) from None

        return run_with_pauses if self.pauses(body) else run

    def _prepare(self, statement: Statement) -> Action:
        try:
            return self._action(statement)
        except Fault as fault:
            raise self.evaluation.error(statement, self.at, None, fault) from None

    def _block(self) -> BlockStatements:
        return replace(self, at=self.at.block())

    def _action(self, statement: Statement) -> Action:
        if isinstance(statement, For):
            return self._loop(statement)
        if isinstance(statement, If):
            return self._if(statement)
        if isinstance(statement, Let):
            return self._let(statement)
        if isinstance(statement, Check):
            return self._check(statement)
        if isinstance(statement, Store):
            return self._store(statement)
        if isinstance(statement, Accumulate):
            return self._accumulate(statement)
        if isinstance(statement, Allocate):
            return self._allocate(statement)
        if isinstance(statement, Barrier):
            return self._barrier(statement)
        if isinstance(statement, Fence):
            return lambda frame: frame[AGENT].release()
        if isinstance(statement, AtomicAdd):
            return self._atomic_add(statement)
        if isinstance(statement, AsyncCopy):
            return self._async_copy(statement)
        if isinstance(statement, Wait):
            pending = statement.pending
            return lambda frame: wait_for_copies(frame[AGENT], pending)
        if isinstance(statement, Prefetch):
            self.at.element(statement.element)
            return lambda frame: None
        return self._use(statement)

    # ---- loops ----------------------------------------------------------------------------------

    def _loop(self, loop: For) -> Action:
        if loop.kind is LoopKind.VECTOR:
            return self._vector_loop(loop)
        if loop.kind in PARALLEL_KINDS:
            return self._parallel_loop(loop)
        trips, inner = self._trips(loop), self._block()
        slot = inner.at.names.bind(loop.variable)
        body = inner.body(loop.body)
        if not self.pauses(loop.body):

            def run(frame: Slots) -> None:
                for turn in range(trips(frame)):
                    frame[slot] = turn
                    body(frame)

            return run

        def run_with_pauses(frame: Slots) -> Iterator[Pause]:
            for turn in range(trips(frame)):
                frame[slot] = turn
                yield from _pauses_of(body, frame)

        return run_with_pauses

    def _trips(self, loop: For) -> Number:
        """Return the number of a loop's turns as a function."""
        ends = [self.at.index(end) for end in loop.ends]
        if len(ends) == 1:
            return ends[0]
        return lambda frame: min(end(frame) for end in ends)

    def _parallel_loop(self, loop: For) -> Action:
        kind, trips = loop.kind, self._trips(loop)
        for around in self.kinds:
            if around not in PARALLEL_NESTS[kind]:
                raise Fault(f"a loop of kind {kind.value} is inside of one of {around.value}")
        inner = replace(self, at=self.at.block(parallel=True), kinds=(*self.kinds, kind))
        slot = inner.at.names.bind(loop.variable)
        body = inner.body(loop.body)
        turns = Turns(
            slot,
            kind,
            trips,
            (_thread_depth(loop.body),),
            self._has_threads,
            body,
            self.evaluation.clock,
        )
        if not inner.pauses(loop.body):
            return turns.run
        return turns.run_to_barriers if turns.is_nested else _exhausted(turns.run_to_barriers)

    # ---- vector loops ---------------------------------------------------------------------------

    def _vector_loop(self, loop: For) -> Plain:
        run = self._vector_loop_of_lanes(loop)
        return lambda frame: run([frame])

    def _vector_loop_of_lanes(self, loop: For) -> Together:
        """Return a vector loop as a function of the frames around."""
        trips = self._trips(loop)
        inner = replace(self, at=self.at.block(parallel=True), kinds=(*self.kinds, LoopKind.VECTOR))
        lanes = Lanes(inner.at.names.bind(loop.variable), trips, inner._together(loop.body))
        return lanes.run

    def _together(self, body: Body) -> Together:
        """Return statements as a function of the frames of lanes: each statement runs in all lanes
        before the next one."""
        actions = [self._statement_of_lanes(statement) for statement in body]

        def run(frames: Sequence[Slots]) -> None:
            for action in actions:
                action(frames)

        return run

    def _statement_of_lanes(self, statement: Statement) -> Together:
        if isinstance(statement, If):
            return self._if_of_lanes(statement)
        if isinstance(statement, For) and statement.kind is LoopKind.VECTOR:
            return self._vector_loop_of_lanes(statement)
        if isinstance(statement, For) and statement.kind not in PARALLEL_KINDS:
            return self._loop_of_lanes(statement)
        action, at, error = self._prepare(statement), self.at, self.evaluation.error

        def run(frames: Sequence[Slots]) -> None:
            for frame in frames:
                try:
                    action(frame)
                except Fault as fault:
                    raise error(statement, at, frame, fault) from None

        return run

    def _loop_of_lanes(self, loop: For) -> Together:
        trips, inner = self._trips(loop), self._block()
        slot = inner.at.names.bind(loop.variable)
        body = inner._together(loop.body)

        def run(frames: Sequence[Slots]) -> None:
            turns = [trips(frame) for frame in frames]
            for turn in range(max(turns, default=0)):
                active = [frame for frame, end in zip(frames, turns, strict=True) if turn < end]
                for frame in active:
                    frame[slot] = turn
                body(active)

        return run

    def _if_of_lanes(self, statement: If) -> Together:
        test = self.at.conditions(statement.conditions)
        then = self._block()._together(statement.body)
        otherwise = self._block()._together(statement.otherwise)

        def run(frames: Sequence[Slots]) -> None:
            tests = [test(frame) for frame in frames]
            then([frame for frame, holds in zip(frames, tests, strict=True) if holds])
            otherwise([frame for frame, holds in zip(frames, tests, strict=True) if not holds])

        return run

    # ---- conditions -----------------------------------------------------------------------------

    def _if(self, statement: If) -> Action:
        test = self.at.conditions(statement.conditions)
        then = self._block().body(statement.body)
        otherwise = self._block().body(statement.otherwise)

        def run(frame: Slots) -> None:
            (then if test(frame) else otherwise)(frame)

        def run_with_pauses(frame: Slots) -> Iterator[Pause]:
            yield from _pauses_of(then if test(frame) else otherwise, frame)

        pauses = self.pauses(statement.body) or self.pauses(statement.otherwise)
        return run_with_pauses if pauses else run

    # ---- values ---------------------------------------------------------------------------------

    def _let(self, statement: Let) -> Plain:
        value = self.at.value(statement.value, statement.local.dtype)
        slot = self.at.names.bind(statement.local)

        def run(frame: Slots) -> None:
            frame[slot] = value(frame)

        return run

    def _check(self, statement: Check) -> Plain:
        dtype = statement.value.dtype
        if np.dtype(dtype).kind not in "iu":
            raise Fault(f"the value {statement.value} is of {dtype}, expected an integer")
        value = self.at.value(statement.value, dtype)
        position = self.at.index(statement.position)
        end, number = self.at.size(statement.end), statement.number
        slot = self.at.names.bind(statement.variable)
        evaluation, is_tested = self.evaluation, statement.is_tested
        is_repeated = statement.is_repeated

        def run(frame: Slots) -> None:
            found = int(value(frame))
            frame[slot] = max(min(found, end - 1), 0)
            if not 0 <= found < end:
                if not is_tested:
                    raise Fault(f"the value is {found}, expected an index below {end}")
                if is_repeated and evaluation.status is None:
                    raise Fault(f"the value is {found}, and no earlier launch has said so")
                failed = FailedCheck(number, position(frame))
                known = evaluation.status
                if known is None or (number, failed.position) < (known.number, known.position):
                    evaluation.status = failed

        return run

    def _store(self, statement: Store) -> Plain:
        test = self.at.conditions(statement.conditions) if statement.conditions else None
        value = self.at.value(statement.value, statement.target.dtype)
        write, evaluation = self.at.target(statement.target).writing(), self.evaluation
        guarded = statement.guarded

        def run(frame: Slots) -> None:
            if guarded and evaluation.status is not None:
                return
            if test is None or test(frame):
                write(frame, value(frame))

        return run

    def _accumulate(self, statement: Accumulate) -> Plain:
        reduction = REDUCTIONS.get(statement.reduction)
        if reduction is None:
            raise Fault(f"there is no reduction {statement.reduction}")
        count = len(reduction.names)
        if (len(statement.targets), len(statement.values)) != (count, count):
            raise Fault(f"{statement.reduction} has {count} targets, and a value for each")
        targets = [self.at.target(target) for target in statement.targets]
        values = [
            self.at.value(value, target.dtype)
            for value, target in zip(statement.values, statement.targets, strict=True)
        ]
        combined = combination(statement.reduction)
        reads = [target.reading() for target in targets]
        writes = [target.writing() for target in targets]

        def run(frame: Slots) -> None:
            new = tuple([value(frame) for value in values])
            carried = tuple([read(frame) for read in reads])
            for write, one in zip(writes, combined(carried, new), strict=True):
                write(frame, one)

        if count > 1:
            return run
        (read,), (only,), (write,) = reads, values, writes

        def run_of_one(frame: Slots) -> None:
            new = only(frame)
            write(frame, combined((read(frame),), (new,))[0])

        return run_of_one

    # ---- memories -------------------------------------------------------------------------------

    def _allocate(self, statement: Allocate) -> Plain:
        buffer = statement.buffer
        if buffer.memory != buffer.name:
            raise Fault(f"{buffer} is a view of {buffer.memory}, which is what is allocated")
        size = self.at.end(buffer)
        key = buffer.name
        is_shared = buffer.scope in (BufferScope.SHARED, BufferScope.GLOBAL)
        name = MemoryName(
            self.at.names.new_slot(),
            buffer.dtype,
            True,
            buffer.name in self.written,
            self.at.parallel_depth,
            is_shared and self.at.parallel_depth > 0,
        )
        self.at.names.bind_memory(buffer.name, name)

        def new_memory() -> CheckedMemory:
            log = AccessLog(buffer.scope) if name.is_logged else None
            return unset_memory(size, buffer.dtype, log)

        def run(frame: Slots) -> None:
            frame[name.slot] = new_memory()

        def run_shared(frame: Slots) -> None:
            agent: Agent = frame[AGENT]
            owner = agent.sharing
            if buffer.scope is BufferScope.GLOBAL:
                owner = agent.lineage[0]
            times = agent.allocated.get(key, 0) + 1
            agent.allocated[key] = times
            newest, memory = owner.shared.get(key, (0, None))
            if times > newest:
                if memory is not None:
                    memory.free(agent)
                memory = new_memory()
                owner.shared[key] = times, memory
            frame[name.slot] = memory

        return run_shared if is_shared else run

    def _atomic_add(self, statement: AtomicAdd) -> Plain:
        if statement.target.dtype != "int32":
            raise Fault(f"{statement.target} is of {statement.target.dtype}, expected int32")
        target = self.at.target(statement.target)
        slot = self.at.names.bind(statement.variable)

        def run(frame: Slots) -> None:
            try:
                memory = frame[target.memory]
                frame[slot] = memory.add_one(target.place(frame), frame[AGENT])
            except Fault as fault:
                raise target.fault(fault, frame) from None

        return run

    def _barrier(self, statement: Barrier) -> Action:
        if statement.scope not in (BufferScope.SHARED, BufferScope.GLOBAL):
            raise Fault("agents of a block or a team wait for each other, or all blocks")
        if statement.scope is BufferScope.GLOBAL and self.kinds:
            raise Fault("all blocks have ended at a barrier of them, and one of them comes to it")
        if LoopKind.VECTOR in self.kinds:
            raise Fault("the turns of a vector loop are one agent's, which cannot wait for itself")
        if not self._has_threads:
            return lambda frame: frame[AGENT].synchronise()

        def run_with_pauses(frame: Slots) -> Iterator[Pause]:
            yield statement

        return run_with_pauses

    def _async_copy(self, statement: AsyncCopy) -> Plain:
        count, target, source = statement.count, statement.target, statement.source
        if target.dtype != source.dtype:
            raise Fault(f"{source} is of {source.dtype}, {target} of {target.dtype}")
        targets = self.at.target(target), self.at.target(_moved(target, count - 1))
        sources = self.at.element(source), self.at.element(_moved(source, count - 1))
        return lambda frame: begin_copies(targets, sources, count, frame)

    def _use(self, statement: UseIntrinsic) -> Action:
        check_windows(self.at, statement)
        sizes = {symbol: self.at.index(size) for symbol, size in statement.sizes.items()}
        prepared: dict[tuple[int, ...], Action] = {}

        def run(frame: Slots) -> Iterator[Pause] | None:
            numbers = tuple(size(frame) for size in sizes.values())
            if numbers not in prepared:
                bound = dict(zip(sizes, numbers, strict=True))
                prepared[numbers] = self._intrinsic(statement, bound)
            return prepared[numbers](frame)

        return run

    def _intrinsic(self, statement: UseIntrinsic, sizes: dict[Symbol, int]) -> Action:
        at, enter = inside_of(self.at, statement, sizes)
        written = written_memories(statement.intrinsic.body)
        body = replace(self, at=at, written=written).body(statement.intrinsic.body)
        return lambda frame: body(enter(frame))


def _exhausted(run: Callable[[Slots], Iterator[Pause]]) -> Plain:
    """Return a coroutine that nothing outside of it has to wait for as a function."""

    def plain(frame: Slots) -> None:
        for _ in run(frame):
            pass

    return plain


def _pauses_of(body: Action, frame: Slots) -> Iterator[Pause]:
    pauses = body(frame)
    if pauses is not None:
        yield from pauses


def _has_barrier(body: Body) -> bool:
    return any(
        isinstance(statement, Barrier)
        or (isinstance(statement, UseIntrinsic) and _has_barrier(statement.intrinsic.body))
        for statement in walk(body)
    )


def _thread_depth(body: Body) -> int:
    """Return how deep loops over agents are nested inside of a body."""
    depth = 0
    for statement in body:
        inside = max(map(_thread_depth, statement.blocks), default=0)
        if isinstance(statement, For) and statement.kind in PARALLEL_KINDS:
            inside += statement.kind is not LoopKind.VECTOR
        elif isinstance(statement, UseIntrinsic):
            inside += statement.intrinsic.lanes > 1
        depth = max(depth, inside)
    return depth


def _moved(load: Load, by: int) -> Load:
    """Return the element that is `by` further along the last axis."""
    if by == 0:
        return load
    if not load.coords:
        raise Fault(f"{load.buffer} has one element")
    return Load(load.buffer, (*load.coords[:-1], load.coords[-1] + by))
