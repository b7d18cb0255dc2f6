"""A temporary file with the samples of a stored array in the order in which an epoch needs them."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import numpy as np

from graphc.amounts import shown_size
from graphc.engine.data.stored import StoredArray
from graphc.errors import MissingFileError, StorageError
from graphc.paths import shown_path
from graphc.rows.descriptors import OwnDescriptor, read_array

_PIECE_BYTES = 1 << 24
"""That are read of the file before one looks whether the rest is needed."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ShuffledFile:
    """The samples of an array, written by one pass over its file: window after window, ascending
    within each, so that a window is one stretch.

    The file has no name where the system allows that, and is gone with the process however it ends.

    Args:
        array: as it is stored.
        folder: for the file.
        where: the call that needs it, for messages.
        samples: how many it is for; all by default.

    Raises:
        MissingFileError: no such folder.
        StorageError: the disk has no room for the file, or the folder may not be written to.
    """

    def __init__(
        self, array: StoredArray, folder: str, where: str, samples: int | None = None
    ) -> None:
        self._array = array
        self._place = f"{where}: shuffle_folder={shown_path(folder)}"
        if not os.path.isdir(folder):
            raise MissingFileError(f"{self._place}: there is no such folder; make it first")
        count = len(array) if samples is None else samples
        needed, free = count * array.rows.row_bytes, shutil.disk_usage(folder).free
        if needed > free:
            raise StorageError(
                f"{self._place}: {array.what} takes {shown_size(needed)} there for the length of "
                f"an epoch, and the disk has {shown_size(free)}; name a folder on another disk"
            )
        with ExitStack() as closing, self._storage_errors():
            self._file = closing.enter_context(
                tempfile.TemporaryFile(dir=folder, prefix="graphc-", buffering=0)
            )
            _reserve(self._file.fileno(), needed)
            self._descriptor = OwnDescriptor(self._file.fileno())
            closing.pop_all()

    def write(self, order: np.ndarray, edges: np.ndarray, most_bytes: int) -> None:
        """Read the samples from their file, in ascending order, and write them.

        Args:
            order: their numbers, as the epoch needs them.
            edges: the positions in that order at which windows begin, and their end.
            most_bytes: that are in memory at a time.
        """
        array, count = self._array, len(self._array)
        window_of = np.full(count, -1, np.int32)
        window_of[order] = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        positions = edges[:-1].copy()  # where the next sample of each window is written
        row = array.rows.row_bytes
        unit = max(1, array.rows.unit_bytes // max(1, row))
        most = max(1, most_bytes // 2 // max(1, row * unit)) * unit
        buffer = np.empty((min(most, count), *array.rows.shape[1:]), array.rows.dtype)
        bounds = [0, *range(most - array.lead, count, most), count]
        for start, stop in pairwise(bounds):
            samples = start + np.flatnonzero(window_of[start:stop] >= 0)
            block = buffer[: len(samples)]
            array.read_into(block, samples, most_bytes)
            windows = window_of[samples]
            block = block[np.argsort(windows, kind="stable")]
            found, counts = np.unique(windows, return_counts=True)
            first = 0
            for one, several in zip(found.tolist(), counts.tolist(), strict=True):
                self._write_at(int(positions[one]) * row, block[first : first + several])
                positions[one] += several
                first += several

    def _write_at(self, at: int, rows: np.ndarray) -> None:
        rest = rows.reshape(-1).view(np.uint8).data
        with self._storage_errors():
            self._file.seek(at)
            while rest:
                rest = rest[self._file.write(rest) :]

    def read_into(self, buffer: np.ndarray, position: int, stopped: Callable[[], bool]) -> None:
        """Read samples from a position on, that of a window."""
        row = self._array.rows.row_bytes
        piece = max(1, _PIECE_BYTES // max(1, row))
        for start in range(0, len(buffer), piece):
            if stopped():
                return
            read_array(self._descriptor, (position + start) * row, buffer[start : start + piece])

    def close(self) -> None:
        """Remove the file."""
        self._descriptor.close()
        self._file.close()

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> StorageError:
        return StorageError(
            f"{self._place}: the samples of {self._array.what}, {shown_size(self._array.nbytes)}, "
            f"cannot be written ({error}); nothing is left there. Name another folder, or none: "
            "shuffle_folder="
        )


def _reserve(descriptor: int, nbytes: int) -> None:
    """Reserve space on the disk, on systems that can."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, nbytes)
        except OSError as error:
            if error.errno in _FULL:
                raise
