"""Windows over an epoch's samples: the samples of arrays in files that are in memory at a time."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from graphc.amounts import shown_size, size_in_bytes
from graphc.config import config
from graphc.engine.data.generators import GeneratorQueue
from graphc.engine.data.shuffled_file import ShuffledFile
from graphc.engine.data.stored import StoredArray

_log = logging.getLogger("graphc")

_KEPT_DIVISOR = 16
"""Arrays of at most `read_window` divided by this, together, are read once and kept in memory."""

_CALL_DIVISOR = 16
"""One call reads at most `read_window` divided by this, with the rows that it discards."""

_MOST_READS_OF_UNIT = 3.0
"""The number of reads of a chunk, or a page, in an epoch, above which a file in the order of the
epoch is written or suggested. Such a file costs as much: the array is read, written, and read
again."""

_WAIT_SECONDS = 0.05  # after which the thread checks whether it is to end

Buffers = list[np.ndarray]


def read_window() -> int:
    """Return the value of the flag `read_window` in bytes."""
    return size_in_bytes("read_window", config.read_window)


def is_kept_whole(array: StoredArray, kept: int) -> bool:
    """Return True if an array is small enough to be read once and kept, beside `kept` bytes of
    others."""
    return array.nbytes + kept <= read_window() // _KEPT_DIVISOR


@dataclass(frozen=True)
class Window:
    """The samples of consecutive batches, in the order of the file.

    Attributes:
        start, stop: their positions in the epoch's order.
        samples: their numbers, ascending.
        buffers: for each array, their rows.
    """

    start: int
    stop: int
    samples: np.ndarray
    buffers: Buffers

    def rows(self, array: int, samples: np.ndarray) -> np.ndarray:
        """Return a copy of the rows of some samples."""
        return self.buffers[array].take(np.searchsorted(self.samples, samples), axis=0)


class Windows:
    """Reads arrays in files, window by window, within the bytes of the flag `read_window`.

    A thread reads the next window while batches are taken from the one before, so each has half of
    the bytes that are left beside what one call reads and what HDF5 takes.

    Args:
        arrays: of one length.
        batch_size: a window has whole batches.
        where: the call that reads, for messages.
        shuffle: as of `SampleOrder`.
        held: bytes of small arrays that are held.
        needed: samples that an epoch needs; all by default.
        last: those of its last batch, which is in one window; by default what is left.

    Attributes:
        samples: of a window.
        nbytes: that reading takes at most.
        shuffled: the arrays that are read through a temporary file; see `ShuffledFile`.
    """

    def __init__(
        self,
        arrays: Sequence[StoredArray],
        batch_size: int,
        where: str,
        shuffle: bool | str = False,
        held: int = 0,
        needed: int | None = None,
        last: int | None = None,
    ) -> None:
        count = len(arrays[0]) if needed is None else needed
        last = (count - 1) % batch_size + 1 if last is None else last
        self._arrays, self._where = list(arrays), where
        self._bound = bound = read_window()
        self.shuffled: list[StoredArray] = []
        self._call_bytes = max(1, bound // _CALL_DIVISOR)
        rows = [one.rows for one in arrays]
        beside = held + sum(one.overhead for one in rows)
        beside += max(max(one.unit_bytes, self._call_bytes) for one in rows)
        sample = sum(one.row_bytes for one in rows)
        fitting = (bound - beside) // 2 // max(1, sample)
        self.samples = min(max(fitting // batch_size, 1) * batch_size, count)
        self._edges = np.append(np.arange(0, max(count - last, 0) + 1, self.samples), count)
        self._edges = np.unique(self._edges)
        self._most = int(np.diff(self._edges).max())
        self.nbytes = beside + 2 * self._most * sample
        if fitting < batch_size:
            _log.warning(
                "%s: read_window=%s is too small for two batches of %d samples, %s each in files, "
                "and the %s that reading takes beside them; %s are taken",
                *(where, config.read_window, batch_size, shown_size(sample)),
                *(shown_size(beside), shown_size(self.nbytes)),
            )
        if shuffle:
            together = batch_size if shuffle == "batch" else 1
            for array in arrays:
                self._choose_way(array, together, count)

    def _choose_way(self, array: StoredArray, together: int, needed: int) -> None:
        """Copy an array that shuffling would read too often into a shuffled file, or log that it is
        read often."""
        windows, share = -(-needed // self.samples), needed / len(array)
        times = array.reads_expected(windows, together, share)
        if times <= _MOST_READS_OF_UNIT:
            return
        if config.shuffle_folder:
            self.shuffled.append(array)
            return
        extent = array.extents()[0]
        unit = f"chunk of {extent.rows:,} samples" if extent.chunked else "page of the file"
        _log.warning(
            "%s: %s: with read_window=%s each %s is read %.0f times an epoch, %s of an array of "
            "%s. A larger read_window takes fewer; the flag shuffle_folder=/a/folder has each "
            "epoch's samples written there in order first, %s in a temporary file",
            *(self._where, array.what, config.read_window, unit, times),
            *(shown_size(array.nbytes * times), shown_size(array.nbytes)),
            shown_size(array.nbytes),
        )

    def over(self, order: np.ndarray) -> Generator[Window]:
        """Yield the windows of an epoch; each is valid until the next is requested.

        Args:
            order: the numbers of the epoch's samples.
        """
        with ExitStack() as closing:
            files: list[ShuffledFile | None] = []
            for array in self._arrays:
                files.append(None)
                if array in self.shuffled:
                    files[-1] = file = ShuffledFile(
                        array, config.shuffle_folder, self._where, len(order)
                    )
                    closing.callback(file.close)
                    file.write(order, self._edges, self._bound // 2)
            free: queue.SimpleQueue[Buffers] = queue.SimpleQueue()
            for _ in range(2):
                free.put([_buffer(one, self._most) for one in self._arrays])
            stopped = threading.Event()
            source = GeneratorQueue(
                *(self._read(order, files, free, stopped), 1, _WAIT_SECONDS, self._where),
                late="a file is still being read",
            )
            closing.callback(source.close)
            closing.callback(free.put, [])  # for the thread, should it wait for one
            closing.callback(stopped.set)
            while True:
                try:
                    window = source.get()
                except StopIteration:
                    return
                yield window
                free.put(window.buffers)

    def _read(
        self,
        order: np.ndarray,
        files: Sequence[ShuffledFile | None],
        free: queue.SimpleQueue[Buffers],
        stopped: threading.Event,
    ) -> Iterator[Window]:
        for start, stop in pairwise(self._edges.tolist()):
            buffers = free.get()
            if stopped.is_set():
                return
            samples = np.sort(order[start:stop])
            for array, file, buffer in zip(self._arrays, files, buffers, strict=True):
                rows = buffer[: len(samples)]
                if file is not None:
                    file.read_into(rows, start, stopped.is_set)
                else:
                    array.read_into(rows, samples, self._call_bytes, stopped.is_set)
            yield Window(start, stop, samples, buffers)


def _buffer(array: StoredArray, samples: int) -> np.ndarray:
    return np.empty((samples, *array.rows.shape[1:]), array.rows.dtype)
