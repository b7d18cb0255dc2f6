"""A native program bound to the shards of a batch: the arguments of its calls, most of which stay
the same from batch to batch."""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from graphc.compiler.graph import Node, State, Symbol, latest_move
from graphc.compiler.runtime.cpu.arrays import address_of
from graphc.compiler.runtime.cpu.frame import BoundSizes, Frame
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
        same: Collection[int],
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
            same: the numbers of inputs that are fed the same arrays at each call.
        """
        self.division, self.bindings, self.tables = division, bindings, tables
        self.frames, self.sums, self.summed, self._inputs = frames, sums, summed, inputs
        self.nbytes = max(one.nbytes for one in tables)
        self._written = [number for _, number in written]
        self._arena, self._move = -1, -1
        self.memory: PartialSums | None = None
        self._tables = (ShardTables * len(tables))()
        for one, frame, table in zip(self._tables, frames, tables, strict=True):
            one.at, one.size = frame.at, table.sizes_at
        self._divided = (DividedArray * (len(fed) + len(written)))()
        for array, (slot, _) in zip(self._divided, (*fed, *written), strict=True):
            array.slot = slot
        read = [inputs.index(node) for _, node in fed]
        pairs = list(zip(self._divided, read, strict=False))
        self._same = [pair for pair in pairs if pair[1] in same]
        self._changing = [pair for pair in pairs if pair[1] not in same]
        self._read, self._kept = len(read), list[np.ndarray]()
        self._into: Sequence[np.ndarray] | None = None
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
        first, stays = self.frames[0], self._arena == arena and self.memory is sums
        first.set_states(states)  # it keeps their arrays
        of_states = [(slot, first.addresses[slot]) for slot, _ in states]
        for number, frame in enumerate(self.frames):
            for slot, address in of_states:
                frame.addresses[slot] = address
            if not stays:
                self._place_sums(number, arena, sums)
        self._arena, self._move, self.memory = arena, latest_move(), sums

    def _place_sums(self, number: int, arena: int, sums: PartialSums) -> None:
        """Set the addresses of the arena and of partial sums for a shard."""
        frame = self.frames[number]
        frame.set_arena(self.tables[number], arena)
        of_sums = zip(self.summed.values(), sums.addresses[row_of(number)], strict=True)
        for slot, address in of_sums:
            if slot is not None:
                frame.addresses[slot] = address

    def set_arrays(
        self, arrays: Sequence[np.ndarray], into: Sequence[np.ndarray] | None
    ) -> list[np.ndarray]:
        """Set the addresses of the arguments, and of the rows of `into` that kernels write, and
        return the arrays at them. `into` are contiguous, or None where none are written; a list
        that was given before has the same arrays."""
        if self._same:  # at the first call
            self._kept, self._same = self._set(self._same, arrays), []
        kept = self._set(self._changing, arrays)
        if into is not None and into is not self._into:
            each = self.division.each
            for one, number in zip(self._divided[self._read :], self._written, strict=True):
                one.start, one.stride = address_of(into[number]), each * into[number].strides[0]
        self._into = into
        self.divided = self._read if into is None else len(self._divided)
        return kept

    def _set(
        self, pairs: Sequence[tuple[DividedArray, int]], arrays: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Set the addresses of arguments, given with their numbers, and return the arrays at
        them."""
        kept, axes, each = [], self.division.axes, self.division.each
        for one, number in pairs:
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
