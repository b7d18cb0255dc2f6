"""Where the values that a kernel reads and writes lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size
from graphc.compiler.loops.buffer import Buffer, c_strides, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, index_of, position
from graphc.compiler.loops.value import Load
from graphc.compiler.schedule.kernel import Kernel, Loop
from graphc.compiler.schedule.persistent import is_literal


@dataclass(frozen=True)
class Storage:
    """Where the elements of a value lie.

    Attributes:
        buffer: an array of the value's shape; with `step`, one with a leading axis more.
        step: of a value that is a slice of a stack, the number of the slice: a step of the loop
            around the kernel.
        bit: of a bool that shares a byte with others (`pack_bools`), its bit.
        guarded: True for a state, which is written only while no check has failed.
    """

    buffer: Buffer
    step: LoopVariable | None = None
    bit: int | None = None
    guarded: bool = False

    @property
    def is_whole(self) -> bool:
        """True if the buffer has the elements of the value, and nothing else, in their order."""
        buffer = self.buffer
        return self.step is None and self.bit is None and buffer.strides == c_strides(buffer.shape)

    def element(self, coords: tuple[Index, ...]) -> Load:
        """Return the element of the buffer that has an element of the value."""
        if self.step is not None:
            coords = (index_of(self.step), *coords)
        return Load(self.buffer, coords)


@dataclass(frozen=True)
class RowStorage(Storage):
    """The elements of one row of a value, in an array of one axis.

    Attributes:
        shape: of the value; axis 0 is that of the rows.
        own: an array that has one of the elements, too; None if there is none.
        at: the number of that element.
    """

    shape: Shape = ()
    own: Buffer | None = None
    at: Index | None = None

    @property
    def is_whole(self) -> bool:
        """False: the array has one row of the value."""
        return False

    def element(self, coords: tuple[Index, ...]) -> Load:
        """Return the element of the array that has an element of the row."""
        place = position(coords[1:], self.shape[1:])
        return Load(self.own if self.own and place is self.at else self.buffer, (place,))


@dataclass(frozen=True)
class KernelBuffers:
    """Where all values around a kernel lie.

    Attributes:
        inputs: each value that it reads from memory.
        outputs: each value that it stores, in one place or more. One that is the memory of an input
            is written in place.
        steps: the leaves that count the steps of loops around, each with its variable and what that
            is below.
    """

    inputs: Mapping[Node, Storage]
    outputs: Mapping[Node, tuple[Storage, ...]]
    steps: Mapping[Node, tuple[LoopVariable, Size]] = field(
        default_factory=lambda: MappingProxyType({})
    )


def buffers_of(
    kernel: Kernel | Loop,
    steps: Mapping[Node, tuple[LoopVariable, Size]] = MappingProxyType({}),
) -> KernelBuffers:
    """Return a contiguous buffer for each value: x0, x1, ... of inputs, y0, y1, ... of outputs."""
    inputs = {
        node: Storage(new_buffer(f"x{k}", node.dtype, node.shape))
        for k, node in enumerate(one for one in kernel.inputs if not is_literal(one))
    }
    outputs = {
        node: (Storage(new_buffer(f"y{k}", node.dtype, node.shape)),)
        for k, node in enumerate(kernel.stores)
    }
    return KernelBuffers(inputs, outputs, steps)
