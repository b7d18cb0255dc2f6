"""Buffers: arrays in a memory of some scope, and views of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from graphc.compiler.graph.dim import Shape, Size, product
from graphc.compiler.loops.index import Index, IndexLike, as_index, weighted_sum
from graphc.compiler.loops.interned import Interned


class BufferScope(Enum):
    """The memory that a buffer is in, and by that who sees it.

    Attributes:
        GLOBAL: all threads; a parameter of the program, or its workspace.
        SHARED: the threads of a block, or of a team.
        THREAD: one thread, in memory of its own that is kept from call to call.
        REGISTER: one thread; each index is known when the loops around are unrolled.
    """

    # A member is one object, and Enum's own hash, of its name, is Python code.
    __hash__ = object.__hash__

    GLOBAL = "global"
    SHARED = "shared"
    THREAD = "thread"
    REGISTER = "register"


@dataclass(frozen=True, eq=False)
class Buffer(metaclass=Interned):
    """An array of elements of one type.

    The element at `coords` is number ``offset + sum(coord * stride)`` of the memory that `memory`
    names. Two buffers of one memory may overlap: parts of a concatenation, a value that is written
    in place. Buffers of two memories never do.

    Attributes:
        name: what the program and its text call it.
        dtype: one of graphc's types.
        shape: its extents.
        scope: whose memory it is in.
        strides: by how many elements each coordinate moves.
        offset: the element of its memory that it begins at.
        memory: the memory, by the name of the buffer that is all of it.
    """

    name: str
    dtype: str
    shape: Shape
    scope: BufferScope
    strides: Shape
    offset: Size
    memory: str

    def place(self, coords: Sequence[IndexLike]) -> Index:
        """Return the number of an element in its memory."""
        return weighted_sum(map(as_index, coords), self.strides, self.offset)

    @property
    def elements(self) -> Size:
        """The number of its elements."""
        return product(self.shape)

    @property
    def is_contiguous(self) -> bool:
        """True if its elements follow each other in C order."""
        return self.strides == c_strides(self.shape)

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__


def c_strides(shape: Shape) -> Shape:
    """Return the strides of a contiguous array in C order."""
    return tuple(product(shape[axis + 1 :]) for axis in range(len(shape)))


def new_buffer(
    name: str, dtype: str, shape: Shape, scope: BufferScope = BufferScope.GLOBAL
) -> Buffer:
    """Return a contiguous buffer that is a memory of its own."""
    return Buffer(name, dtype, shape, scope, c_strides(shape), 0, name)


def view(
    whole: Buffer, name: str, shape: Shape, strides: Shape | None = None, offset: Size = 0
) -> Buffer:
    """Return a buffer in the memory of another one, from its element `offset` on."""
    strides = c_strides(shape) if strides is None else strides
    start = whole.offset + offset
    return Buffer(name, whole.dtype, shape, whole.scope, strides, start, whole.memory)
