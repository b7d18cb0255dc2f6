"""Windows over an epoch's samples: what of arrays in files is in memory at a time."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.amounts import shown_size, size_in_bytes
from graphc.config import config
from graphc.engine.training.generators import GeneratorQueue
from graphc.engine.training.loops import make_batches
from graphc.engine.training.stored import StoredArray

_log = logging.getLogger("graphc")

_SMALL = 16
"""The part of the flag `read_window`, as a divisor, up to which an array is read once, whole."""

_CALL = 16
"""The part of it, as a divisor, that one call reads, with what is dropped of it."""

_WAIT_SECONDS = 0.05  # between two looks of the thread whether it is to end

Buffers = list[np.ndarray]


def read_window() -> int:
    """Return the bytes that the flag `read_window` gives."""
    return size_in_bytes("read_window", config.read_window)


def is_small(array: StoredArray, others: int) -> bool:
    """Tell whether an array is read once and held, where as many bytes of others are already."""
    return array.nbytes + others <= read_window() // _SMALL


@dataclass(frozen=True)
class Window:
    """Samples of consecutive batches, as they are stored.

    Attributes:
        start, stop: their positions in the epoch's order.
        samples: their numbers, ascending.
        buffers: their rows, of each array.
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
        held: bytes of small arrays that are held.

    Attributes:
        samples: of a window.
        nbytes: that reading takes at most.
    """

    def __init__(
        self, arrays: Sequence[StoredArray], batch_size: int, where: str, held: int = 0
    ) -> None:
        self._arrays, self._where = list(arrays), where
        bound = read_window()
        self._call_bytes = max(1, bound // _CALL)
        rows = [one.rows for one in arrays]
        beside = held + sum(one.overhead for one in rows)
        beside += max(max(one.unit_bytes, self._call_bytes) for one in rows)
        sample = sum(one.row_bytes for one in rows)
        fitting = (bound - beside) // 2 // max(1, sample)
        self.samples = max(fitting // batch_size, 1) * batch_size
        self.nbytes = beside + 2 * self.samples * sample
        if fitting < batch_size:
            _log.warning(
                "%s: read_window=%s is too small for two batches of %d samples, %s each in files, "
                "and the %s that reading takes beside them; %s are taken",
                *(where, config.read_window, batch_size, shown_size(sample)),
                *(shown_size(beside), shown_size(self.nbytes)),
            )

    def over(self, order: np.ndarray) -> Generator[Window]:
        """Yield the windows of an epoch; what one has is there until the next one is asked for.

        Args:
            order: the numbers of the epoch's samples.
        """
        free: queue.SimpleQueue[Buffers] = queue.SimpleQueue()
        most = min(self.samples, len(order))
        for _ in range(2):
            free.put([_buffer(one, most) for one in self._arrays])
        stopped = threading.Event()
        source = GeneratorQueue(
            *(self._read(order, free, stopped), 1, _WAIT_SECONDS, self._where),
            late="a file is still being read",
        )
        try:
            while True:
                try:
                    window = source.get()
                except StopIteration:
                    return
                yield window
                free.put(window.buffers)
        finally:
            stopped.set()
            free.put([])  # for the thread, should it wait for one
            source.close()

    def _read(
        self, order: np.ndarray, free: queue.SimpleQueue[Buffers], stopped: threading.Event
    ) -> Iterator[Window]:
        for start, stop in make_batches(len(order), self.samples):
            buffers = free.get()
            if stopped.is_set():
                return
            samples = np.sort(order[start:stop])
            for array, buffer in zip(self._arrays, buffers, strict=True):
                rows = buffer[: len(samples)]
                array.read_into(rows, samples, self._call_bytes, stopped.is_set)
            yield Window(start, stop, samples, buffers)


def _buffer(array: StoredArray, samples: int) -> np.ndarray:
    return np.empty((samples, *array.rows.shape[1:]), array.rows.dtype)
