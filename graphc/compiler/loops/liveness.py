"""Vector loops: their lanes, and the vectors that are alive in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphc.compiler.graph.dim import Size, Symbol, evaluate
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.domain import walk_in_domains
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    loads_of,
    targets_of,
    values_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.statement import Allocate, For, Let, LoopKind, Statement
from graphc.compiler.loops.value import Load, Local


@dataclass(frozen=True)
class VectorUse:
    """A loop whose turns are the lanes of vectors, or of a warp.

    Attributes:
        loop: its variable.
        kind: VECTOR or LANE.
        lanes: its trip count; the most of all turns of the loops around.
        alive: of a VECTOR loop, how many vectors of `lanes` elements of each dtype are alive at the
            statement in it where they take most bytes. Counted are locals and register buffers, not
            what one statement or an intrinsic needs in between.
    """

    loop: LoopVariable
    kind: LoopKind
    lanes: Size
    alive: tuple[tuple[str, int], ...]

    def registers(self, vector_bytes: int) -> int:
        """Return how many registers of so many bytes the values alive take; `lanes` is an int."""
        lanes = _known(self.lanes)
        return sum(
            -(-lanes * np.dtype(dtype).itemsize // vector_bytes) * number
            for dtype, number in self.alive
        )

    def used(self, width: int) -> float:
        """Return the part of the lanes of whole vectors (or warps) of `width` lanes that the turns
        use; `lanes` is an int."""
        lanes = _known(self.lanes)
        return lanes / (-(-lanes // width) * width) if lanes else 0.0

    def at(self, sizes: Mapping[Symbol, int]) -> VectorUse:
        """Return it with its symbols bound."""
        return replace(self, lanes=evaluate(self.lanes, sizes))


def _known(lanes: Size) -> int:
    if not isinstance(lanes, int):
        raise ValueError(f"lanes: expected an int, received {lanes}; bind its symbols by `at`")
    return lanes


def vector_uses(program: LoopProgram) -> tuple[VectorUse, ...]:
    """Return the VECTOR and LANE loops of a program, in the order of its text."""
    places = list(_places(program.body, (), itertools.count()))
    values = [*_locals(places), *_buffers(places)]
    found = []
    for statement, domain in walk_in_domains(program):
        if not isinstance(statement, For) or statement.kind not in (LoopKind.VECTOR, LoopKind.LANE):
            continue
        alive = _most_alive(places, values, statement) if statement.kind is LoopKind.VECTOR else ()
        inside = domain.within(statement.variable, statement.ends)
        (lanes,) = inside.space(len(domain.loops)).dimensions
        found.append(VectorUse(statement.variable, statement.kind, lanes.count, alive))
    return tuple(found)


@dataclass(frozen=True)
class _Place:
    """A statement, with its position, and the loops around it, each with the positions of the first
    and the last statement in it."""

    statement: Statement
    position: int
    loops: tuple[tuple[For, int, int], ...]


@dataclass(frozen=True)
class _Values:
    """Vectors of a number and a dtype that are alive from one position to another."""

    dtype: str
    number: int
    first: int
    last: int


def _places(
    body: Body, loops: tuple[tuple[For, int, int], ...], positions: Iterator[int]
) -> Iterator[_Place]:
    for statement in body:
        position = next(positions)
        yield _Place(statement, position, loops)
        inner = loops
        if isinstance(statement, For):
            size = sum(1 for _ in walk(statement.body))
            inner = (*loops, (statement, position + 1, position + size))
        for block in statement.blocks:
            yield from _places(block, inner, positions)


def _vector_loop(place: _Place) -> For | None:
    return next((one for one, _, _ in place.loops if one.kind is LoopKind.VECTOR), None)


def _locals(places: Sequence[_Place]) -> Iterator[_Values]:
    """Yield the locals of vector loops, each from its `Let` to its last use."""
    made: dict[Local, _Place] = {}
    last: dict[Local, int] = {}
    for place in places:
        for value in values_of(place.statement):
            for part in walk_value(value):
                if isinstance(part, Local) and part in made:
                    around = made[part].loops
                    last[part] = max(last.get(part, 0), _end(place, around))
        if isinstance(place.statement, Let) and _vector_loop(place) is not None:
            made[place.statement.local] = place
    for local, position in last.items():
        yield _Values(local.dtype, 1, made[local].position, position)


def _end(place: _Place, around: Sequence[tuple[For, int, int]]) -> int:
    """Return the position up to which a value is kept that a statement reads and that was made
    within the loops `around`: to the end of a loop in which each turn reads it."""
    return place.loops[len(around)][2] if len(place.loops) > len(around) else place.position


def _buffers(places: Sequence[_Place]) -> Iterator[_Values]:
    """Yield the register buffers that vector loops access, each from the first access to the last,
    with all turns of the loops that are inside of where it is allocated."""
    accesses: dict[str, list[tuple[_Place, Load]]] = {}
    for place in places:
        for load in (*targets_of(place.statement), *loads_of(place.statement)):
            accesses.setdefault(load.buffer.memory, []).append((place, load))
    for place in places:
        if not isinstance(place.statement, Allocate):
            continue
        buffer = place.statement.buffer
        if buffer.scope is not BufferScope.REGISTER:
            continue
        met = accesses.get(buffer.memory, [])
        number = _vectors_of(buffer, place, met)
        if number:
            around = place.loops
            first = min(_start(one, around) for one, _ in met)
            yield _Values(buffer.dtype, number, first, max(_end(one, around) for one, _ in met))


def _start(place: _Place, around: Sequence[tuple[For, int, int]]) -> int:
    return place.loops[len(around)][1] if len(place.loops) > len(around) else place.position


def _vectors_of(buffer: Buffer, allocated: _Place, accesses: Sequence[tuple[_Place, Load]]) -> int:
    """Return how many vectors a register buffer is, 0 if it holds no lanes."""
    elements = buffer.elements
    if not isinstance(elements, int):
        raise ValueError(
            f"measure: the register buffer {buffer} has {elements} elements; expected a number "
            "that is known before the call"
        )
    if _vector_loop(allocated) is not None:
        return elements
    for place, load in accesses:
        loop = _vector_loop(place)
        if loop is None or all(loop.variable not in coord.variables for coord in load.coords):
            continue
        ends = [end.constant for end in loop.ends if end.is_constant]
        lanes = min((end for end in ends if isinstance(end, int)), default=1)
        return -(-elements // max(lanes, 1))
    return 0


def _most_alive(
    places: Sequence[_Place], values: Sequence[_Values], loop: For
) -> tuple[tuple[str, int], ...]:
    """Return the vectors that are alive in a loop where they take most bytes."""
    best: dict[str, int] = {}
    most = 0
    for place in places:
        if all(one is not loop for one, _, _ in place.loops):
            continue
        # Just ahead of a statement its operands are alive, just after it its result is.
        for shift in (1, 0):
            alive: dict[str, int] = {}
            for one in values:
                if one.first + shift <= place.position < one.last + shift:
                    alive[one.dtype] = alive.get(one.dtype, 0) + one.number
            nbytes = sum(np.dtype(dtype).itemsize * number for dtype, number in alive.items())
            if nbytes > most:
                best, most = alive, nbytes
    return tuple(sorted(best.items()))
