"""Arrays that stay where they are stored, in a file, and are read as batches need them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol, TypeGuard

import numpy as np

from graphc.compiler import graph as g
from graphc.errors import DataError, errors_at
from graphc.rows.read_calls import Extent
from graphc.rows.stored import CALL_BYTES, Reads, StoredRows

Samples = Sequence[int] | np.ndarray
"""The numbers of the samples in a block that was read, for messages."""

ReadBlock = Callable[[object, Samples | None], np.ndarray]
"""From some samples as they are stored to a checked array."""

# What only things in memory have: their numbers can be looked at where they are.
_IN_MEMORY = (
    "__array_interface__",
    "__array_struct__",
    "__cuda_array_interface__",
    "__dlpack__",
    "__dataframe__",
    "iloc",
    "toarray",
)


class Shaped(Protocol):
    """An array, in memory or in a file, as far as its shape goes."""

    @property
    def shape(self) -> tuple[int, ...]: ...


def is_stored(value: object) -> TypeGuard[Shaped]:
    """Return True if a value is an array in a file: a memory-mapped one of NumPy, or one that has a
    shape, a length and slices but no memory to look at (an HDF5Matrix, a data set of h5py)."""
    if type(value) is np.ndarray:
        return False
    if isinstance(value, np.memmap):
        return True
    if isinstance(value, list | tuple | g.Node) or any(hasattr(value, one) for one in _IN_MEMORY):
        return False
    kind = type(value)
    sliced = hasattr(kind, "__len__") and hasattr(kind, "__getitem__")
    return sliced and isinstance(getattr(value, "shape", None), tuple)


class StoredArray:
    """Samples in a file, converted and checked as they are used.

    Attributes:
        shape: of what is used, the samples first.
        what: what the array is for, for messages.
        rows: the file's rows, of which the samples are some.
        reads: what was read by `read_into`.
    """

    def __init__(
        self,
        rows: StoredRows,
        sample: tuple[int, ...],
        read: ReadBlock,
        what: str,
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        """`read` turns stored samples into arrays of shape (samples, *sample)."""
        self.what, self.rows, self.reads = what, rows, Reads()
        self._read, self._start = read, start
        self._stop = len(rows) if stop is None else stop
        self._held: np.ndarray | None = None
        self.shape = (self._stop - start, *sample)

    @property
    def ndim(self) -> int:
        """The number of axes, that of the samples included."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the samples as they are stored."""
        return len(self) * self.rows.row_bytes

    def __len__(self) -> int:
        return self.shape[0]

    @cached_property
    def dtype(self) -> np.dtype:
        """The dtype after conversion, as read off one sample."""
        return self[0:1].dtype

    def extents(self) -> list[Extent]:
        """The units (such as chunks) in which the file of the samples is read."""
        return [
            cut
            for one in self.rows.extents
            if (cut := one.cut(self._start, self._stop)) is not None
        ]

    @property
    def lead(self) -> int:
        """The number of rows of the first unit that lie before the samples."""
        first = self.extents()[0]
        return (first.start - first.origin) % first.rows

    def reads_expected(self, windows: int, together: int, share: float = 1.0) -> float:
        """Return the average number of times that a unit of the file is read if samples are
        shuffled.

        Args:
            windows: over which they are spread.
            together: neighbours that stay so.
            share: of the samples, that are read.
        """
        extents = self.extents()
        total = sum(one.units * one.expected_reads(windows, together, share) for one in extents)
        return total / sum(one.units for one in extents)

    def part(self, start: int, stop: int) -> StoredArray:
        """Return some of the samples, unread."""
        first = self._start
        return StoredArray(
            self.rows, self.shape[1:], self._read, self.what, first + start, first + stop
        )

    def checked_by(self, check: Callable[[np.ndarray, Samples], None]) -> StoredArray:
        """Return the same samples, each checked by `check` when it is used."""

        def read(block: object, samples: Samples | None) -> np.ndarray:
            assert samples is not None
            array = self._read(block, samples)
            check(array, samples)
            return array

        sample = self.shape[1:]
        return StoredArray(self.rows, sample, read, self.what, self._start, self._stop)

    def __getitem__(self, samples: slice) -> np.ndarray:
        """Read the samples of a slice without steps."""
        start, stop, _ = samples.indices(len(self))
        return self.take(np.arange(start, stop))

    def take(self, samples: np.ndarray, axis: int = 0) -> np.ndarray:
        """Read the samples of these numbers, in any order."""
        if self._held is not None:
            return self.used(self._held.take(samples, axis=0), samples)
        with errors_at(self.what):
            block = self.rows.take(self._start + samples)
        return self.used(block, samples)

    def hold(self) -> None:
        """Read all samples, as they are stored, and keep them."""
        if self._held is None:
            held = np.empty((len(self), *self.rows.shape[1:]), self.rows.dtype)
            self.read_into(held, np.arange(len(self)), CALL_BYTES)
            self._held = held

    def read_into(
        self,
        buffer: np.ndarray,
        samples: np.ndarray,
        most_bytes: int,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Read samples as they are stored; see `StoredRows.read_into`."""
        with errors_at(self.what):
            wanted = self._start + samples
            self.rows.read_into(buffer, wanted, most_bytes, self.reads, stopped)

    def used(self, block: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Return samples that were read as they are stored: normalized, converted and checked."""
        numbers = self._start + samples
        if self.rows.normalizer is not None:
            block = np.asarray(self.rows.normalizer(block))
        array = self._read(block, numbers)
        if array.shape != (len(numbers), *self.shape[1:]):
            raise DataError(
                f"{self.what}: reading samples {numbers[0]} to {numbers[-1]}: expected an array of "
                f"shape {(len(numbers), *self.shape[1:])}, received {array.shape}"
            )
        return array


Data = np.ndarray | StoredArray


def part(array: Data, start: int, stop: int) -> Data:
    """Return some samples of an array; unread if they are stored."""
    return array.part(start, stop) if isinstance(array, StoredArray) else array[start:stop]


def in_memory(arrays: Sequence[Data]) -> list[np.ndarray]:
    """Return arrays with the stored ones read into memory."""
    return [array[:] if isinstance(array, StoredArray) else array for array in arrays]
