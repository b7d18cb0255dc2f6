"""Batches: their arrays and shapes, and the order in which epochs go through samples."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compiler.function import OwnRows
from graphc.engine.data.stored import Shaped

Batch = tuple[int, Sequence[np.ndarray | OwnRows]]
"""The number of samples of a batch, and its arrays, or the rows of them that this process
computes."""

BATCH_SIZE = 32
"""The samples of a batch where nobody says how many, as in `fit`."""

Shapes = tuple[tuple[int, ...], ...]
"""Of the arrays of a batch."""


def make_batches(size: int, batch_size: int) -> list[tuple[int, int]]:
    """Return the range (first, stop) of samples of each batch; the last batch may be shorter."""
    return [(start, min(start + batch_size, size)) for start in range(0, size, batch_size)]


def batch_shuffle(index_array: np.ndarray, batch_size: int) -> np.ndarray:
    """Return indices with whole batches in random order; an incomplete batch stays last."""
    count = len(index_array) // batch_size
    batches = index_array[: count * batch_size].reshape(count, batch_size)
    np.random.shuffle(batches)
    return np.append(batches.ravel(), index_array[count * batch_size :])


def slice_X(X: Any, start: Any = None, stop: int | None = None) -> Any:
    """Return some samples of an array, or of each array in a list.

    Args:
        X: an array, or a list of arrays.
        start: the first sample; or the numbers of all the samples that are wanted.
        stop: after the last sample, where `start` is one number.
    """
    if isinstance(X, list):
        return [slice_X(array, start, stop) for array in X]
    return X[start] if hasattr(start, "__len__") else X[start:stop]


@dataclass
class SampleOrder:
    """The order in which epochs go through samples; each one shuffles that of the epoch before.

    Attributes:
        shuffle: True for samples in random order, 'batch' for batches, False for no shuffling.
        rows: the samples' numbers in the order of the last epoch, at first as they are.
    """

    shuffle: bool | str
    rows: np.ndarray

    def shuffle_again(self, batch_size: int) -> None:
        """Make the order of the next epoch."""
        if self.shuffle == "batch":
            self.rows = batch_shuffle(self.rows, batch_size)
        elif self.shuffle:
            np.random.shuffle(self.rows)

    def fits(self, samples: int, shuffle: bool | str) -> bool:
        """Return True if it is an order of so many samples, shuffled in this way."""
        return len(self.rows) == samples and self.shuffle == shuffle


@contextmanager
def gone_through(batches: Iterable[Batch]) -> Iterator[Iterator[Batch]]:
    """Iterate over the batches of an epoch, and stop reading ahead when the block is left."""
    iterator = iter(batches)
    try:
        yield iterator
    finally:
        if isinstance(iterator, Generator):
            iterator.close()


def shapes_of(arrays: Sequence[Shaped], samples: int | None = None) -> Shapes:
    """Return the shapes of the arrays of a batch, or of their first `samples` samples."""
    shapes = [tuple(one.shape) for one in arrays]
    if samples is not None:
        shapes = [(min(samples, shape[0]), *shape[1:]) for shape in shapes]
    return tuple(shapes)
