"""Choose the calls that read given rows of an array in a file, each unit of the file once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

PAGE_BYTES = 4096
"""The least number of bytes that the system reads of a file."""


@dataclass(frozen=True)
class Extent:
    """A range of rows of an array, in a file that is read in units of one size.

    Attributes:
        start, stop: the rows, `stop` excluded.
        rows: the number of rows in a unit: a chunk of HDF5, or a page of a file without chunks.
        beside: the number of units that hold the same rows: above 1 if a chunk holds only a part
            of each row.
        origin: a row at which a unit begins; it may be before `start`.
        chunked: True if units are chunks, False if they are pages.
    """

    start: int
    stop: int
    rows: int
    beside: int = 1
    origin: int = 0
    chunked: bool = False

    def shifted(self, by: int) -> Extent:
        """Return the same rows, numbered from a higher start."""
        moved = self.start + by, self.stop + by, self.rows, self.beside, self.origin + by
        return Extent(*moved, self.chunked)

    def between(self, first: int, stop: int) -> int:
        """Return the number of units that hold the rows from `first` up to `stop`."""
        if first >= stop:
            return 0
        last = (stop - 1 - self.origin) // self.rows
        return (last - (first - self.origin) // self.rows + 1) * self.beside

    @property
    def units(self) -> int:
        """The total number of units."""
        return self.between(self.start, self.stop)

    def cut(self, start: int, stop: int) -> Extent | None:
        """Return the part of it within the rows `start` to `stop`, or None if it is empty."""
        start, stop = max(start, self.start), min(stop, self.stop)
        return replace(self, start=start, stop=stop) if start < stop else None

    def expected_reads(self, windows: int, together: int = 1, share: float = 1.0) -> float:
        """Return the average number of times that a unit is read if its rows are spread over
        `windows` windows at random, in runs of `together` neighbours, and each window that needs
        the unit reads it once. A `share` of the rows is spread, the others are not needed."""
        missed: float = (1.0 - share / windows) ** max(1.0, self.rows / together)
        return windows * (1.0 - missed)


@dataclass(frozen=True)
class ReadCall:
    """A range of rows that one call reads.

    Attributes:
        first, stop: the rows, `stop` excluded.
        begin, end: the range of positions of these rows in the list of wanted rows.
        chunks: the number of chunks that hold them; 0 if the file has no chunks.
    """

    first: int
    stop: int
    begin: int
    end: int
    chunks: int


def read_calls(wanted: np.ndarray, extents: Sequence[Extent], most: int) -> Iterator[ReadCall]:
    """Yield the calls that read the wanted rows.

    Rows of one unit, or of neighbouring ones, are read by one call, which begins and ends with a
    row that is wanted; unwanted rows between them are read and discarded. No unit is read twice.

    Args:
        wanted: numbers of rows, ascending.
        extents: of the array, ascending.
        most: the limit on the rows that a call reads; a unit that has more is read whole.
    """
    for extent in extents:
        begin, end = np.searchsorted(wanted, (extent.start, extent.stop)).tolist()
        units = (wanted[begin:end] - extent.origin) // extent.rows
        gaps = begin + 1 + np.flatnonzero(np.diff(units) > 1)
        for start, stop in pairwise([begin, *gaps.tolist(), end]):
            yield from _cut(wanted, start, stop, extent, most)


def _cut(wanted: np.ndarray, begin: int, end: int, extent: Extent, most: int) -> Iterator[ReadCall]:
    """Yield calls that read rows of neighbouring units, each at most `most` rows or one unit."""
    while begin < end:
        first = int(wanted[begin])
        cut = end
        if int(wanted[end - 1]) - first >= most:
            within = begin + int(np.searchsorted(wanted[begin:end], first + most))
            # End at a unit boundary after the first unit, since no unit may be read twice.
            unit = (int(wanted[within]) - extent.origin) // extent.rows
            unit = max(unit, (first - extent.origin) // extent.rows + 1)
            boundary = extent.origin + unit * extent.rows
            cut = begin + int(np.searchsorted(wanted[begin:end], boundary))
        stop = int(wanted[cut - 1]) + 1
        chunks = extent.between(first, stop) if extent.chunked else 0
        yield ReadCall(first, stop, begin, cut, chunks)
        begin = cut
