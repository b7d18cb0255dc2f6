"""The rows of arrays in several files, concatenated."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import h5py
import numpy as np

from graphc.errors import DataError, MissingFileError, unknown_name
from graphc.files.hdf5 import opened
from graphc.paths import shown_path
from graphc.rows.descriptors import OwnDescriptor
from graphc.rows.read_calls import Extent
from graphc.rows.stored import DatasetRows, NpyRows, StoredRows

_MOST_OPEN = 8
"""Files that are open at a time: there may be thousands, and HDF5 keeps chunks of each."""

_CACHE_BYTES = 1 << 20
"""Of chunks, for each file: each chunk is read once a window, and not needed again."""


@dataclass(frozen=True)
class Source:
    """An array in a file.

    Attributes:
        path: of the file.
        dataset: its name in an HDF5 file; None for a `.npy` file.
    """

    path: str
    dataset: str | None

    def __str__(self) -> str:
        shown = shown_path(self.path)
        return shown if self.dataset is None else f"{self.dataset!r} of {shown}"

    def open(self) -> tuple[StoredRows, Callable[[], None], tuple[int, ...]]:
        """Return the rows, a function that closes the file, and the identity of the file."""
        return self._open_npy() if self.dataset is None else self._open_hdf5(self.dataset)

    def _open_hdf5(self, dataset: str) -> tuple[StoredRows, Callable[[], None], tuple[int, ...]]:
        with ExitStack() as closing:
            file = opened(self.path, arrays=False, rdcc_nbytes=_CACHE_BYTES)
            closing.callback(file.close)
            rows = DatasetRows(dataset_of(file, dataset), file=file)
            identity = _identity(os.stat(self.path))
            closing.pop_all()
        return rows, file.close, identity

    def _open_npy(self) -> tuple[StoredRows, Callable[[], None], tuple[int, ...]]:
        try:
            with open(self.path, "rb") as file:
                descriptor = OwnDescriptor(file.fileno())
                identity = _identity(os.fstat(file.fileno()))
                array = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (FileNotFoundError, NotADirectoryError):
            raise MissingFileError(f"there is no file {shown_path(self.path)}") from None
        except (OSError, ValueError, EOFError) as error:
            raise self._unreadable(error) from error
        if not isinstance(array, np.memmap) or not array.ndim:
            raise self._unreadable("it is not an array of rows")
        if not array.flags.c_contiguous:
            raise self._unreadable(
                "its rows do not lie one after another; save np.ascontiguousarray(x)"
            )
        rows = NpyRows(descriptor, array.offset, array.shape, array.dtype, str(self))
        return rows, descriptor.close, identity

    def _unreadable(self, why: object) -> DataError:
        return DataError(
            f"{shown_path(self.path)} cannot be read as a .npy file ({why}); of an HDF5 file give "
            "the name of the data set too"
        )


def dataset_of(file: h5py.File, name: str) -> h5py.Dataset:
    """Return a data set in a file, checked to have rows.

    Raises:
        UnknownNameError: it is not there.
        DataError: something else has the name.
    """
    if name not in file:
        raise unknown_name(f"data set of {shown_path(file.filename)}", name, list(file))
    found = file[name]
    if not isinstance(found, h5py.Dataset) or not found.shape:
        raise DataError(
            f"{shown_path(file.filename)}: {name!r} is not an array of rows, but {found}"
        )
    return found


@dataclass
class _Open:
    rows: StoredRows
    close: Callable[[], None]


class SeveralRows(StoredRows):
    """The rows of several arrays, concatenated. Only a few of their files are open at a time.

    Raises:
        DataError: an array whose rows are not like those of the first, or that cannot be read.
        MissingFileError, UnknownNameError: a file, or a data set, that is not there.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = list(sources)
        self._open: OrderedDict[int, _Open] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False
        self._known: list[tuple[int, ...]] = []
        self._starts: list[int] = []
        self.extents: list[Extent] = []
        self.name = f"{len(self._sources)} files"
        count = 0
        try:
            for k, source in enumerate(self._sources):
                rows = self._opened(k)
                if k == 0:
                    self.dtype, sample = rows.dtype, rows.shape[1:]
                elif (rows.dtype, rows.shape[1:]) != (self.dtype, sample):
                    raise DataError(
                        f"{source}: expected samples of shape {sample} and type {self.dtype}, as "
                        f"in {self._sources[0]}, received {rows.shape[1:]} and {rows.dtype}"
                    )
                self._starts.append(count)
                self.extents += [one.shifted(count) for one in rows.extents]
                self.overhead = max(self.overhead, rows.overhead)
                count += len(rows)
            if not count:
                raise DataError(f"{self._sources[0]}: the arrays have no rows")
        except BaseException:
            self.close()
            raise
        self.overhead *= min(len(self._sources), _MOST_OPEN)
        self.shape = (count, *sample)

    def read(self, first: int, stop: int) -> np.ndarray:
        with self._lock:  # so that nobody closes the file meanwhile
            k = bisect_right(self._starts, first) - 1
            return self._opened(k).read(first - self._starts[k], stop - self._starts[k])

    def close(self) -> None:
        """Close the files; later reads are errors."""
        with self._lock:
            self._closed = True
            while self._open:
                self._open.popitem()[1].close()

    def _opened(self, k: int) -> StoredRows:
        source = self._sources[k]
        if self._closed:
            raise DataError(f"{source} cannot be read: it was closed")
        if k in self._open:
            self._open.move_to_end(k)
            return self._open[k].rows
        while len(self._open) >= _MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        rows, close, identity = source.open()
        self._open[k] = _Open(rows, close)
        if k == len(self._known):
            self._known.append(identity)
        elif identity != self._known[k]:
            raise DataError(f"{source} was changed since it was opened first; make Files anew")
        return rows


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
