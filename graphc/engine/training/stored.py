"""Arrays that stay where they are stored, in a file, and are read a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.errors import DataError

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
)


def is_stored(value: object) -> bool:
    """Whether a value is an array in a file: NumPy's memory-mapped ones, and what has a shape, a
    length and slices but no memory to look at (an HDF5Matrix, a data set of h5py)."""
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
    """Samples in a file, converted and checked as they are read.

    Attributes:
        shape: of what reading gives, the samples first.
        what: what the array is for, for messages.
    """

    def __init__(
        self,
        value: object,
        sample: tuple[int, ...],
        read: ReadBlock,
        what: str,
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        """`read` turns stored samples into arrays of shape (samples, *sample)."""
        self.what = what
        self._value, self._read, self._start = value, read, start
        self._stop = len(value) if stop is None else stop  # type: ignore[arg-type]
        self.shape = (self._stop - start, *sample)

    @property
    def ndim(self) -> int:
        """The number of axes, that of the samples included."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def part(self, start: int, stop: int) -> StoredArray:
        """Some of the samples, still unread."""
        first = self._start
        return StoredArray(
            self._value, self.shape[1:], self._read, self.what, first + start, first + stop
        )

    def checked_by(self, check: Callable[[np.ndarray, Samples], None]) -> StoredArray:
        """The same samples, shown to `check` with their numbers as they are read."""

        def read(block: object, samples: Samples | None) -> np.ndarray:
            assert samples is not None
            array = self._read(block, samples)
            check(array, samples)
            return array

        sample = self.shape[1:]
        return StoredArray(self._value, sample, read, self.what, self._start, self._stop)

    def __getitem__(self, samples: slice) -> np.ndarray:
        """Read the samples of a slice without steps."""
        start, stop, _ = samples.indices(len(self))
        first, behind = self._start + start, self._start + stop
        return self._checked(self._value[first:behind], range(first, behind))  # type: ignore[index]

    def take(self, rows: np.ndarray, axis: int = 0) -> np.ndarray:
        """Read the samples of these numbers; only neighbours in order unless `any_order`."""
        first, behind = int(rows[0]), int(rows[-1]) + 1
        if behind - first == len(rows) and (np.diff(rows) == 1).all():
            return self[first:behind]
        numbers = self._start + rows
        return self._checked(self._value[numbers], numbers)  # type: ignore[index]

    @property
    def any_order(self) -> bool:
        """Whether samples can be read in any order; files other than memory-mapped ones are read
        in stretches."""
        return isinstance(self._value, np.memmap)

    def _checked(self, block: object, numbers: Samples) -> np.ndarray:
        array = self._read(block, numbers)
        if array.shape != (len(numbers), *self.shape[1:]):
            raise DataError(
                f"{self.what}: reading samples {numbers[0]} to {numbers[-1]}: expected an array of "
                f"shape {(len(numbers), *self.shape[1:])}, received {array.shape}"
            )
        return array


Data = np.ndarray | StoredArray


def part(array: Data, start: int, stop: int) -> Data:
    """Some samples, unread if they are stored."""
    return array.part(start, stop) if isinstance(array, StoredArray) else array[start:stop]


def in_memory(arrays: Sequence[Data]) -> list[np.ndarray]:
    """The arrays with all that is stored read."""
    return [array[:] if isinstance(array, StoredArray) else array for array in arrays]


def check_order(arrays: Sequence[Data], where: str) -> None:
    """Raise DataError for an array whose samples cannot be read in random order."""
    for array in arrays:
        if isinstance(array, StoredArray) and not array.any_order:
            raise DataError(
                f"{where}: {array.what}: expected an array in memory for shuffle=True, received "
                "one that is read from a file, batch by batch; pass shuffle='batch' (whole batches "
                "in random order) or shuffle=False, or read it into memory with value[:]"
            )
