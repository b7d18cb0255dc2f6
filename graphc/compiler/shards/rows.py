"""Shards of a batch: which rows each has, and how rows of all are joined."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def parts_of(rows: int, shards: int) -> list[tuple[int, int]]:
    """Return (first row, behind the last) of each shard that has rows: consecutive parts of
    ceil(rows / shards) rows, of which the last may be smaller."""
    size = math.ceil(rows / shards)
    return [(first, min(first + size, rows)) for first in range(0, rows, size)]


def joined_rows(parts: Sequence[np.ndarray], axis: int, outer: int) -> np.ndarray:
    """Return rows of consecutive shards as rows of the whole batch.

    Args:
        parts: of the shards, in order.
        axis: which carries the batch.
        outer: the product of the sizes that are merged into it in front of the batch.
    """
    if len(parts) == 1:
        return parts[0]
    split = [part.reshape(*part.shape[:axis], outer, -1, *part.shape[axis + 1 :]) for part in parts]
    whole = np.concatenate(split, axis=axis + 1)
    return whole.reshape(*whole.shape[:axis], -1, *whole.shape[axis + 2 :])
