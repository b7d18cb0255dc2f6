"""The arguments of a call of native code: memory for what it computes, and a table of its
buffers."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compiler.graph import CallStep, State, latest_move
from graphc.compiler.runtime.cpu.arrays import address_of, aligned_array, is_aligned, placed_array
from graphc.compiler.runtime.fallback import FINE


class Arena(threading.local):
    """The memory of what programs compute: one for each thread, as large as the largest."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)
        self._extent = 0, 0

    @property
    def nbytes(self) -> int:
        """The size in bytes."""
        return self._extent[0]

    def address(self, nbytes: int) -> int:
        """Where it begins; what lay in it is lost where it grows. MemoryError leaves it empty."""
        held, start = self._extent  # one look: an attribute of a thread takes 45 ns
        if held < nbytes:
            self._memory, self._extent = np.empty(0, np.uint8), (0, 0)  # its memory may serve
            self._memory, start = placed_array([nbytes], np.dtype(np.uint8))
            self._extent = nbytes, start
        return start


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


class _ProgramCall(ctypes.Structure):
    """``gc_program_call`` of kernels/program_call.h."""

    _fields_ = [
        (name, ctypes.c_void_p)
        for name in ("program", "at", "size", "word", "calls", "status", "seconds", "on_step")
    ]


class Frame:
    """The arguments of a call: the address of each buffer, and a status word. Those that stay the
    same from call to call are written once.

    Attributes:
        addresses: the table; written as a ctypes array, which takes a third of NumPy's time.
        status: `FINE`, or which check of the latest call failed.
        at, status_at: the addresses of the two.
        call_at: that of the ``gc_program_call`` with all of them.
    """

    def __init__(self, program: int, words: int, constants: Mapping[int, np.ndarray], slots: int):
        """Make the arguments of a program: no state, feed or value has its slot yet.

        Args:
            program: the address of the function.
            words: that of the seeds and streams of random draws.
            constants: by their slots.
            slots: how many there are.
        """
        self._table = np.zeros(slots, np.uintp)
        self.addresses = (ctypes.c_size_t * slots).from_address(address_of(self._table))
        for slot, array in constants.items():
            self.addresses[slot] = address_of(array)
        self.status = ctypes.c_uint64(FINE)
        self._tables: BoundSizes | None = None
        self._call_step: CallStep | None = None
        self._arena = 0
        self._move = -1  # no state has its slot yet
        self._state_arrays: list[np.ndarray | None] = []
        self.at, self.status_at = address_of(self._table), ctypes.addressof(self.status)
        self._call = _ProgramCall(program, self.at, None, words, None, self.status_at, None, None)
        self.call_at = ctypes.addressof(self._call)

    def set_arena(self, tables: BoundSizes, start: int) -> None:
        """Set the extents, and the slots of the arena, which begins at this address."""
        if self._tables is not tables or self._arena != start:
            self._tables, self._arena = tables, start
            self._table[tables.inner] = tables.offsets + np.uintp(start)
            self._call.size = tables.sizes_at

    def set_call_step(self, call_step: CallStep) -> None:
        """Set which number of calls the program reads and counts."""
        if self._call_step is not call_step:
            self._call_step, self._call.calls = call_step, ctypes.addressof(call_step)

    def set_watch(self, seconds: int, on_step: ctypes.c_void_p | None = None) -> None:
        """Set what watches the calls from now on.

        Args:
            seconds: the address of a float64 for each kernel and one for all, to which what they
                take is added.
            on_step: a C function that is called after each step.
        """
        self._call.seconds, self._call.on_step = seconds, on_step

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
