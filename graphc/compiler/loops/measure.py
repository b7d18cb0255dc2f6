"""The measure of a loop program: operations, bytes, footprints, lanes and registers, as sizes.

Numbers hold for all sizes with which no loop is empty. One that is only an upper bound says so: a
condition that bounds no loop counts as holding, and of the ends of a loop of which none is proved
to be the least the first one counts.

    >>> sums = measure(program)
    >>> sums.flops, sums.compulsory_bytes
    (10*n, 44*n)
    >>> sums.at({symbol: 32}).compulsory_bytes
    1408
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from graphc.compiler.graph.cost import is_operation
from graphc.compiler.graph.dim import Shape, Size, Symbol, evaluate
from graphc.compiler.graph.expressions.operands import is_float
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.domain import IterationDomain, walk_in_domains
from graphc.compiler.loops.footprint import Elements, elements_of, union_of
from graphc.compiler.loops.index import LoopVariable, as_index, index_of
from graphc.compiler.loops.liveness import VectorUse, vector_uses
from graphc.compiler.loops.program import Body, LoopProgram, targets_of, values_of
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    AsyncCopy,
    AtomicAdd,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Apply, Bit, Load, RandomWord, Select, Value


@dataclass(frozen=True)
class Footprint:
    """The elements of a buffer that one turn of a loop touches, as a box.

    Attributes:
        loop: the variable of the loop; None for the whole program.
        buffer: the buffer.
        extents: how many coordinates along each axis.
        is_exact: False if a turn may touch fewer elements.
    """

    loop: LoopVariable | None
    buffer: Buffer
    extents: Shape
    is_exact: bool


@dataclass(frozen=True)
class BufferTraffic:
    """The bytes that a program moves from and to a buffer.

    Attributes:
        buffer: the buffer.
        loaded: of all loads; those of one element by one statement are one.
        loaded_once: of all loads; those of one element in one turn of the loops around are one.
        stored: of all stores.
        distinct_loaded: of the elements that are loaded, each once: upper bounds, of which the
            least counts.
        distinct_stored: of the elements that are stored, each once.
        is_requested_exact: False if `loaded` or `stored` may be too large.
        is_distinct_exact: False if `distinct_loaded` or `distinct_stored` may be too large.
    """

    buffer: Buffer
    loaded: Size
    loaded_once: Size
    stored: Size
    distinct_loaded: tuple[Size, ...]
    distinct_stored: tuple[Size, ...]
    is_requested_exact: bool
    is_distinct_exact: bool

    def at(self, sizes: Mapping[Symbol, int]) -> BufferTraffic:
        """Return it with its symbols bound."""
        return replace(
            self,
            loaded=evaluate(self.loaded, sizes),
            loaded_once=evaluate(self.loaded_once, sizes),
            stored=evaluate(self.stored, sizes),
            distinct_loaded=_least_at(self.distinct_loaded, sizes),
            distinct_stored=_least_at(self.distinct_stored, sizes),
        )


@dataclass(frozen=True)
class Measure:
    """The work of a loop program, in numbers.

    Attributes:
        flops: floating-point operations, counted as `graphc.compiler.graph.cost` counts them.
        is_flops_exact: False if some of them may not be run.
        inputs, outputs: the traffic of the program's own buffers, in its order.
        allocated: that of the buffers that it allocates, of all scopes.
        footprints: of each buffer for the whole program and for each loop with accesses to it, the
            outer loops first.
        shared_bytes: the most that is allocated in shared memory at once.
        vectors: its VECTOR and LANE loops.
    """

    flops: Size
    is_flops_exact: bool
    inputs: tuple[BufferTraffic, ...]
    outputs: tuple[BufferTraffic, ...]
    allocated: tuple[BufferTraffic, ...]
    footprints: tuple[Footprint, ...]
    shared_bytes: Size
    vectors: tuple[VectorUse, ...]

    @property
    def compulsory_bytes(self) -> Size:
        """The bytes that the program has to move, however it runs: those of each element of its
        inputs that it reads, and of its outputs that it writes, once. Of several upper bounds the
        first counts; `at` leaves one."""
        total: Size = 0
        for traffic in self.inputs:
            total = total + traffic.distinct_loaded[0]
        for traffic in self.outputs:
            total = total + traffic.distinct_stored[0]
        return total

    @property
    def requested_bytes(self) -> Size:
        """The bytes of all its loads from and stores to global memory, in a cache or not."""
        total: Size = 0
        for traffic in dict.fromkeys((*self.inputs, *self.outputs, *self.allocated)):
            if traffic.buffer.scope is BufferScope.GLOBAL:
                total = total + traffic.loaded + traffic.stored
        return total

    def traffic(self, name: str) -> BufferTraffic:
        """Return the traffic of the buffer with a name. KeyError if there is none."""
        for traffic in (*self.inputs, *self.outputs, *self.allocated):
            if traffic.buffer.name == name:
                return traffic
        raise KeyError(f"no buffer is named {name!r}")

    def footprint(self, loop: str | None, buffer: str) -> Footprint:
        """Return what a turn of the loop over a variable touches of a buffer. KeyError if it
        touches nothing of it."""
        for footprint in self.footprints:
            name = None if footprint.loop is None else footprint.loop.name
            if name == loop and footprint.buffer.name == buffer:
                return footprint
        raise KeyError(f"a turn of the loop over {loop} touches no buffer named {buffer!r}")

    def at(self, sizes: Mapping[Symbol, int]) -> Measure:
        """Return it with all symbols bound: numbers in the place of sizes."""
        return replace(
            self,
            flops=evaluate(self.flops, sizes),
            inputs=tuple(one.at(sizes) for one in self.inputs),
            outputs=tuple(one.at(sizes) for one in self.outputs),
            allocated=tuple(one.at(sizes) for one in self.allocated),
            footprints=tuple(
                replace(one, extents=tuple(evaluate(size, sizes) for size in one.extents))
                for one in self.footprints
            ),
            shared_bytes=evaluate(self.shared_bytes, sizes),
            vectors=tuple(one.at(sizes) for one in self.vectors),
        )


def _least_at(bounds: tuple[Size, ...], sizes: Mapping[Symbol, int]) -> tuple[Size, ...]:
    return (min(evaluate(bound, sizes) for bound in bounds),)


def measure(program: LoopProgram) -> Measure:
    """Return the measure of a program."""
    counted = _Counted()
    for statement, domain in walk_in_domains(program):
        counted.count(statement, domain)
    own = (*program.inputs, *program.outputs)
    first = {buffer.memory: buffer for buffer in reversed(own)}
    others = [buffer for buffer in counted.accesses if buffer not in own]
    allocated = [buffer for buffer in others if buffer.memory not in first]
    views: dict[Buffer, list[Buffer]] = {}
    for view in others:
        if view.memory in first:
            views.setdefault(first[view.memory], []).append(view)

    def traffic(buffer: Buffer) -> BufferTraffic:
        return counted.traffic(buffer, views.get(buffer, ()))

    return Measure(
        counted.flops,
        counted.is_flops_exact,
        tuple(map(traffic, program.inputs)),
        tuple(map(traffic, program.outputs)),
        tuple(map(traffic, allocated)),
        tuple(counted.footprints()),
        _shared_bytes(program.body),
        vector_uses(program),
    )


@dataclass(eq=False)
class _Access:
    """An element that statements load or store at each point of a domain.

    Attributes:
        loads, stores: how many of the statements.
    """

    element: Load
    domain: IterationDomain
    loads: int = 0
    stores: int = 0

    @functools.cached_property
    def touched(self) -> tuple[Elements, ...]:
        """The elements for one turn of each of the outermost 0, 1, ... loops."""
        shape, coords = self.element.buffer.shape, self.element.coords
        depth = len(self.domain.loops)
        return tuple(elements_of(shape, coords, self.domain, fixed) for fixed in range(depth + 1))

    @property
    def places(self) -> Elements:
        """The elements in all turns, by their places behind the first one of the buffer."""
        buffer = self.element.buffer
        place = buffer.place(self.element.coords) - buffer.offset
        return elements_of((buffer.elements,), (place,), self.domain, 0)


@dataclass
class _Counted:
    """The operations and accesses of the statements so far."""

    flops: Size = 0
    is_flops_exact: bool = True
    accesses: dict[Buffer, dict[tuple[Load, IterationDomain], _Access]] = field(
        default_factory=dict
    )

    def count(self, statement: Statement, domain: IterationDomain) -> None:
        """Add what a statement itself does on a domain."""
        if isinstance(statement, AsyncCopy):
            self._copy(statement, domain)
            return
        inside = domain.where(statement.conditions) if isinstance(statement, Store) else domain
        met: set[tuple[Value, IterationDomain]] = set()
        for value in values_of(statement):
            self._value(value, inside, met)
        for target in targets_of(statement):
            if isinstance(statement, Accumulate | AtomicAdd):
                self._access(target, inside, is_store=False)
            self._access(target, inside, is_store=True)
        if isinstance(statement, Accumulate) and is_float(statement.targets[0].buffer.dtype):
            self._operations(inside)

    def _copy(self, statement: AsyncCopy, domain: IterationDomain) -> None:
        """Count an asynchronous copy as a loop over neighbours."""
        lane = LoopVariable(f"lane of {statement.target}")
        inside = domain.within(lane, [as_index(statement.count)])
        for element, is_store in ((statement.source, False), (statement.target, True)):
            coords = (*element.coords[:-1], element.coords[-1] + index_of(lane))
            self._access(replace(element, coords=coords), inside, is_store)

    def _value(
        self, value: Value, domain: IterationDomain, met: set[tuple[Value, IterationDomain]]
    ) -> None:
        """Count a value that a statement computes once, even if it is in it several times."""
        if (value, domain) in met:
            return
        met.add((value, domain))
        if isinstance(value, Load):
            self._access(value, domain, is_store=False)
        elif isinstance(value, Select):
            self._value(value.value, domain.where(value.conditions), met)
            self._value(value.otherwise, domain.where_not(value.conditions), met)
        elif isinstance(value, Apply):
            for operand in value.operands:
                self._value(operand, domain, met)
            if value.operands and is_operation(value.op, value.operands[0].dtype):
                self._operations(domain, 2 if value.op == "fma" else 1)
        elif isinstance(value, Bit):
            self._value(value.byte, domain, met)
        elif isinstance(value, RandomWord):
            for part in (value.shift, value.step, value.call, value.seed, value.stream):
                self._value(part, domain, met)

    def _operations(self, domain: IterationDomain, each: int = 1) -> None:
        space = domain.space()
        self.flops = self.flops + space.points * each
        self.is_flops_exact = self.is_flops_exact and space.is_counted

    def _access(self, element: Load, domain: IterationDomain, is_store: bool) -> None:
        if domain.space().points == 0:
            return
        accesses = self.accesses.setdefault(element.buffer, {})
        access = accesses.setdefault((element, domain), _Access(element, domain))
        access.stores += is_store
        access.loads += not is_store

    def traffic(self, buffer: Buffer, views: Sequence[Buffer]) -> BufferTraffic:
        """Return the traffic of a buffer, that through views of it included."""
        accesses = [
            access for one in (buffer, *views) for access in self.accesses.get(one, {}).values()
        ]
        loaded, is_loaded_exact = _distinct(buffer, [one for one in accesses if one.loads])
        stored, is_stored_exact = _distinct(buffer, [one for one in accesses if one.stores])
        itemsize = np.dtype(buffer.dtype).itemsize
        loads: Size = 0
        loads_once: Size = 0
        stores: Size = 0
        for access in accesses:
            points = access.domain.space().points
            loads = loads + points * access.loads
            loads_once = loads_once + points * min(access.loads, 1)
            stores = stores + points * access.stores
        return BufferTraffic(
            buffer,
            loads * itemsize,
            loads_once * itemsize,
            stores * itemsize,
            tuple(bound * itemsize for bound in loaded),
            tuple(bound * itemsize for bound in stored),
            all(access.domain.space().is_counted for access in accesses),
            is_loaded_exact and is_stored_exact,
        )

    def footprints(self) -> Iterator[Footprint]:
        """Yield the footprints of all buffers."""
        for buffer, accesses in self.accesses.items():
            touched: dict[LoopVariable | None, list[Elements]] = {}
            for access in accesses.values():
                loops = (None, *access.domain.loops)
                for loop, elements in zip(loops, access.touched, strict=True):
                    touched.setdefault(loop, []).append(elements)
            for loop, all_elements in touched.items():
                region = union_of(all_elements)
                is_exact = region.is_exact and len(region.parts) == 1
                yield Footprint(loop, buffer, region.extents(buffer.shape), is_exact)


def _distinct(buffer: Buffer, accesses: list[_Access]) -> tuple[tuple[Size, ...], bool]:
    """Return upper bounds of how many elements accesses to a buffer, or to views of it, touch, and
    whether the first is exact."""
    views = {access.element.buffer for access in accesses}
    if len(views) > 1:
        region = union_of(access.places for access in accesses)
    else:
        region = union_of(access.touched[0] for access in accesses)
    if not region.is_exact and buffer.is_contiguous:
        flat = union_of(access.places for access in accesses)
        region = flat if flat.is_exact else region
    if region.is_exact:
        return (region.count,), True
    if is_never_negative(region.count - buffer.elements):
        return (buffer.elements,), False
    return (region.count, buffer.elements), False


def _shared_bytes(body: Body) -> Size:
    """Return the most bytes of shared memory that are allocated at once."""
    own: Size = 0
    most: Size = 0
    for statement in body:
        if isinstance(statement, Allocate) and statement.buffer.scope is BufferScope.SHARED:
            buffer = statement.buffer
            own = own + buffer.elements * np.dtype(buffer.dtype).itemsize
        for block in statement.blocks:
            inside = _shared_bytes(block)
            # Of two blocks one after the other the larger one counts, of two sizes the sum.
            if is_never_negative(inside - most):
                most = inside
            elif not is_never_negative(most - inside):
                most = most + inside
    return own + most
