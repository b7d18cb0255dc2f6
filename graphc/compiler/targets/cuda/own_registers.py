"""Registers that are allocated outside of loops over threads: which elements a thread has.

    for warp < 4 (thread):                           const int warp = threadIdx.x / 32;
      allocate total: float32[] in register          float total;
      allocate parts: float32[32] in register        float parts;
      for lane < 32 (lane):                          const int lane = threadIdx.x % 32;
        parts[lane] = x0[warp, lane]                 parts = x0[warp * 32 + lane];
      gc_sum_of_32_lanes(total[], parts[0:])         gc_sum_of_32_lanes(total, parts);

An axis along which each access has the number of its own thread is gone: a thread has one element
of it. Of what has no such axis each thread has a copy, which it computes as the others do. What
lanes exchange is an intrinsic, which is given the elements of the lane that calls it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index
from graphc.compiler.loops.program import Body, loads_of, targets_of, windows_of
from graphc.compiler.loops.statement import (
    Allocate,
    BufferWindow,
    For,
    LoopKind,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Load
from graphc.compiler.targets.cuda.numbering import THREADS, Digit

Threads: TypeAlias = frozenset[LoopVariable]
"""The variables of the loops over threads around a statement."""


@dataclass(frozen=True)
class OwnRegisters:
    """The part of a memory in registers that each thread has.

    Attributes:
        home: the threads that it is allocated in.
        axes: those that are gone.
        writers: the threads at each statement that writes it.
        part: the registers of one thread.
    """

    home: Threads
    axes: frozenset[int]
    writers: frozenset[Threads]
    part: Buffer

    def element(self, element: Load, threads: Threads) -> Load | None:
        """Return an element, as one of the registers of its thread; None if `threads` come to what
        others have, or would change each a copy of its own."""
        own = frozenset(
            variable
            for axis in self.axes
            if isinstance(variable := element.coords[axis].atom, LoopVariable)
        )
        if threads != self.home | own and self.writers != {self.home}:
            return None
        left = (one for axis, one in enumerate(element.coords) if axis not in self.axes)
        return Load(self.part, tuple(left))


@dataclass(frozen=True)
class _Access:
    """An access to a buffer: its coordinates (None along a whole axis), and the threads there."""

    buffer: Buffer
    coords: tuple[Index | None, ...]
    threads: Threads
    is_written: bool


def own_registers(body: Body, digits: Mapping[LoopVariable, Digit]) -> dict[str, OwnRegisters]:
    """Return what each thread has of the memories in registers, by their names."""
    homes: dict[str, tuple[Buffer, Threads]] = {}
    of_memory: dict[str, list[_Access]] = {}
    for access in _accesses(body, frozenset(), homes):
        of_memory.setdefault(access.buffer.memory, []).append(access)
    found = {}
    for memory, (buffer, home) in homes.items():
        accesses = of_memory.get(memory, [])
        axes = frozenset(
            axis
            for axis in range(len(buffer.shape))
            if _is_of_one_thread(axis, accesses, buffer, home, digits)
        )
        writers = frozenset(one.threads for one in accesses if one.is_written)
        shape = tuple(size for axis, size in enumerate(buffer.shape) if axis not in axes)
        part = new_buffer(buffer.name, buffer.dtype, shape, buffer.scope) if axes else buffer
        found[memory] = OwnRegisters(home, axes, writers, part)
    return found


def _is_of_one_thread(
    axis: int,
    accesses: Sequence[_Access],
    buffer: Buffer,
    home: Threads,
    digits: Mapping[LoopVariable, Digit],
) -> bool:
    """Return True if each access has the same digit of its thread's number along an axis."""
    found: set[Digit | None] = set()
    for access in accesses:
        if access.buffer is not buffer:
            return False
        coord = access.coords[axis]
        if coord is None:
            continue
        own = coord.atom
        is_own = isinstance(own, LoopVariable) and own in access.threads - home
        found.add(digits[own] if is_own and isinstance(own, LoopVariable) else None)
    if len(found) != 1:
        return False
    (digit,) = found
    return digit is not None and digit.extent == buffer.shape[axis]


def _accesses(
    body: Body, threads: Threads, homes: dict[str, tuple[Buffer, Threads]]
) -> Iterator[_Access]:
    """Yield the accesses of statements; note the registers that they allocate, and where."""
    for one in body:
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.REGISTER:
            homes[one.buffer.memory] = one.buffer, threads
        for load in loads_of(one):
            yield _Access(load.buffer, load.coords, threads, False)
        for target in targets_of(one):
            yield _Access(target.buffer, target.coords, threads, True)
        if isinstance(one, UseIntrinsic):
            parameters = one.intrinsic.parameters
            for parameter, (window, is_written) in zip(parameters, windows_of(one), strict=True):
                coords = coordinates_of(window, parameter)
                yield _Access(window.buffer, coords, threads, is_written)
        inside = threads
        if isinstance(one, For) and one.kind in (*THREADS, LoopKind.GRID):
            inside = threads | {one.variable}
        for block in one.blocks:
            yield from _accesses(block, inside, homes)


def coordinates_of(window: BufferWindow, parameter: Buffer) -> tuple[Index | None, ...]:
    """Return the coordinates of what an intrinsic is given: of a whole axis None."""
    coords: list[Index | None] = list(window.start)
    for axis, extent in zip(window.axes, parameter.shape, strict=True):
        if window.start[axis] is as_index(0) and extent == window.buffer.shape[axis]:
            coords[axis] = None
    return tuple(coords)
