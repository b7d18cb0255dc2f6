"""The counts of a form of an instruction; no driver is needed to have them."""

from __future__ import annotations

from dataclasses import dataclass


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
