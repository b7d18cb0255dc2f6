"""The batches of arrays, in memory or in files, in an epoch's order."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

import numpy as np

from graphc.engine.training.loops import Batch, SampleOrder, make_batches, slice_X
from graphc.engine.training.read_report import ReadReport, reads_of
from graphc.engine.training.stored import Data, StoredArray
from graphc.engine.training.windows import Window, Windows, is_small


class ArrayBatches:
    """The batches of arrays of one length, an epoch at each iteration.

    What is in files is read in windows; see `Windows`.

    Args:
        arrays: of one length.
        batch_size: the last batch may be shorter.
        shuffle: as of `SampleOrder`.
        order: the order of the epoch before, to go on from.
        where: the call that goes through them, for messages.

    Attributes:
        arrays: as they were given.
        samples: how many there are.
        order: the order of the last epoch.
        epochs: how many were begun.
    """

    def __init__(
        self,
        arrays: Sequence[Data],
        batch_size: int,
        shuffle: bool | str = False,
        order: SampleOrder | None = None,
        where: str = "fit",
    ) -> None:
        self.arrays = list(arrays)
        self.samples = len(arrays[0])
        self._batch_size = batch_size
        self.order = order or SampleOrder(shuffle, np.arange(self.samples))
        self._where = where
        self.epochs = 0
        held = 0
        self._in_windows: list[StoredArray] = []
        for array in sorted(self.stored, key=lambda one: one.nbytes):
            if is_small(array, held):
                held += array.nbytes
            else:
                self._in_windows.append(array)
        windowed = {id(one): k for k, one in enumerate(self._in_windows)}
        self._buffers = [windowed.get(id(one)) for one in self.arrays]
        self.windows: Windows | None = None
        if self._in_windows:
            self.windows = Windows(self._in_windows, batch_size, where, shuffle, held)

    @property
    def stored(self) -> list[StoredArray]:
        """The arrays that are in files."""
        return [one for one in self.arrays if isinstance(one, StoredArray)]

    def read_report(self) -> ReadReport:
        """Return what was read so far of arrays in files."""
        windows = self.windows
        shuffled = [] if windows is None else windows.shuffled
        arrays = [reads_of(one, self.epochs, one in shuffled) for one in self.stored]
        if windows is None:
            return ReadReport(arrays, None, 0)
        return ReadReport(arrays, windows.samples, windows.nbytes)

    def __iter__(self) -> Generator[Batch]:
        self.order.shuffle_again(self._batch_size)
        self.epochs += 1
        return self._stored_batches() if self.stored else self._batches_in_memory()

    def _stored_batches(self) -> Generator[Batch]:
        for array, buffer in zip(self.arrays, self._buffers, strict=True):
            if isinstance(array, StoredArray) and buffer is None:
                array.hold()
        if self.windows is None:
            yield from self._within(0, self.samples, None)
            return
        with closing(self.windows.over(self.order.rows)) as windows:
            for window in windows:
                yield from self._within(window.start, window.stop, window)

    def _batches_in_memory(self) -> Generator[Batch]:
        for start, stop in make_batches(self.samples, self._batch_size):
            if self.order.shuffle:
                rows = self.order.rows[start:stop]
                batch = [array.take(rows, axis=0) for array in self.arrays]
            else:
                batch = slice_X(self.arrays, start, stop)  # views, which copy nothing
            yield stop - start, batch

    def _within(self, first: int, behind: int, window: Window | None) -> Generator[Batch]:
        """The batches from one position to another, of which a window has the stored samples."""
        for start, stop in make_batches(behind - first, self._batch_size):
            rows = self.order.rows[first + start : first + stop]
            batch = []
            for array, buffer in zip(self.arrays, self._buffers, strict=True):
                if buffer is None:
                    batch.append(array.take(rows, axis=0))
                else:
                    assert isinstance(array, StoredArray)
                    assert window is not None
                    batch.append(array.used(window.rows(buffer, rows), rows))
            yield stop - start, batch
