"""`make test-native SANITIZE=address,undefined`: native programs under AddressSanitizer and UBSan.

The compiler is then tests/native/sanitizing, whose machine code watches the heap. Of what lies
within one block of it, the arena of a program's values, it knows nothing by itself: here each value
gets a place of its own, what lies between them may not be touched, and what was not written yet is
NaN.
"""

from __future__ import annotations

import ctypes
import os
import threading

import numpy as np
import pytest

from graphc.compiler.program.launch import Bindings, DeviceProgram
from graphc.compiler.program.memory import ALIGNMENT, MemoryPlan, aligned, plan_memory
from graphc.compiler.runtime.cpu import executor as native

_GAP = ALIGNMENT
# NumPy hands freed blocks below 1 KiB out again by itself, and what was poisoned in them stays so.
_LEAST_BYTES = 4096


class _Guarded:
    """In the place of the executor's arena, and of its planner.

    A plan's number of bytes is one that no other plan has: by it `address` knows the plan again.
    The parts of a batch that one call computes differ in their sizes, and take turns in one memory:
    the places of smaller plans of a program may be touched too.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._blocks: dict[int, list[tuple[int, int]]] = {}
        self._programs: dict[int, DeviceProgram] = {}
        self._turn = threading.Lock()
        self._kept = threading.local()  # as the executor's: while a thread computes, it is its own

    nbytes = 0  # each call has memory of its own

    def plan(self, program: DeviceProgram, bindings: Bindings) -> MemoryPlan:
        offsets, blocks, end = {}, [], _GAP
        for buffer in plan_memory(program, bindings).offsets:
            offsets[buffer] = end
            blocks.append((end, buffer.nbytes(bindings)))
            end += aligned(buffer.nbytes(bindings)) + _GAP
        with self._turn:
            while end in self._blocks:
                end += ALIGNMENT
            self._blocks[end], self._programs[end] = blocks, program
        return MemoryPlan(offsets, end)

    def address(self, nbytes: int) -> int:
        memory = np.full(max(nbytes + ALIGNMENT, _LEAST_BYTES), 0xFF, np.uint8)
        self._kept.memory = memory
        start = aligned(memory.ctypes.data)
        poison, unpoison = (
            self._library[f"__asan_{name}_memory_region"] for name in ("poison", "unpoison")
        )
        for function in (poison, unpoison):
            function.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        poison(start, nbytes)
        with self._turn:
            program = self._programs[nbytes]
            ends = [end for end, one in self._programs.items() if one is program and end <= nbytes]
            touched = [block for end in ends for block in self._blocks[end]]
        for offset, length in touched:
            unpoison(start + offset, length)
        return start


if "address" in os.environ.get("GRAPHC_NATIVE_SANITIZE", ""):
    _guarded = _Guarded()

    @pytest.fixture(autouse=True)
    def _guarded_values(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(native, "ARENA", _guarded)
        monkeypatch.setattr(native, "plan_memory", _guarded.plan)
