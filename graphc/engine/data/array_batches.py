"""Batches of arrays in memory or in files, in the order of an epoch."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

import numpy as np

from graphc.compiler.function import OwnRows
from graphc.engine.data.batches import Batch, SampleOrder, slice_X
from graphc.engine.data.rank_rows import ALL_ROWS, RankRows
from graphc.engine.data.read_report import ReadReport, reads_of
from graphc.engine.data.stored import Data, StoredArray
from graphc.engine.data.windows import Window, Windows, is_kept_whole


class ArrayBatches:
    """The batches of arrays of equal length; each iteration is one epoch.

    What is in files is read in windows; see `Windows`.

    Args:
        arrays: of one length.
        batch_size: the last batch may be shorter.
        shuffle: as of `SampleOrder`.
        order: the order of the epoch before, to go on from.
        where: the call that goes through them, for messages.
        own: the rows of each batch that are read; where they are not all, arrays are `OwnRows`.

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
        own: RankRows = ALL_ROWS,
    ) -> None:
        self.arrays = list(arrays)
        self.samples = len(arrays[0])
        self._batch_size = batch_size
        self.order = order or SampleOrder(shuffle, np.arange(self.samples))
        self._where, self._own = where, own
        self.epochs = 0
        held = 0
        self._in_windows: list[StoredArray] = []
        for array in sorted(self.stored, key=lambda one: one.nbytes):
            if is_kept_whole(array, held):
                held += array.nbytes
            else:
                self._in_windows.append(array)
        windowed = {id(one): k for k, one in enumerate(self._in_windows)}
        self._buffers = [windowed.get(id(one)) for one in self.arrays]
        self.windows: Windows | None = None
        self._batches = own.batches(self.samples, batch_size)
        counts = [rows.stop - rows.start for _, _, rows in self._batches]
        self._own_of_batch = counts[0]
        if self._in_windows and counts[0]:
            what = self._in_windows, counts[0], where, shuffle, held
            self.windows = Windows(*what, sum(counts), counts[-1])

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
            if isinstance(array, StoredArray) and buffer is None and self._own_of_batch:
                array.hold()
        if self.windows is None:
            yield from self._within(self._batches, None)
            return
        rows = self._own.order(self.order.rows, self._batch_size)
        taken = 0
        with closing(self.windows.over(rows)) as windows:
            for window in windows:
                stop = -(-window.stop // self._own_of_batch)
                yield from self._within(self._batches[taken:stop], window)
                taken = stop
        yield from self._within(self._batches[taken:], None)  # of which this rank has no rows

    def _batches_in_memory(self) -> Generator[Batch]:
        are_all = self._own.are_all
        for start, stop, own in self._batches:
            if not self.order.shuffle:
                batch = slice_X(self.arrays, start, stop)  # views, which copy nothing
            else:
                rows = self.order.rows[start:stop][own]
                batch = [array.take(rows, axis=0) for array in self.arrays]
                if not are_all:
                    batch = [self._own.argument(one, stop - start, own) for one in batch]
            yield stop - start, batch

    def _within(
        self, batches: Sequence[tuple[int, int, slice]], window: Window | None
    ) -> Generator[Batch]:
        """Yield the batches whose stored samples lie in a window."""
        for start, stop, own in batches:
            rows = self.order.rows[start:stop][own]
            batch: list[np.ndarray | OwnRows] = []
            for array, buffer in zip(self.arrays, self._buffers, strict=True):
                if isinstance(array, StoredArray) and not len(rows):
                    taken = np.empty((0, *array.shape[1:]), array.dtype)
                elif buffer is None or window is None:
                    taken = array.take(rows, axis=0)
                else:
                    assert isinstance(array, StoredArray)
                    taken = array.used(window.rows(buffer, rows), rows)
                batch.append(self._own.argument(taken, stop - start, own))
            yield stop - start, batch
