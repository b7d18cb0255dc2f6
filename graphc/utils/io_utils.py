"""Arrays in HDF5 files: read row by row while a model trains, or stored and loaded whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from operator import index as as_index
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import DTypeLike

from graphc.errors import ArgumentError, DataError, IndexRangeError
from graphc.files.hdf5 import opened, read_array, write_array, written
from graphc.lookup import whole_number
from graphc.paths import GivenPath, checked_path, is_path, shown_path
from graphc.paths import ask_to_proceed_with_overwrite as ask_to_proceed_with_overwrite
from graphc.public.calls import public
from graphc.rows.several import SeveralRows, Source, dataset_of
from graphc.rows.stored import DatasetRows, SlicedRows, StoredRows

_ARRAY_NAME = "data"  # where Keras' files have it


class _Matrix(ABC):
    """Rows of arrays in files, which stay there; what is indexed is read.

    Attributes:
        normalizer: applied to each array that is read, or None.
    """

    normalizer: Callable[[np.ndarray], np.ndarray] | None
    _rows: StoredRows
    _first: np.ndarray

    def _graphc_begin(self, rows: StoredRows, normalizer: object) -> None:
        if normalizer is not None and not callable(normalizer):
            raise ArgumentError(
                f"{type(self).__name__}: normalizer: expected a function, received {normalizer!r}"
            )
        self._rows, self.normalizer = rows, normalizer
        self._first = self[:1]

    def _graphc_rows(self) -> StoredRows:
        """Return the rows as they are stored; of a subclass that reads in its own way, what that
        gives."""
        if type(self).__getitem__ is not _Matrix.__getitem__:
            return SlicedRows(self)
        self._rows.normalizer = self.normalizer
        return self._rows

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, *shape of a row), after the normalizer."""
        return (len(self), *self._first.shape[1:])

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._first.ndim

    @property
    def dtype(self) -> np.dtype:
        """The type of what is read, after the normalizer."""
        return self._first.dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Rows by a number, a slice, or a list or array of numbers (or of bools, one a row).

        Numbers below 0 count from the end. Numbers of an array may come in any order, and repeat.

        Raises:
            IndexRangeError: a row that is not there.
            ArgumentError: another kind of index, e.g. one for several axes.
            DataError: a file that is closed, cut short or damaged.
        """
        if isinstance(key, slice):
            read = self._rows.take(np.arange(*key.indices(len(self))))
        elif isinstance(key, list | np.ndarray):
            read = self._rows.take(self._chosen(np.asarray(key)))
        else:
            try:
                number = as_index(key)
            except TypeError:
                raise ArgumentError(
                    f"{type(self).__name__}: expected a row number, a slice or an array of row "
                    f"numbers, received {key!r:.60}; read rows first, then index the array"
                ) from None
            read = self._rows.take(self._checked(np.asarray([number])))[0]
        return read if self.normalizer is None else np.asarray(self.normalizer(read))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ArgumentError(
                f"{type(self).__name__}: its array is read from a file, so it is a copy"
            )
        return np.asarray(self[:], dtype)

    @abstractmethod
    def close(self) -> None:
        """Close what is open; nothing can be read from then on."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _chosen(self, numbers: np.ndarray) -> np.ndarray:
        if numbers.ndim == 1 and numbers.dtype == bool and len(numbers) == len(self):
            numbers = np.flatnonzero(numbers)
        if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
            raise ArgumentError(
                f"{type(self).__name__}: expected a 1-D array of whole row numbers, received one "
                f"of shape {numbers.shape} and type {numbers.dtype}"
            )
        return self._checked(numbers.astype(np.int64))

    def _checked(self, numbers: np.ndarray) -> np.ndarray:
        wrong = (numbers < -len(self)) | (numbers >= len(self))
        if wrong.any():
            raise IndexRangeError(
                f"{type(self).__name__}: row {numbers[wrong][0]} is not one of its {len(self)} rows"
            )
        return np.where(numbers < 0, numbers + len(self), numbers)


class HDF5Matrix(_Matrix):
    """Rows of a data set in an HDF5 file, which stays on disk; what is indexed is read.

    Stands for an array where `shape`, `dtype`, `len`, and slices or arrays of row numbers suffice,
    as in ``model.fit(x, y)``. ``numpy.asarray(matrix)`` reads it whole.

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
        self._file = opened(datapath, arrays=False)  # may have far more than is read
        try:
            self._data = data = dataset_of(self._file, dataset)
            rows = len(data)
            self.start = whole_number("HDF5Matrix: start", start, 0)
            self.end = rows if end is None else whole_number("HDF5Matrix: end", end, 1)
            if not self.start < self.end <= rows:
                raise ArgumentError(
                    f"HDF5Matrix: expected 0 <= start < end <= {rows}, the rows of {dataset!r} in "
                    f"{shown_path(self._file.filename)}, received start={start} and end={end}"
                )
            rows_read = DatasetRows(data, self.start, self.end, self._file)
            self._graphc_begin(rows_read, normalizer)
        except BaseException:
            self._file.close()
            raise

    @property
    def data(self) -> h5py.Dataset:
        """The data set, with all of its rows."""
        return self._data

    def close(self) -> None:
        """Close the file; the matrix cannot be read from then on."""
        self._file.close()


class Files(_Matrix):
    """Rows of arrays in several files, one after another, as of one array; what is indexed is
    read.

    Stands for an array as an `HDF5Matrix` does: ``model.fit(Files(sorted(glob("x*.npy"))), y)``. A
    few of the files are open at a time.

    Args:
        files: of each its path, that of a `.npy` file or of an HDF5 file, or a pair of a path and
            the name of a data set in it.
        dataset: the name of the data set in HDF5 files that are given by their paths alone.
        normalizer: applied to each array that is read, e.g. ``lambda x: x / 255``; the rows of its
            result are those of this.

    Raises:
        MissingFileError: no such file.
        DataError: a file that is of another kind, or whose samples have another shape or type than
            those of the first.
        UnknownNameError: a data set that is not there.
        ArgumentError: no files, or what is neither a path nor such a pair.
    """

    def __init__(
        self,
        files: Iterable[GivenPath | tuple[GivenPath, str]],
        dataset: str | None = None,
        normalizer: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        given = [files] if is_path(files) else list(files)
        if not given:
            raise ArgumentError("Files: expected at least one file, received none")
        self._several = SeveralRows([_source(one, dataset) for one in given])
        try:
            self._graphc_begin(self._several, normalizer)
        except BaseException:
            self._several.close()
            raise

    def close(self) -> None:
        """Close the files that are open; nothing can be read from then on."""
        self._several.close()


def _source(given: object, dataset: str | None) -> Source:
    if isinstance(given, list | tuple):
        if len(given) != 2 or not isinstance(given[1], str):
            raise ArgumentError(
                "Files: expected a path, or a pair of a path and the name of a data set, received "
                f"{given!r:.80}"
            )
        return Source(checked_path("Files", given[0]), given[1])
    path = checked_path("Files", given)
    if path.endswith(".npy"):
        return Source(path, None)
    if dataset is None:
        raise ArgumentError(
            f"Files: {shown_path(path)}: which array of the file? Give a pair, (path, 'x'), or "
            "dataset='x' for all; the name of a file with a single array ends with .npy"
        )
    return Source(path, dataset)


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


public(__name__)
