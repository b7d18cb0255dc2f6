"""Classes that read the rows of an array, one for each kind of file: HDF5, memory-mapped, `.npy`,
or any object with slices."""

from __future__ import annotations

import math
import mmap
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from graphc.errors import DataError
from graphc.files.hdf5 import OpenFile
from graphc.paths import shown_path
from graphc.rows.descriptors import Descriptor, DescriptorOfHDF5, read_array
from graphc.rows.read_calls import PAGE_BYTES, Extent, read_calls

Normalizer = Callable[[np.ndarray], np.ndarray]

CALL_BYTES = 1 << 23
"""The default limit on the bytes that one call reads."""

_HUGE_PAGE_BYTES = 1 << 21
"""The size of a huge page, which Linux may map around the bytes that are read."""

_one_at_a_time = threading.Lock()
"""Locked while an object of the user's is read, which may not be thread-safe."""


@dataclass
class Reads:
    """Counts of the reads of an array.

    Attributes:
        calls: the number of calls that read the file.
        nbytes: the number of bytes that they read.
        chunks: the number of chunks of HDF5, each counted as often as it was read.
    """

    calls: int = 0
    nbytes: int = 0
    chunks: int = 0


class StoredRows(ABC):
    """The rows of an array in a file.

    Attributes:
        shape: the shape of the array, whose axis 0 counts rows.
        dtype: the dtype of the rows.
        extents: ranges of rows, each with the size of the units in which the file is read.
        name: the name of the file, for messages.
        normalizer: a function that is applied to rows before they are used, or None.
        overhead: the bytes that reading holds in addition to its results.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    extents: list[Extent]
    name: str
    normalizer: Normalizer | None = None
    overhead = 0

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """The number of bytes of a row as it is stored."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def unit_bytes(self) -> int:
        """The number of bytes of the rows in the largest unit."""
        return max((min(one.rows, len(self)) for one in self.extents), default=1) * self.row_bytes

    @abstractmethod
    def read(self, first: int, stop: int) -> np.ndarray:
        """Return the rows from `first` up to, not including, `stop`. DataError if the file no
        longer has them."""

    def read_into(
        self,
        buffer: np.ndarray,
        wanted: np.ndarray,
        most_bytes: int,
        reads: Reads,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Read rows into a buffer.

        Args:
            buffer: an array with room for the rows.
            wanted: the numbers of the rows, ascending.
            most_bytes: the limit on the bytes of a call; a larger unit is read whole.
            reads: the counts that are advanced.
            stopped: returns True once the remaining rows are not needed any more.
        """
        most_rows = max(1, most_bytes // max(1, self.row_bytes))
        for call in read_calls(wanted, self.extents, most_rows):
            if stopped():
                return
            block = self.read(call.first, call.stop)
            expected = call.stop - call.first, *self.shape[1:]
            if block.dtype != self.dtype or block.shape != expected:
                raise DataError(
                    f"reading samples {call.first} to {call.stop - 1}: expected an array of shape "
                    f"{expected} and type {self.dtype}, received {block.shape} and {block.dtype}"
                )
            reads.calls += 1
            reads.nbytes += block.nbytes
            reads.chunks += call.chunks
            rows = buffer[call.begin : call.end]
            if len(rows) == len(block):
                rows[...] = block
            else:
                np.take(block, wanted[call.begin : call.end] - call.first, axis=0, out=rows)

    def take(self, numbers: np.ndarray) -> np.ndarray:
        """Return rows in any order."""
        wanted, positions = np.unique(numbers, return_inverse=True)
        buffer = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        self.read_into(buffer, wanted, CALL_BYTES, Reads())
        in_order = len(wanted) == len(numbers) and bool((wanted == numbers).all())
        return buffer if in_order else buffer[positions]


def rows_of(value: Any) -> StoredRows:
    """Return the rows of an array in a file."""
    own = getattr(type(value), "_graphc_rows", None)
    if own is not None:
        rows: StoredRows = own(value)
        return rows
    if isinstance(value, h5py.Dataset):
        return DatasetRows(value)
    return MappedRows(value) if isinstance(value, np.memmap) else SlicedRows(value)


def pages(count: int, row_bytes: int) -> list[Extent]:
    """Return the extents of an array whose rows are contiguous in its file."""
    return [Extent(0, count, max(1, PAGE_BYTES // max(1, row_bytes)))]


class SlicedRows(StoredRows):
    """The rows of an object with a shape, a length and slices."""

    def __init__(self, value: Any) -> None:
        self._value = value
        first = self.read(0, 1)  # slices may have another dtype and shape than the object states
        self.dtype = first.dtype
        self.shape = (len(value), *first.shape[1:])
        self.extents = pages(len(self), self.row_bytes)
        self.name = type(value).__name__

    def read(self, first: int, stop: int) -> np.ndarray:
        with _one_at_a_time:
            return np.asarray(self._value[first:stop])


class MappedRows(StoredRows):
    """The rows of a memory-mapped array.

    Its pages are released after each call, unless the map is private (copy-on-write): its changes
    exist in memory only.
    """

    def __init__(self, value: np.memmap) -> None:
        self._value = value
        self.dtype, self.shape = value.dtype, value.shape
        self.extents = pages(len(value), self.row_bytes)
        self.name = "a memory-mapped array" if value.filename is None else str(value.filename)
        self._file = self._status()
        self._map = getattr(value, "_mmap", None)
        self._at = 0
        if self._map is None or value.mode == "c" or not hasattr(mmap, "MADV_DONTNEED"):
            self._map = None
        else:
            self._at = np.frombuffer(self._map, np.uint8).ctypes.data

    def read(self, first: int, stop: int) -> np.ndarray:
        self._check_size()  # reading beyond the end of the file would end the process
        block = np.array(self._value[first:stop], subok=False)
        self._check_size()
        self._release(self._value[first:stop])
        return block

    def _release(self, rows: np.ndarray) -> None:
        if self._map is None or not rows.size:
            return
        low, high = np.lib.array_utils.byte_bounds(rows)
        page = mmap.PAGESIZE
        start = max(0, (low - self._at - _HUGE_PAGE_BYTES) // page * page)
        stop = min(len(self._map), high - self._at + _HUGE_PAGE_BYTES)
        self._map.madvise(mmap.MADV_DONTNEED, start, stop - start)

    def _check_size(self) -> None:
        now, before = self._status(), self._file
        if now is None or before is None or now.st_ino != before.st_ino:
            return  # another file has this name now, and the mapped one cannot be examined
        if now.st_size < before.st_size:
            raise DataError(
                f"{shown_path(self.name)} was cut to {now.st_size} bytes while it was read, from "
                f"{before.st_size}; write it again"
            )

    def _status(self) -> os.stat_result | None:
        if self._value.filename is None:
            return None
        try:
            return os.stat(self._value.filename)
        except (OSError, TypeError):  # removed since, or no file
            return None


class NpyRows(StoredRows):
    """The rows of an array at a position of an open `.npy` file."""

    def __init__(
        self,
        descriptor: Descriptor,
        at: int,
        shape: tuple[int, ...],
        dtype: np.dtype,
        name: str,
    ) -> None:
        self._descriptor, self._at = descriptor, at
        self.shape, self.dtype, self.name = shape, dtype, name
        self.extents = pages(len(self), self.row_bytes)

    def read(self, first: int, stop: int) -> np.ndarray:
        block = np.empty((stop - first, *self.shape[1:]), self.dtype)
        with _read_errors(self.name, first, stop):
            read_array(self._descriptor, self._at + first * self.row_bytes, block)
        return block


class DatasetRows(StoredRows):
    """The rows of a data set of HDF5.

    If a data set is contiguous in a file that is open for reading, its rows are read without the
    library, whose calls take several times as long.
    """

    def __init__(
        self,
        dataset: h5py.Dataset,
        start: int = 0,
        stop: int | None = None,
        file: OpenFile | None = None,
    ) -> None:
        """`file` is the file of the data set, if `graphc.files.hdf5.opened` opened it."""
        self._dataset, self._start = dataset, start
        stop = len(dataset) if stop is None else stop
        self.shape, self.dtype = (stop - start, *dataset.shape[1:]), dataset.dtype
        self.name = f"{dataset.name!r} of {shown_path((file or dataset.file).filename)}"
        self._descriptor: Descriptor | None = None if file is None else file.descriptor
        if dataset.file.mode != "r":  # rows may be in the library's buffers, and not in the file
            self._descriptor = None
        elif file is None and dataset.file.driver == "sec2":
            self._descriptor = DescriptorOfHDF5(dataset.file)
        self._at = None if self._descriptor is None else _position_of(dataset)
        self._size = 0 if self._descriptor is None else self._descriptor.size()
        if dataset.chunks is None or _reads_parts(dataset):
            self.extents = pages(len(self), self.row_bytes)
        else:
            beside = math.prod(
                -(-size // chunk)
                for size, chunk in zip(dataset.shape[1:], dataset.chunks[1:], strict=True)
            )
            chunked = 0, len(self), dataset.chunks[0], beside, -(start % dataset.chunks[0])
            self.extents = [Extent(*chunked, chunked=True)]
            self.overhead = min(_cache_bytes(dataset), dataset.nbytes) + 2 * _chunk_bytes(dataset)

    def read(self, first: int, stop: int) -> np.ndarray:
        with _read_errors(self.name, first, stop):
            if self._descriptor is None or self._at is None:
                block: np.ndarray = self._dataset[self._start + first : self._start + stop]
            else:
                block = np.empty((stop - first, *self.shape[1:]), self.dtype)
                at = self._at + (self._start + first) * self.row_bytes
                read_array(self._descriptor, at, block)
            self._check_size()
        return block

    def _check_size(self) -> None:
        """Raise DataError for a file that was cut short: the library would fill up missing rows
        with zeros."""
        if self._descriptor is not None:
            size = self._descriptor.size()
            if size < self._size:
                raise EOFError(f"it was cut from {self._size} bytes to {size}")


def _position_of(dataset: h5py.Dataset) -> int | None:
    """Return the position of a data set's numbers in its file, or None if they are stored in
    another form."""
    plain = dataset.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS
    native = dataset.id.get_type().equal(h5py.h5t.py_create(dataset.dtype))
    if not plain or not native or dataset.external or dataset.dtype.kind not in "iuf":
        return None
    offset: int | None = dataset.id.get_offset()
    return offset


def _reads_parts(dataset: h5py.Dataset) -> bool:
    """Return True if the library reads only the wanted parts of a chunk: it has no filters, and
    does not fit into the cache."""
    filters = dataset.id.get_create_plist().get_nfilters()
    return filters == 0 and _chunk_bytes(dataset) > _cache_bytes(dataset)


def _chunk_bytes(dataset: h5py.Dataset) -> int:
    return int(math.prod(dataset.chunks) * dataset.dtype.itemsize)


def _cache_bytes(dataset: h5py.Dataset) -> int:
    """Return the size of the library's chunk cache in bytes."""
    return int(dataset.id.get_access_plist().get_chunk_cache()[1])


@contextmanager
def _read_errors(name: str, first: int, stop: int) -> Iterator[None]:
    """Raise DataError for errors in the block that come from a closed, cut or damaged file."""
    try:
        yield
    except (OSError, EOFError, RuntimeError, ValueError, KeyError) as error:
        raise DataError(
            f"{name}: samples {first} to {stop - 1} cannot be read ({error}); the file is closed, "
            "or was changed since it was opened"
        ) from error
