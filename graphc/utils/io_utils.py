"""Arrays in HDF5 files: read row by row while a model trains, or stored and loaded whole."""

from __future__ import annotations

from collections.abc import Callable
from operator import index as as_index
from types import TracebackType

import h5py
import numpy as np

from graphc.errors import (
    ArgumentError,
    DataError,
    IndexRangeError,
    unknown_name,
)
from graphc.files.hdf5 import opened, read_array, write_array, written
from graphc.lookup import whole_number
from graphc.paths import GivenPath, shown_path
from graphc.paths import ask_to_proceed_with_overwrite as ask_to_proceed_with_overwrite
from graphc.public.calls import public

_ARRAY_NAME = "data"  # where Keras' files have it


class HDF5Matrix:
    """Rows of a data set in an HDF5 file, which stays on disk; what is indexed is read.

    Stands for an array where `shape`, `dtype`, `len`, and slices or arrays of row numbers suffice,
    as in ``model.fit(x, y, shuffle='batch')``. ``numpy.asarray(matrix)`` reads it whole.

    Args:
        datapath: the file.
        dataset: the name of the data set in it.
        start, end: the matrix has the rows start ... end - 1 of the data set, by default all.
        normalizer: applied to each array that is read, e.g. ``lambda x: x / 255``; the rows of its
            result are the matrix's.

    Raises:
        MissingFileError: no such file.
        DataError: a file that is no HDF5 file, or a name that stands for no array of rows.
        UnknownNameError: a data set that is not there.
        ArgumentError: start and end are no range of rows in the data set.
    """

    def __init__(
        self,
        datapath: GivenPath,
        dataset: str,
        start: int = 0,
        end: int | None = None,
        normalizer: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        if normalizer is not None and not callable(normalizer):
            raise ArgumentError(
                f"HDF5Matrix: normalizer: expected a function, received {normalizer!r}"
            )
        self._file = opened(datapath, arrays=False)  # may have far more than is read
        try:
            self._data = _dataset(self._file, dataset)
            rows = len(self._data)
            self.start = whole_number("HDF5Matrix: start", start, 0)
            self.end = rows if end is None else whole_number("HDF5Matrix: end", end, 1)
            if not self.start < self.end <= rows:
                raise ArgumentError(
                    f"HDF5Matrix: expected 0 <= start < end <= {rows}, the rows of {dataset!r} in "
                    f"{shown_path(self._file.filename)}, received start={start} and end={end}"
                )
            self.normalizer = normalizer
            self._first = self[:1]
        except BaseException:
            self._file.close()
            raise

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, *shape of a row), after the normalizer."""
        return (len(self), *self._first.shape[1:])

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return self._first.ndim

    @property
    def dtype(self) -> np.dtype:
        """The type of what is read, after the normalizer."""
        return self._first.dtype

    def __len__(self) -> int:
        return self.end - self.start

    def __getitem__(self, key: object) -> np.ndarray:
        """Rows by a number, a slice, or a list or array of numbers (or of bools, one a row).

        Numbers below 0 count from the end. Numbers of an array may come in any order, and repeat.

        Raises:
            IndexRangeError: a row that is not there.
            ArgumentError: another kind of index, e.g. one for several axes.
        """
        if isinstance(key, slice):
            read = self._slice(key)
        elif isinstance(key, list | np.ndarray):
            read = self._chosen(np.asarray(key))
        else:
            try:
                number = as_index(key)
            except TypeError:
                raise ArgumentError(
                    "HDF5Matrix: expected a row number, a slice or an array of row numbers, "
                    f"received {key!r:.60}; read rows first, then index the array"
                ) from None
            read = self._data[self.start + int(self._checked(np.asarray(number)))]
        return read if self.normalizer is None else np.asarray(self.normalizer(read))

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ArgumentError("HDF5Matrix: its array is read from a file, so it is a copy")
        return np.asarray(self[:], dtype)

    def close(self) -> None:
        """Close the file; the matrix cannot be read from then on."""
        self._file.close()

    def __enter__(self) -> HDF5Matrix:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _slice(self, key: slice) -> np.ndarray:
        first, stop, step = key.indices(len(self))
        rows = range(first, stop, step)
        if not rows:
            return self._data[self.start : self.start]
        if step > 0:
            return self._data[self.start + first : self.start + stop : step]
        # HDF5 reads upwards only.
        upwards = self._data[self.start + rows[-1] : self.start + first + 1 : -step]
        return upwards[::-1]

    def _chosen(self, numbers: np.ndarray) -> np.ndarray:
        if numbers.ndim == 1 and numbers.dtype == bool and len(numbers) == len(self):
            numbers = np.flatnonzero(numbers)
        if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
            raise ArgumentError(
                "HDF5Matrix: expected a 1-D array of whole row numbers, received one of shape "
                f"{numbers.shape} and type {numbers.dtype}"
            )
        # HDF5 reads each row once, in rising order.
        rows, place = np.unique(self._checked(numbers.astype(np.int64)), return_inverse=True)
        return self._data[self.start + rows][place] if rows.size else self._slice(slice(0))

    def _checked(self, numbers: np.ndarray) -> np.ndarray:
        wrong = (numbers < -len(self)) | (numbers >= len(self))
        if wrong.any():
            raise IndexRangeError(
                f"HDF5Matrix: row {numbers[wrong].reshape(-1)[0]} is not one of its {len(self)} "
                "rows"
            )
        return np.where(numbers < 0, numbers + len(self), numbers)


def save_array(array: np.ndarray, name: GivenPath) -> None:
    """Store an array in the HDF5 file `name`, under 'data', as Keras did.

    The file is written whole or not at all, and replaces one that is there. DataError for an array
    that holds something else than numbers or bools.
    """
    values = np.asarray(array)
    if values.dtype.kind not in "biufc":
        raise DataError(f"save_array: expected numbers or bools, received the type {values.dtype}")
    with written(name) as file:
        write_array(file, _ARRAY_NAME, values)


def load_array(name: GivenPath) -> np.ndarray:
    """The array that `save_array` stored, ours or Keras'.

    Raises:
        MissingFileError: no such file.
        DataError: not an HDF5 file, or one without an array of the name 'data', or with another one
            than was written.
    """
    with opened(name) as file:
        if not isinstance(file.get(_ARRAY_NAME), h5py.Dataset):
            raise DataError(
                f"{shown_path(file.filename)}: expected an array of the name {_ARRAY_NAME!r} as "
                f"save_array stores it, found {list(file)}; h5py reads other files"
            )
        return read_array(file[_ARRAY_NAME])


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    if name not in file:
        raise unknown_name(f"data set of {shown_path(file.filename)}", name, list(file))
    found = file[name]
    if not isinstance(found, h5py.Dataset) or not found.shape:
        raise DataError(
            f"{shown_path(file.filename)}: {name!r} is not an array of rows, but {found}"
        )
    return found


__getattr__ = public(__name__)
