"""Shards of a batch: which rows each has, and how rows of all are joined."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


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
