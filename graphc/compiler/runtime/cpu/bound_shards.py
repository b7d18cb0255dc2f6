"""A native program bound to the shards of a batch: the arguments of its calls, most of which stay
the same from batch to batch."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler.graph import Node, State, Symbol, latest_move
from graphc.compiler.runtime.cpu.frame import BoundSizes, Frame, address_of
from graphc.compiler.runtime.cpu.partial_sums import PartialSums, row_of
from graphc.compiler.shards import RowDivision


class ShardTables(ctypes.Structure):
    """``gc_part``: the addresses of the tables that a program is given for a shard."""

    _fields_ = (("at", ctypes.c_void_p), ("size", ctypes.c_void_p))


class DividedArray(ctypes.Structure):
    """``gc_divided``: a slot of these tables, the address in it for the first shard, and the bytes
    from one shard's to the next one's."""

    _fields_ = (("slot", ctypes.c_int64), ("start", ctypes.c_int64), ("stride", ctypes.c_int64))


class BoundShards:
    """The tables that a program is given for each shard of a batch.

    Attributes:
        division: of the arguments.
        bindings, tables, frames: of each shard.
        nbytes: of the arena.
        at, divided_at, divided: the addresses of the tables, and of what differs between shards
            and from call to call, with the number of arrays in it.
        sums: how many of the fetched values are summed.
        summed: the numbers of these, each value once, and their slots.
        memory: that of the sums in the latest call.
    """

    def __init__(
        self,
        division: RowDivision,
        inputs: Sequence[Node],
        bindings: Sequence[Mapping[Symbol, int]],
        tables: Sequence[BoundSizes],
        frames: Sequence[Frame],
        fed: Sequence[tuple[int, Node]],
        sums: int,
        summed: Mapping[int, int | None],
        written: Sequence[tuple[int, int]],
    ) -> None:
        """
        Args:
            division: of the arguments.
            inputs: which inputs these are for.
            bindings: the sizes of each shard.
            tables: the program with these sizes.
            frames: for the calls.
            fed: the inputs that are read, with their slots.
            sums, summed: as of the attributes.
            written: the slots of fetched values that are not summed, with their numbers among
                these; each value once.
        """
        self.division, self.bindings, self.tables = division, bindings, tables
        self.frames, self.sums, self.summed, self._inputs = frames, sums, summed, inputs
        self.nbytes = max(one.nbytes for one in tables)
        self._read = [inputs.index(node) for _, node in fed]
        self._written = [number for _, number in written]
        self._arena, self._move = -1, -1
        self.memory: PartialSums | None = None
        self._tables = (ShardTables * len(tables))()
        for one, frame, table in zip(self._tables, frames, tables, strict=True):
            one.at, one.size = frame.at, table.sizes_at
        self._divided = (DividedArray * (len(fed) + len(written)))()
        for array, (slot, _) in zip(self._divided, (*fed, *written), strict=True):
            array.slot = slot
        self.at = ctypes.addressof(self._tables)
        self.divided_at = ctypes.addressof(self._divided)
        self.divided = len(fed)

    def feeds_of(self, arrays: Sequence[np.ndarray], shard: int) -> dict[Node, np.ndarray]:
        """Return what a shard is fed."""
        return dict(zip(self._inputs, self.division.of_shard(arrays, shard), strict=True))

    def place(self, arena: int, states: Sequence[tuple[int, State]], sums: PartialSums) -> None:
        """Set what seldom changes: the addresses of the arena, of states and of partial sums."""
        if self._arena == arena and self._move == latest_move() and self.memory is sums:
            return
        first = self.frames[0]
        first.set_states(states)  # it keeps their arrays
        of_states = [(slot, first.addresses[slot]) for slot, _ in states]
        for number, (frame, table) in enumerate(zip(self.frames, self.tables, strict=True)):
            frame.set_arena(table, arena)
            of_sums = zip(self.summed.values(), sums.addresses[row_of(number)], strict=True)
            for slot, address in (*of_states, *of_sums):
                if slot is not None:
                    frame.addresses[slot] = address
        self._arena, self._move, self.memory = arena, latest_move(), sums

    def set_arrays(
        self, arrays: Sequence[np.ndarray], into: Sequence[np.ndarray] | None
    ) -> list[np.ndarray]:
        """Set the addresses of the arguments, and of the rows of `into` that kernels write, and
        return the arrays at them. `into` are contiguous, or None where none are written."""
        kept, axes, each = [], self.division.axes, self.division.each
        for one, number in zip(self._divided, self._read, strict=False):
            array, axis = arrays[number], axes[number]
            if axis is None:
                array = np.ascontiguousarray(array)
                stride = 0
            elif axis > 0 or not array.flags.c_contiguous:
                array = self._shard_by_shard(array, axis)
                stride = array.strides[0]
            else:
                stride = each * array.strides[0]
            one.start, one.stride = address_of(array), stride
            kept.append(array)
        self.divided = len(self._read)
        if into is not None:
            for number in self._written:
                one, array = self._divided[self.divided], into[number]
                one.start, one.stride = address_of(array), each * array.strides[0]
                self.divided += 1
        return kept

    def _shard_by_shard(self, array: np.ndarray, axis: int) -> np.ndarray:
        """Return a copy with what each shard reads of an array, in a line for each."""
        several = [
            self.division.rows_of_shard(array, axis, shard) for shard in range(len(self.tables))
        ]
        copy = np.empty((len(several), several[0].size), array.dtype)
        for line, one in zip(copy, several, strict=True):
            line[: one.size] = one.reshape(-1)
        return copy
