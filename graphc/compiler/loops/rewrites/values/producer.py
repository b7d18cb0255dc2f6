"""Producers: the statements that store a buffer, as what an element of it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import Index, LoopVariable, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    most_known_turns,
    path_to,
    targets_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    Accumulate,
    Allocate,
    Check,
    For,
    Let,
    Statement,
    Store,
)


@dataclass(frozen=True)
class Producer:
    """The only statement of a block that writes a buffer that the block allocates.

    Attributes:
        buffer: the buffer.
        path: the statements around the allocation.
        block: the statements of the block.
        number: which of them writes the buffer.
        writes: the statements inside that do.
    """

    buffer: Buffer
    path: Body
    block: Body
    number: int
    writes: tuple[Store | Accumulate, ...]

    @property
    def statement(self) -> Statement:
        """The statement of the block that writes the buffer."""
        return self.block[self.number]

    @property
    def coords(self) -> tuple[Index, ...]:
        """The element that is written, in the variables of the loops of the statement."""
        return targets_of(self.writes[0])[0].coords


def producer_of(program: LoopProgram, rewrite: str, buffer: str) -> Producer:
    """Return what stores a buffer. Refused if it is not allocated, if several statements of its
    block write it, or at several coordinates, or if something else than values reads it."""
    where = f"the buffer {buffer!r}"

    def refuse(expected: str, found: str) -> None:
        raise refused(program, rewrite, where, expected, found)

    allocate = next(
        (x for x in walk(program.body) if isinstance(x, Allocate) and x.buffer.name == buffer), None
    )
    if allocate is None:
        refuse("a buffer that the program allocates", "no allocation of it")
    assert allocate is not None
    path = path_to(program.body, allocate)
    blocks = (program.body,) if len(path) == 1 else path[-2].blocks
    block = next(block for block in blocks if any(one is allocate for one in block))
    if allocate.buffer.scope in (BufferScope.SHARED, BufferScope.GLOBAL) and any(
        isinstance(one, For) and one.kind in PARALLEL_KINDS for one in path
    ):
        refuse("a buffer that its own thread alone reads", "one that several threads have together")
    memory = allocate.buffer.memory
    writers = []
    for number, statement in enumerate(block):
        if memory in written_memories((statement,)):
            writers.append(number)
    if len(writers) != 1:
        refuse("one statement of its block that writes it", f"{len(writers)} of them")
    writes = []
    for statement in walk(program.body):
        used = [one for one in buffers_of(statement) if one.memory == memory]
        if any(one is not allocate.buffer for one in used):
            refuse("no views of it", "another buffer of its memory")
        if not used or isinstance(statement, Allocate):
            continue
        if not isinstance(statement, Store | Accumulate | Let | Check):
            refuse("that plain statements alone access it", type(statement).__name__)
        if any(target.buffer.memory == memory for target in targets_of(statement)):
            assert isinstance(statement, Store | Accumulate)
            writes.append(statement)
    coords = {target.coords for one in writes for target in targets_of(one)}
    if len(coords) != 1:
        refuse("writes to one element in a turn of its loops", f"writes to {len(coords)}")
    return Producer(allocate.buffer, path[:-1], block, writers[0], tuple(writes))


def turn_of(
    producer: Producer, loops: Sequence[For], coords: Sequence[Index]
) -> dict[LoopVariable, Index] | None:
    """Return the turn of loops in which an element of the buffer is written; None if that is not
    known. It is without the loops on which the element does not depend."""
    variables = {loop.variable: loop for loop in loops}
    found: dict[LoopVariable, Index] = {}
    for written, coord in zip(producer.coords, coords, strict=True):
        digits: list[tuple[int, LoopVariable]] = []
        start = written
        for one, weight in written.terms:
            if isinstance(one, LoopVariable) and one in variables:
                if one in found or not isinstance(weight, int):
                    return None
                digits.append((weight, one))
                start = start - index_of(one) * weight
        if not start.variables.isdisjoint(variables):
            return None
        digits.sort(key=lambda digit: digit[0])
        reached = 1
        for weight, one in digits:  # a number in mixed radix
            if weight != reached:
                return None
            found[one] = (coord - start) // weight
            if one is not digits[-1][1]:
                count = most_known_turns(variables[one])
                if count is None:
                    return None
                found[one] = found[one] % count
                reached = weight * count
    return found


def check_operands(
    program: LoopProgram, rewrite: str, producer: Producer, read: Iterable[Buffer]
) -> None:
    """Refuse a producer that is to be computed later in its block than it stands, if the buffers
    that it reads may have other values there, or are gone."""
    later = written_memories(producer.block[producer.number :])
    inside = {one.buffer.memory for one in walk((producer.statement,)) if isinstance(one, Allocate)}
    for buffer in read:
        expected = "operands that keep their values"
        where = f"the buffer {producer.buffer.name!r}"
        if buffer.memory in inside:
            expected = "operands that are there for its readers"
            raise refused(program, rewrite, where, expected, f"{buffer}, of one turn alone")
        if buffer.memory in later:
            raise refused(program, rewrite, where, expected, f"a store to {buffer.memory}")
