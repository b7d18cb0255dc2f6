"""Frames: what the variables, locals and buffers of a program are, while an agent runs it.

A frame is a list; `FrameNames` gives each variable, local and memory its slot, once, when a
statement is prepared. So running a statement looks nothing up by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.evaluate.fault import Fault
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.value import Argument, Local

Slots: TypeAlias = list[Any]
"""A frame."""

AGENT = 0
"""The slot of the agent that runs."""


@dataclass
class MemoryName:
    """A memory as statements know it.

    Attributes:
        slot: where a frame has it.
        dtype: of its elements.
        is_writable: False for an input that is no output.
        is_written: True if a statement of the program stores to it.
        parallel_depth: the number of parallel loops around where it begins.
        is_shared: True if several agents may see an element of it.
        window: if it is that of a parameter of an intrinsic, the rectangle that it stands for.
    """

    slot: int
    dtype: str
    is_writable: bool
    is_written: bool
    parallel_depth: int
    is_shared: bool = False
    window: WindowName | None = None

    @property
    def whole(self) -> MemoryName:
        """The memory itself, of a parameter that of what stands for it."""
        return self if self.window is None else self.window.memory

    @property
    def is_logged(self) -> bool:
        """True if accesses may conflict."""
        return self.is_shared and self.is_written


@dataclass(frozen=True)
class WindowName:
    """A rectangle of a buffer, in the place of a parameter.

    Attributes:
        parameter: the buffer that the intrinsic calls it.
        start: the slot of the coordinates of its first element, in the whole buffer.
        axes: the axis of the whole that each axis of the parameter moves along.
        shape, strides, offset: of the whole.
        whole: its name.
        memory: what is known of the memory of the whole.
    """

    parameter: Buffer
    start: int
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    whole: str
    memory: MemoryName


class FrameNames:
    """The names that a statement sees. Those of one program, or of one intrinsic, differ."""

    def __init__(self) -> None:
        self._count = [AGENT + 1]
        self._taken: set[tuple[str, str]] = set()
        self._slots: dict[LoopVariable | Local | Argument, int] = {}
        self._memories: dict[str, MemoryName] = {}

    def block(self) -> FrameNames:
        """Return the names of a block inside: what it binds is not seen outside."""
        inner = FrameNames()
        inner._count, inner._taken = self._count, self._taken
        inner._slots, inner._memories = dict(self._slots), dict(self._memories)
        return inner

    def frame(self) -> Slots:
        """Return a frame for a program whose statements have all been prepared."""
        return [None] * self._count[0]

    def new_slot(self) -> int:
        """Return a slot of its own."""
        self._count[0] += 1
        return self._count[0] - 1

    def bind(self, name: LoopVariable | Local | Argument) -> int:
        """Return the slot of a variable, of a local, or of what an intrinsic is given, from here on
        to the end of the block."""
        self._take("variable or local", name.name)
        self._slots[name] = self.new_slot()
        return self._slots[name]

    def bind_memory(self, name: str, memory: MemoryName) -> None:
        """A memory is there from here on to the end of the block."""
        self._take("memory", name)
        self._memories[name] = memory

    def _take(self, sort: str, name: str) -> None:
        if (sort, name) in self._taken:
            raise Fault(f"another statement binds a {sort} {name} too; names have to differ")
        self._taken.add((sort, name))

    def slot(self, name: LoopVariable | Local) -> int:
        """Return the slot of a variable or local."""
        found = self._slots.get(name)
        if found is None:
            raise Fault(f"{name} is not bound here")
        return found

    def argument(self, name: Argument) -> int | None:
        """Return the slot of what an intrinsic is given; None for an argument of the program."""
        return self._slots.get(name)

    def memory(self, name: str) -> MemoryName:
        """Return what is known of a memory."""
        found = self._memories.get(name)
        if found is None:
            raise Fault(
                f"the memory {name} is neither an input, an output, nor allocated around or ahead"
            )
        return found

    @property
    def variables(self) -> Mapping[str, int]:
        """The slots of the variables that are seen, by their names."""
        return {
            name.name: slot for name, slot in self._slots.items() if isinstance(name, LoopVariable)
        }
