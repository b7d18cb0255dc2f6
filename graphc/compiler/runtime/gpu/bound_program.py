"""A device program for one set of sizes: launches in order, with their arguments packed.

Between two calls only addresses change (of states, of the slot that inputs were copied to, of the
arena) and the number of the call; a `BoundProgram` knows the position of each in the arguments, and
rewrites those that have changed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from graphc.compiler.graph import Node, State
from graphc.compiler.program.launch import (
    Argument,
    Bindings,
    CallNumber,
    CarryPointer,
    DeviceBuffer,
    DeviceLoop,
    DeviceProgram,
    DeviceStep,
    Launch,
    LoopStep,
    Pointer,
    SizeArgument,
    StatusPointer,
    Word,
    value_of,
)
from graphc.compiler.program.memory import MemoryPlan, aligned, touched
from graphc.errors import ShapeError

ARENA, FEEDS, CALL_STEP = "arena", "feeds", "call step"
Base: TypeAlias = str | State
"""A value that changes between calls: one of the three above, or the address of a state."""

_FORMATS: dict[type, str] = {
    Pointer: "Q",
    CarryPointer: "Q",
    StatusPointer: "Q",
    CallNumber: "Q",
    SizeArgument: "i",
    LoopStep: "i",
    Word: "I",
}
_INT32_MAX = 2**31 - 1


@dataclass(frozen=True)
class Address:
    """The address of a buffer: bytes behind a base; without a base, the address itself."""

    base: Base | None
    offset: int


@dataclass(frozen=True, slots=True)
class PreparedLaunch:
    """A launch that is complete but for the arguments that change between calls.

    Attributes:
        launch: the launch that it was made from.
        function: the driver's handle of the kernel.
        grid, block, shared: as numbers.
        parameters: the packed arguments, laid out as the kernel's parameters are.
        loop: the outermost loop that it is a part of, None outside of loops.
    """

    launch: Launch
    function: Any
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared: int
    parameters: bytearray
    loop: DeviceLoop | None


@dataclass(frozen=True)
class Iteration:
    """One iteration of a loop: step `number` (in the order of running) of `count`."""

    loop: DeviceLoop
    number: int
    count: int

    @property
    def index(self) -> int:
        """The index of the slice that it reads."""
        return self.count - 1 - self.number if self.loop.reverse else self.number


class BoundProgram:
    """The launches of a program with its sizes bound.

    Attributes:
        launches: in the order of running; loops are unrolled, and launches of an empty grid left
            out.
        feeds: the inputs that the program reads, and where in a slot each goes.
        feed_nbytes, arena_nbytes: how much memory a slot and the arena have to have.
    """

    def __init__(
        self,
        program: DeviceProgram,
        bindings: Bindings,
        plan: MemoryPlan,
        fixed: Mapping[DeviceBuffer, int],
        status: int,
        function: Callable[[Launch, int], Any],
    ):
        """`fixed` are the addresses of the constants, `status` that of the status word;
        `function` gives the handle of a launch's kernel, which may have that much shared memory."""
        self._bindings = bindings
        self._plan = plan
        self._fixed = fixed
        self._status = status
        self._function = function
        self._moving: dict[Base, list[tuple[bytearray, int, int]]] = {}
        self._bases: dict[Base, int] = {}
        self.arena_nbytes = plan.nbytes
        self.feeds: dict[Node, int] = {}
        self.feed_nbytes = 0
        for buffer in buffers(program):
            if isinstance(buffer.origin, Node) and buffer.origin not in self.feeds:
                self.feeds[buffer.origin] = self.feed_nbytes
                self.feed_nbytes += aligned(buffer.nbytes(bindings))
        self.launches = list(self._expand(program.steps, ()))

    def move(self, base: Base, value: int) -> None:
        """Set the value of `base` in the arguments that depend on it."""
        if self._bases.get(base) != value:
            self._bases[base] = value
            for parameters, at, offset in self._moving.get(base, ()):
                struct.pack_into("<Q", parameters, at, value + offset)

    def address(self, buffer: DeviceBuffer) -> int:
        """Return the present address of a buffer."""
        at = self._address_of(buffer)
        return at.offset if at.base is None else self._bases[at.base] + at.offset

    def shape(self, buffer: DeviceBuffer) -> tuple[int, ...]:
        """Return a buffer's shape with these sizes."""
        return tuple(value_of(size, self._bindings) for size in buffer.shape)

    def _address_of(self, buffer: DeviceBuffer) -> Address:
        origin = buffer.origin
        if origin is None:
            return Address(ARENA, self._plan.offsets[buffer])
        if isinstance(origin, State):
            return Address(origin, 0)
        if isinstance(origin, Node):
            return Address(FEEDS, self.feeds[origin])
        return Address(None, self._fixed[buffer])

    def _expand(
        self, steps: Sequence[DeviceStep], iterations: tuple[Iteration, ...]
    ) -> Iterator[PreparedLaunch]:
        for step in steps:
            if isinstance(step, DeviceLoop):
                count = value_of(step.length, self._bindings)
                for number in range(count):
                    yield from self._expand(
                        step.steps, (*iterations, Iteration(step, number, count))
                    )
                continue
            x, y, z = (value_of(size, self._bindings) for size in step.grid)
            if x and y and z:
                shared = value_of(step.shared, self._bindings)
                loop = iterations[0].loop if iterations else None
                function = self._function(step, shared)
                parameters = self._packed(step, iterations)
                grid = (x, y, z)
                yield PreparedLaunch(step, function, grid, step.block, shared, parameters, loop)

    def _packed(self, launch: Launch, iterations: tuple[Iteration, ...]) -> bytearray:
        """The arguments at their natural alignment, as a struct of C has them."""
        parameters = bytearray()
        for argument in launch.arguments:
            form = _FORMATS[type(argument)]
            parameters += bytes(-len(parameters) % struct.calcsize(form))
            base, value = self._value(argument, launch, iterations)
            if base is not None:
                self._moving.setdefault(base, []).append((parameters, len(parameters), value))
                value = 0  # until the base is known
            parameters += struct.pack(f"<{form}", value)
        return parameters

    def _value(
        self, argument: Argument, launch: Launch, iterations: tuple[Iteration, ...]
    ) -> tuple[Base | None, int]:
        """Return the base that an argument depends on, if any, and the number added to it."""
        if isinstance(argument, Pointer):
            at = self._address_of(argument.buffer)
            return at.base, at.offset
        if isinstance(argument, CarryPointer):
            at = self._address_of(_carried(argument, iterations))
            return at.base, at.offset
        if isinstance(argument, CallNumber):
            return CALL_STEP, 0
        if isinstance(argument, LoopStep):
            return None, _iteration_of(argument.scan, iterations).index
        if isinstance(argument, Word):
            return None, argument.value
        if isinstance(argument, StatusPointer):
            return None, self._status
        assert isinstance(argument, SizeArgument)
        value = value_of(argument.size, self._bindings)
        if value > _INT32_MAX:
            raise ShapeError(
                f"{launch.name}: the size {argument.size} is {value:,}; a kernel counts up to "
                f"{_INT32_MAX:,}: make the batch smaller"
            )
        return None, value


def described(launch: Launch) -> str:
    """A launch for a message: its name and layers."""
    layers = ", ".join(launch.kernel.layers)
    return f"the kernel {launch.name}" + (f" (of {layers})" if layers else "")


def buffers(program: DeviceProgram) -> list[DeviceBuffer]:
    """Return every buffer of a program's launches or its caller, each once."""
    found = dict.fromkeys(program.fetches)
    for step in program.steps:
        found.update(dict.fromkeys(touched(step)))
    return list(found)


def constants(program: DeviceProgram) -> list[tuple[DeviceBuffer, np.ndarray]]:
    """The buffers that hold an array, with it."""
    return [
        (buffer, buffer.origin)
        for buffer in buffers(program)
        if isinstance(buffer.origin, np.ndarray)
    ]


def states(program: DeviceProgram) -> list[State]:
    """The states that a program reads or writes, each once."""
    origins = (buffer.origin for buffer in buffers(program))
    return list(dict.fromkeys(origin for origin in origins if isinstance(origin, State)))


def _carried(argument: CarryPointer, iterations: tuple[Iteration, ...]) -> DeviceBuffer:
    """The buffer that this step of its loop reads a carry from, or writes it to."""
    carry = argument.carry
    at = next(one for one in reversed(iterations) if carry in one.loop.carries)
    if argument.write:
        return carry.final if at.number == at.count - 1 else carry.pair[at.number % 2]
    return carry.initial if at.number == 0 else carry.pair[(at.number - 1) % 2]


def _iteration_of(scan: Node, iterations: tuple[Iteration, ...]) -> Iteration:
    return next(one for one in iterations if one.loop.scan is scan)
