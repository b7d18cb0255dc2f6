"""Shards of a batch: which rows each has, how their sums are added up and their rows joined."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def parts_of(rows: int, shards: int) -> list[tuple[int, int]]:
    """Return (first row, behind the last) of each shard that has rows: consecutive parts of
    ceil(rows / shards) rows, of which the last may be smaller."""
    size = math.ceil(rows / shards)
    return [(first, min(first + size, rows)) for first in range(0, rows, size)]


class TreeSum:
    """Sums of arrays that come one shard at a time, added in a binary tree over shard numbers:
    tree(n) = tree(2^k) + tree(n - 2^k), with 2^k the largest power of two below n.

    At most log2(n) + 1 sets of arrays are kept: those of complete subtrees, the larger ones first.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[int, list[np.ndarray]]] = []

    def add(self, arrays: Sequence[np.ndarray]) -> None:
        """Take the arrays of the next shard; they are overwritten."""
        size, new = 1, list(arrays)
        while self._kept and self._kept[-1][0] == size:
            _, left = self._kept.pop()
            size, new = 2 * size, _added(left, new)
        self._kept.append((size, new))

    def total(self) -> list[np.ndarray]:
        """Return the sums; the arrays that were taken are given up."""
        _, found = self._kept.pop()
        while self._kept:
            _, left = self._kept.pop()
            found = _added(left, found)
        return found


def _added(left: list[np.ndarray], right: list[np.ndarray]) -> list[np.ndarray]:
    for one, other in zip(left, right, strict=True):
        np.add(one, other, out=one)
    return left


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
