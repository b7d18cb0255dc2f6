"""Counts of instructions and accesses of launches, from the executor of PTX."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from tests.cuda_emulator.emulator import DRIVER


@dataclass(frozen=True)
class Count:
    """The counts of one form of an instruction in a kernel's launches; see runtime/counters.h.

    Attributes:
        warps: how often a warp ran one.
        lanes: the lanes that it ran for.
        parted: branches after which lanes of a warp went two ways.
        sectors: of 32 bytes of device memory, touched by a warp's access.
        least_sectors: as many as the different bytes that were asked for fill.
        passes: over the banks of shared memory.
        least_passes: as many as without conflicts of banks.
    """

    warps: int
    lanes: int
    parted: int
    sectors: int
    least_sectors: int
    passes: int
    least_passes: int


def counted(run: Callable[[], object]) -> dict[str, dict[str, Count]]:
    """Return the counts of all launches that `run` makes: kernel -> form -> count."""
    driver = ctypes.CDLL(str(DRIVER))
    driver.emulator_ptx_counts.restype = ctypes.c_char_p
    driver.emulator_ptx_count(1)
    try:
        run()
    finally:
        driver.emulator_ptx_count(0)
    counts: dict[str, dict[str, Count]] = {}
    for line in driver.emulator_ptx_counts().decode().splitlines():
        kernel, form, *numbers = line.split("\t")
        counts.setdefault(kernel, {})[form] = Count(*map(int, numbers))
    return counts
