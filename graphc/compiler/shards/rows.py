"""Shards of a batch: which rows each has, and how rows of all are joined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FIRST = -1
"""In place of an axis: of an array with an element for each row, a shard reads that of its first
row."""


@dataclass(frozen=True)
class RowDivision:
    """A division of arguments into those of consecutive shards.

    Attributes:
        axes: of each argument the axis along which its rows are divided, or `FIRST`; None for one
            that every shard reads whole.
        each: the rows of a shard; the last one may have fewer.
        total: the rows of all shards.
    """

    axes: tuple[int | None, ...]
    each: int
    total: int

    @property
    def shards(self) -> int:
        """The number of shards."""
        return -(-self.total // self.each)

    def of_shard(self, arrays: Sequence[np.ndarray], shard: int) -> list[np.ndarray]:
        """Return what a shard reads of the arguments, as views."""
        pairs = zip(arrays, self.axes, strict=True)
        return [self.rows_of_shard(array, axis, shard) for array, axis in pairs]

    def rows_of_shard(self, array: np.ndarray, axis: int | None, shard: int) -> np.ndarray:
        """Return what a shard reads of an array, as a view."""
        first = shard * self.each
        if axis is None:
            return array
        if axis == FIRST:
            return array[first : first + 1].reshape(())
        stop = min(first + self.each, self.total)
        return array[(slice(None),) * axis + (slice(first, stop),)]


def shard_ranges(rows: int, shards: int) -> list[tuple[int, int]]:
    """Return (first row, end) of each shard that has rows: consecutive ranges of
    ceil(rows / shards) rows, of which the last may be smaller."""
    size = math.ceil(rows / shards)
    return [(first, min(first + size, rows)) for first in range(0, rows, size)]


def joined_rows(arrays: Sequence[np.ndarray], axis: int, outer: int) -> np.ndarray:
    """Return rows of consecutive shards as rows of the whole batch.

    Args:
        arrays: of the shards, in order.
        axis: of the batch.
        outer: the product of the sizes that are merged into it in front of the batch.
    """
    if len(arrays) == 1:
        return arrays[0]
    split = [
        array.reshape(*array.shape[:axis], outer, -1, *array.shape[axis + 1 :]) for array in arrays
    ]
    whole = np.concatenate(split, axis=axis + 1)
    return whole.reshape(*whole.shape[:axis], -1, *whole.shape[axis + 2 :])
