"""The arguments of a call of native code: memory for what it computes, and a table of its
buffers."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compiler.graph import State, latest_move
from graphc.compiler.runtime.cpu.arrays import address_of, aligned_array, is_aligned
from graphc.compiler.runtime.fallback import FINE


class Arena(threading.local):
    """The memory of what programs compute: one for each thread, as large as the largest."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)
        self._start = 0

    @property
    def nbytes(self) -> int:
        """The size in bytes."""
        return self._memory.size

    def address(self, nbytes: int) -> int:
        """Where it begins; what lay in it is lost where it grows. MemoryError leaves it empty."""
        if self._memory.size < nbytes:
            self._memory = np.empty(0, np.uint8)  # first, so that its memory may serve
            self._memory = aligned_array([nbytes], np.uint8)
            self._start = address_of(self._memory)
        return self._start


ARENA = Arena()
"""That of the thread."""


@dataclass(frozen=True)
class BoundSizes:
    """The tables of a program that depend on its sizes, for one set of sizes.

    Attributes:
        sizes, sizes_at: the table of extents, and its address.
        nbytes: the size of the arena.
        inner: the slots of the table of addresses that point into the arena.
        offsets: for each of them, its distance in bytes from the start of the arena.
        shapes: the shapes of the fetched values.
    """

    sizes: np.ndarray
    sizes_at: int
    nbytes: int
    inner: np.ndarray
    offsets: np.ndarray
    shapes: list[tuple[int, ...]]


class Frame:
    """The arguments of a call: the address of each buffer, and a status word. Those that stay the
    same from call to call are written once.

    Attributes:
        addresses: the table; written as a ctypes array, which takes a third of NumPy's time.
        status: `FINE`, or which check of the latest call failed.
        at, status_at: the addresses of the two.
    """

    def __init__(self, constants: Mapping[int, np.ndarray], slots: int):
        """`constants` by their slots, of so many slots."""
        self._table = np.zeros(slots, np.uintp)
        self.addresses = (ctypes.c_size_t * slots).from_address(address_of(self._table))
        for slot, array in constants.items():
            self.addresses[slot] = address_of(array)
        self.status = ctypes.c_uint64(FINE)
        self._tables: BoundSizes | None = None
        self._arena = 0
        self._move = -1  # no state has its slot yet
        self._state_arrays: list[np.ndarray | None] = []
        self.at, self.status_at = address_of(self._table), ctypes.addressof(self.status)

    def set_arena(self, tables: BoundSizes, start: int) -> None:
        """Set the slots of the arena, which begins at this address."""
        if self._tables is not tables or self._arena != start:
            self._tables, self._arena = tables, start
            self._table[tables.inner] = tables.offsets + np.uintp(start)

    def set_states(self, states: Sequence[tuple[int, State]]) -> None:
        """Set the slots of states: the addresses of their values in host memory, made contiguous,
        writeable and aligned. The arrays are kept, so that none is freed while a kernel uses it."""
        move = latest_move()
        if move == self._move:
            return
        kept = self._state_arrays or [None] * len(states)
        for number, (slot, state) in enumerate(states):
            array = state.buffer
            if array is not kept[number]:
                flags = array.flags
                if not (flags.c_contiguous and flags.writeable and is_aligned(array)):
                    array = _aligned_copy(array)
                    state.assign(array)
                self.addresses[slot] = address_of(array)
                kept[number] = array
        self._state_arrays, self._move = kept, move


def _aligned_copy(array: np.ndarray) -> np.ndarray:
    copy = aligned_array(array.shape, array.dtype)
    copy[...] = array
    return copy
