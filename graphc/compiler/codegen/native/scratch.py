"""Arrays of a thread's memory that is kept from call to call (``kernels/scratch.h``).

Whatever prints the call that takes such an array says how many elements it has at most, so that the
memory report counts it before anything runs: of the arrays that a library function of ``kernels/``
takes, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Protocol

from graphc.compiler.codegen.expression import Expression, Parameter, call
from graphc.compiler.codegen.native.lanes import lanes_of
from graphc.compiler.graph.dim import Size
from graphc.compiler.program.launch import CallSizes, Formula, Scratch
from graphc.compiler.targets.c_text import DTYPES

Bound = Callable[[CallSizes], int]


class Slot(Enum):
    """Which of a thread's blocks an array lies in: ``gc_slot``, which says what each is for."""

    SUMS = ("GC_SUMS", 0)

    IMAGE = ("GC_IMAGE", 1)
    WEIGHTS = ("GC_WEIGHTS", 2)
    WEIGHT_PANELS = ("GC_WEIGHT_PANELS", 3)
    STARTS = ("GC_STARTS", 4)
    POOLED = ("GC_POOLED", 5)
    MAXIMUM_PLACES = ("GC_MAXIMUM_PLACES", 6)
    TILE_WORDS = ("GC_TILE_WORDS", 7)
    INNERMOST = ("GC_INNERMOST", 8)
    COTANGENTS = ("GC_COTANGENTS", 9)
    IMAGE_TILES = ("GC_IMAGE_TILES", 10)
    RESULT_TILES = ("GC_RESULT_TILES", 11)
    RESULTS = ("GC_RESULTS", 12)
    PLACE_SUMS = ("GC_PLACE_SUMS", 13)

    def __init__(self, text: str, number: int):
        self.text = text
        self.number = number

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Elements:
    """The number of an array's elements: as an expression, and an upper bound.

    Attributes:
        text: evaluated by the call.
        most: evaluated by reports.
    """

    text: Expression
    most: Bound

    @staticmethod
    def known(count: Size, text: Expression) -> Elements:
        """A number that is a formula of the sizes."""
        return Elements(text, partial(_at, count))


def _at(count: Size, at: CallSizes) -> int:
    return at(count)


class Scratches(Protocol):
    """Whatever keeps the arrays that a function takes: its signature."""

    @property
    def scratch(self) -> list[Scratch]:
        """The arrays so far."""


def scratch(
    function: Scratches,
    scalar: str,
    slot: Slot,
    elements: Elements,
    threads: Formula | None = None,
) -> Expression:
    """Return the call that gives an array, and note the array.

    Args:
        scalar: the C type of its elements.
        threads: the most threads that take one; None where all do.
    """
    take(function, scalar, slot, elements.most, threads)
    return call(f"gc_scratch<{scalar}>", Parameter(str(slot)), elements.text)


def array(
    function: Scratches,
    scalar: str,
    name: str,
    slot: Slot,
    elements: Elements,
    threads: Formula | None = None,
) -> str:
    """Return the line that calls such an array by a name."""
    return f"{scalar}* {name} = {scratch(function, scalar, slot, elements, threads)};"


def take(
    function: Scratches,
    scalar: str,
    slot: Slot,
    most: Bound,
    threads: Formula | None = None,
) -> None:
    """Note an array that a function takes."""
    function.scratch.append(Scratch(slot.number, DTYPES[scalar], most, threads))


# ---- what functions of kernels/ take -----------------------------------------------------------

_DTYPES = {"float": "float32", "double": "float64"}

_WINOGRAD_TILES = 48  # GC_WINOGRAD_TILES of host_winograd.h


def take_winograd(
    function: Scratches,
    scalar: str,
    channels: Size,
    filters: Size,
    tiles: tuple[int, int],
    gradient: bool,
    threads: Formula | None,
) -> None:
    """Note what ``gc_winograd_conv`` takes, or ``gc_winograd_gradient``; `channels` and `filters`
    are in whole vectors."""
    down, across = tiles
    image, pixels = (2 * down + 2) * (2 * across + 2), 4 * down * across
    lanes = lanes_of(_DTYPES[scalar])
    for slot, elements in (
        (Slot.INNERMOST, image * channels),
        (Slot.IMAGE_TILES, 16 * (_WINOGRAD_TILES * channels + lanes)),
        (Slot.RESULT_TILES, 16 * (_WINOGRAD_TILES * filters + lanes)),
        (Slot.COTANGENTS if gradient else Slot.RESULTS, pixels * filters),
    ):
        take(function, scalar, slot, partial(_at, elements), threads=threads)


def take_winograd_weights(function: Scratches, scalar: str, channels: Size, filters: Size) -> None:
    """Note what ``gc_winograd_weights`` takes; `filters` are in whole vectors."""
    take(function, scalar, Slot.INNERMOST, partial(_at, 9 * channels * filters), threads=1)
