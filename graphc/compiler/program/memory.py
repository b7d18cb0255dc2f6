"""The memory plan: where in the arena each value of a program lies, for one set of sizes.

Made before anything runs. Two values share memory where the one is dead before the other is made;
what a loop touches lives as long as the loop.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass

from graphc.compiler.graph.dim import product
from graphc.compiler.program.launch import (
    Bindings,
    CarryPointer,
    DeviceBuffer,
    DeviceLoop,
    DeviceProgram,
    DeviceStep,
    Launch,
    Pointer,
    launches,
    value_of,
)
from graphc.compiler.schedule.kernel import Loop
from graphc.errors import ShapeError

ALIGNMENT = 256
"""Bytes: what the driver's own allocations keep to, and more than any load is wide."""

PAGE = 4096

MOST_ELEMENTS = 2**31 - 2**24
"""Kernels count elements in an int32, and step over the end by less than the difference."""


@dataclass(frozen=True)
class MemoryPlan:
    """Where buffers lie in the arena.

    Attributes:
        offsets: bytes from the arena's start, for each buffer that a launch writes.
        nbytes: the size of the arena.
    """

    offsets: dict[DeviceBuffer, int]
    nbytes: int


def aligned(nbytes: int) -> int:
    """The bytes from the start of a buffer to where the next one may start; never none."""
    return max(1, -(-nbytes // ALIGNMENT)) * ALIGNMENT


def _separated(nbytes: int) -> int:
    """As `aligned`, but never whole pages: values of one size that a kernel walks side by side
    would lie at the same place of their pages. A cache has few places for such lines, and a
    processor that compares places alone lets a load wait for a store to another page."""
    distance = aligned(nbytes)
    return distance + ALIGNMENT if distance % PAGE == 0 else distance


def touched(step: DeviceStep) -> Iterator[DeviceBuffer]:
    """The buffers that a step reads or writes, those of its arguments included."""
    if isinstance(step, DeviceLoop):
        for carry in step.carries:
            yield from carry.buffers
        for inner in step.steps:
            yield from touched(inner)
        return
    yield from step.reads
    yield from step.writes
    for argument in step.arguments:
        if isinstance(argument, Pointer):
            yield argument.buffer
        elif isinstance(argument, CarryPointer):
            yield from argument.carry.buffers


def lifetimes(program: DeviceProgram) -> dict[DeviceBuffer, tuple[int, int]]:
    """The first and the last step that touch each buffer; what is fetched is read at the end."""
    found: dict[DeviceBuffer, tuple[int, int]] = {}
    for position, step in enumerate(program.steps):
        for buffer in touched(step):
            found[buffer] = (found.get(buffer, (position,))[0], position)
    for buffer in program.fetches:
        found[buffer] = (found.get(buffer, (len(program.steps),))[0], len(program.steps))
    return found


def plan_memory(program: DeviceProgram, bindings: Bindings) -> MemoryPlan:
    """Places for all buffers that launches write, best fit first, freed places joined.

    Raises ShapeError for a value with more elements than a kernel can count, and for a kernel that
    walks more.
    """
    starting: dict[int, list[DeviceBuffer]] = {}
    ending: dict[int, list[DeviceBuffer]] = {}
    for buffer, (first, last) in lifetimes(program).items():
        _check_count(buffer, bindings)
        if buffer.origin is None:
            starting.setdefault(first, []).append(buffer)
            ending.setdefault(last, []).append(buffer)
    for launch in launches(program.steps):
        _check_extents(launch, bindings)
    arena = _Arena()
    offsets: dict[DeviceBuffer, int] = {}
    for position in range(len(program.steps)):
        # Largest first, so that small values do not split the places that large ones need.
        sizes = {
            buffer: _separated(buffer.nbytes(bindings)) for buffer in starting.get(position, ())
        }
        for buffer in sorted(sizes, key=sizes.__getitem__, reverse=True):
            offsets[buffer] = arena.take(sizes[buffer])
        for buffer in ending.get(position, ()):
            arena.give_back(offsets[buffer], _separated(buffer.nbytes(bindings)))
    return MemoryPlan(offsets, arena.nbytes)


def _check_count(buffer: DeviceBuffer, bindings: Bindings) -> None:
    elements = buffer.elements(bindings)
    if elements >= MOST_ELEMENTS:
        raise ShapeError(
            f"{buffer.name} has {elements} elements, {buffer.dtype}{list(buffer.shape)}; a kernel "
            f"counts up to {MOST_ELEMENTS - 1}: make the batch smaller"
        )


def _check_extents(launch: Launch, bindings: Bindings) -> None:
    """Check the number of elements that a kernel goes over: of a sum, more than any buffer has."""
    if isinstance(launch.kernel, Loop):
        return
    for part in launch.kernel.parts or (launch.kernel,):
        elements = value_of(product(part.extents), bindings)
        if elements >= MOST_ELEMENTS:
            layers = ", ".join(launch.kernel.layers)
            raise ShapeError(
                f"{launch.name}{f' (of {layers})' if layers else ''} walks {elements} elements, "
                f"{list(part.extents)}; a kernel counts up to {MOST_ELEMENTS - 1}: make the batch "
                "smaller"
            )


class _Arena:
    """Free places of a stretch of memory that grows at its end."""

    def __init__(self) -> None:
        self.nbytes = 0
        self._free: list[tuple[int, int]] = []  # (offset, bytes), by offset

    def take(self, nbytes: int) -> int:
        fitting = [place for place in self._free if place[1] >= nbytes]
        if fitting:
            place = min(fitting, key=lambda place: place[1])
            self._free.remove(place)
            offset, size = place
        elif self._free and sum(self._free[-1]) == self.nbytes:  # the last place, made longer
            offset, _ = self._free.pop()
            size = nbytes
            self.nbytes = offset + nbytes
        else:
            offset, size = self.nbytes, nbytes
            self.nbytes += nbytes
        if size > nbytes:
            insort(self._free, (offset + nbytes, size - nbytes))
        return offset

    def give_back(self, offset: int, nbytes: int) -> None:
        insort(self._free, (offset, nbytes))
        place = self._free.index((offset, nbytes))
        for before in (place, place - 1):  # join with the next, then with the one before
            if 0 <= before < len(self._free) - 1:
                start, size = self._free[before]
                following, more = self._free[before + 1]
                if start + size == following:
                    self._free[before : before + 2] = [(start, size + more)]
