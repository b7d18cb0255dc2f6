"""Open files that several threads read at any position."""

from __future__ import annotations

import os
import threading
from typing import Protocol

import h5py
import numpy as np
from h5py._objects import phil as HDF5_LOCK


class Descriptor(Protocol):
    """A file that is open for reading."""

    def readinto(self, rest: memoryview, at: int) -> int:
        """Read bytes from a position into a buffer; return their number, which may be less than the
        buffer's size."""

    def size(self) -> int:
        """Return the size of the file in bytes."""


class OwnDescriptor:
    """A file that is closed by `close`, or when this object is no longer referenced.

    Args:
        descriptor: of a file that is open; its own is another one.
    """

    def __init__(self, descriptor: int) -> None:
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._descriptor = os.dup(descriptor)

    def readinto(self, rest: memoryview, at: int) -> int:
        with self._lock:  # so that it stays open meanwhile
            return _read(self._open(), rest, at)

    def size(self) -> int:
        with self._lock:
            return os.fstat(self._open()).st_size

    def _open(self) -> int:
        if self._descriptor is None:
            raise ValueError("it was closed")
        return self._descriptor

    def close(self) -> None:
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        if getattr(self, "_descriptor", None) is not None:
            self.close()


class DescriptorOfHDF5:
    """The descriptor by which HDF5 itself reads a file."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file.id

    def readinto(self, rest: memoryview, at: int) -> int:
        with HDF5_LOCK:  # so that it is of this file
            return _read(self._file.get_vfd_handle(), rest, at)

    def size(self) -> int:
        with HDF5_LOCK:
            return os.fstat(self._file.get_vfd_handle()).st_size


def _read(descriptor: int, rest: memoryview, at: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [rest], at)
    os.lseek(descriptor, at, os.SEEK_SET)
    found = os.read(descriptor, len(rest))
    rest[: len(found)] = found
    return len(found)


def read_array(descriptor: Descriptor, at: int, block: np.ndarray) -> None:
    """Read a whole array from a position. EOFError if the file ends before."""
    rest = block.reshape(-1).view(np.uint8).data
    while rest:
        count = descriptor.readinto(rest, at)
        if not count:
            raise EOFError("it ends before")
        rest, at = rest[count:], at + count
