"""A native program bound to the shards of a batch: the arguments of its calls, most of which stay
the same from batch to batch."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler.graph import Node, State, Symbol, latest_move
from graphc.compiler.runtime.cpu.frame import Frame, Tables, address_of
from graphc.compiler.runtime.cpu.partial_sums import PartialSums, row_of
from graphc.compiler.shards import RowDivision


class ShardTables(ctypes.Structure):
    """``gc_part``: the addresses of the tables that a program is given for a shard."""

    _fields_ = (("at", ctypes.c_void_p), ("size", ctypes.c_void_p))


class BoundShards:
    """The tables that a program is given for each shard of a batch.

    In an array of the rows of all shards, the rows of one shard follow those of the one before at
    a constant stride. So the addresses of all of them are written at once.

    Attributes:
        division: of the arguments.
        bindings, tables, frames: of each shard.
        at: the address of the tables.
        nbytes: of the arena.
        sums: how many of the fetched values are summed.
        summed: the numbers of these, each value once, and their slots.
    """

    def __init__(
        self,
        division: RowDivision,
        inputs: Sequence[Node],
        bindings: Sequence[Mapping[Symbol, int]],
        tables: Sequence[Tables],
        slots: int,
        constants: Mapping[int, np.ndarray],
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
            slots: of a table of addresses.
            constants: by their slots.
            fed: the inputs that are read, with their slots.
            sums, summed: as of the attributes.
            written: the slots of fetched values that are not summed, with their numbers among
                these; each value once.
        """
        self.division, self.bindings, self.tables = division, bindings, tables
        self.sums, self.summed, self._inputs = sums, summed, inputs
        self._addresses = np.zeros((len(tables), slots), np.uintp)
        self.frames = [Frame(constants, row) for row in self._addresses]
        self.nbytes = max(one.nbytes for one in tables)
        self._read = [inputs.index(node) for _, node in fed]
        self._written = [number for _, number in written]
        self._fed = np.array([slot for slot, _ in fed], np.intp)
        self._fed_and_written = np.array([slot for slot, _ in (*fed, *written)], np.intp)
        self._numbers = np.arange(len(tables), dtype=np.uintp)[:, None]
        self._placed: tuple[int, int, PartialSums | None] = -1, -1, None
        self._tables = (ShardTables * len(tables))()
        for one, frame, table in zip(self._tables, self.frames, tables, strict=True):
            one.at, one.size = frame.at, table.sizes_at
        self.at = ctypes.addressof(self._tables)

    def feeds_of(self, arrays: Sequence[np.ndarray], shard: int) -> dict[Node, np.ndarray]:
        """Return what a shard is fed."""
        return dict(zip(self._inputs, self.division.of_shard(arrays, shard), strict=True))

    def place(
        self,
        arena: int,
        states: Sequence[tuple[int, State]],
        sums: PartialSums,
    ) -> None:
        """Set what seldom changes: the addresses of the arena, of states and of partial sums."""
        start, move, kept = self._placed
        if start == arena and move == latest_move() and kept is sums:
            return
        for number, (frame, table) in enumerate(zip(self.frames, self.tables, strict=True)):
            frame.set_arena(table, arena)
            frame.set_states(states)
            for slot, address in zip(
                self.summed.values(), sums.addresses[row_of(number)], strict=True
            ):
                if slot is not None:
                    frame.addresses[slot] = address
        self._placed = arena, latest_move(), sums

    def set_arrays(
        self, arrays: Sequence[np.ndarray], into: Sequence[np.ndarray] | None
    ) -> list[np.ndarray]:
        """Set the addresses of the arguments, and of the rows of `into` that kernels write, and
        return the arrays at them. `into` are contiguous, or None where none are written."""
        starts, strides, kept = [], [], []
        copied: dict[int, list[np.ndarray]] = {}
        axes, each = self.division.axes, self.division.each
        for column, number in enumerate(self._read):
            array, axis = arrays[number], axes[number]
            if axis is None:
                array = np.ascontiguousarray(array)
            elif axis > 0 or not array.flags.c_contiguous:
                copied[column] = [
                    np.ascontiguousarray(self.division.rows_of_shard(array, axis, shard))
                    for shard in range(len(self.tables))
                ]
            kept.append(array)
            starts.append(address_of(array))
            strides.append(0 if axis is None else each * array.strides[0])
        slots = self._fed
        if into is not None:
            slots = self._fed_and_written
            for number in self._written:
                starts.append(address_of(into[number]))
                strides.append(each * into[number].strides[0])
        found = np.array(starts, np.uintp) + self._numbers * np.array(strides, np.uintp)
        for column, several in copied.items():
            found[:, column] = [address_of(one) for one in several]
            kept += several
        self._addresses[:, slots] = found
        return kept
