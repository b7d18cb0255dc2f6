"""Arrays of a thread's memory that is kept from call to call (``kernels/scratch.h``)."""

from __future__ import annotations

from enum import StrEnum


class Slot(StrEnum):
    """Which of a thread's blocks an array lies in: ``gc_slot``, which says what each is for."""

    SUMS = "GC_SUMS"
    LEFT = "GC_LEFT"
    RIGHT = "GC_RIGHT"
    PANELS = "GC_PANELS"

    IMAGE = "GC_IMAGE"
    WEIGHTS = "GC_WEIGHTS"
    WEIGHT_PANELS = "GC_WEIGHT_PANELS"
    OFFSETS = "GC_OFFSETS"
    STARTS = "GC_STARTS"
    PLANES = "GC_PLANES"
    POOLED = "GC_POOLED"
    MAXIMUM_PLACES = "GC_MAXIMUM_PLACES"
    TILE_WORDS = "GC_TILE_WORDS"
    PLACE_SUMS = "GC_PLACE_SUMS"

    NAMED = "GC_NAMED"

    TURNED = "GC_TURNED"


def scratch(scalar: str, slot: Slot, count: str, number: int = 0) -> str:
    """The call that gives an array of `count` elements of a C type; `number` is that of the product
    in its kernel, of a slot that each has."""
    place = f"{slot} + {number}" if number else slot
    return f"gc_scratch<{scalar}>({place}, {count})"


def array(scalar: str, name: str, slot: Slot, count: str, number: int = 0) -> str:
    """The line that calls such an array by a name."""
    return f"{scalar}* {name} = {scratch(scalar, slot, count, number)};"
