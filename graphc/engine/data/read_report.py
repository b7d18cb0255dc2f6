"""The report of reads of arrays in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.amounts import shown_size
from graphc.engine.data.stored import StoredArray


@dataclass(frozen=True)
class ArrayReads:
    """The reads of one array.

    Attributes:
        what: the array is for.
        file: where it is.
        epochs: that were begun.
        nbytes: of the array's samples as they are stored.
        calls: of reading its file.
        bytes_read: by these calls.
        chunks: of HDF5 that it has; 0 where it has none.
        chunks_read: each counted as often as it was read.
        shuffled: whether its samples were written, in the order of each epoch, into a temporary
            file in the folder of the flag `shuffle_folder`.
    """

    what: str
    file: str
    epochs: int
    nbytes: int
    calls: int
    bytes_read: int
    chunks: int
    chunks_read: int
    shuffled: bool

    @property
    def times(self) -> float:
        """The average number of times that a chunk (a byte, if there are no chunks) was read in an
        epoch."""
        all_once = (self.chunks or self.nbytes) * max(1, self.epochs)
        return (self.chunks_read if self.chunks else self.bytes_read) / max(1, all_once)

    def __str__(self) -> str:
        of = f"{self.chunks_read:,} chunks" if self.chunks else shown_size(self.bytes_read)
        has = f"{self.chunks:,} chunks" if self.chunks else shown_size(self.nbytes)
        copied = ", through a file in shuffle_folder" if self.shuffled else ""
        return (
            f"{self.what}: {of} by {self.calls:,} calls in {self.epochs} epochs, {self.times:.1f} "
            f"times an epoch its {has}{copied}"
        )


@dataclass(frozen=True)
class ReadReport:
    """The reads of arrays in files by one call; prints as a line for each.

    Attributes:
        arrays: those in files.
        window_samples: of a window; None where all were small, and read once.
        window_bytes: that windows and reading them take at most.
    """

    arrays: Sequence[ArrayReads]
    window_samples: int | None
    window_bytes: int

    def __str__(self) -> str:
        if not self.arrays:
            return "no array in a file was read"
        window = (
            "all were small, and read once"
            if self.window_samples is None
            else f"windows of {self.window_samples:,} samples, {shown_size(self.window_bytes)} in "
            "all"
        )
        return "\n".join([*map(str, self.arrays), window])


def reads_of(array: StoredArray, epochs: int, shuffled: bool) -> ArrayReads:
    """Return what was read of an array so far."""
    reads, chunked = array.reads, [one for one in array.extents() if one.chunked]
    chunks = sum(one.units for one in chunked)
    counts = array.nbytes, reads.calls, reads.nbytes, chunks, reads.chunks
    return ArrayReads(array.what, array.rows.name, epochs, *counts, shuffled)
