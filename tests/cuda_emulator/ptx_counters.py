"""Counts of instructions and accesses of launches, from the executor of PTX."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from tests.cuda_emulator.emulator import DRIVER
from tests.cuda_emulator.ptx_count import Count


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
