"""The rows of a batch that a rank computes, and so needs to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compiler.function import OwnRows
from graphc.engine.data.batches import make_batches
from graphc.parallel.transport import Transport
from graphc.parallel.tree import rows_of_rank


@dataclass(frozen=True)
class RankRows:
    """The rows of a batch that a rank computes, those of its shards; all rows for a single rank.

    Attributes:
        shards: that a batch is taken in.
        ranks, rank: how many compute them, and which one this is.
    """

    shards: int = 1
    ranks: int = 1
    rank: int = 0

    @property
    def are_all(self) -> bool:
        """True if no other rank computes any row."""
        return self.ranks == 1

    def of(self, count: int) -> slice:
        """Return this rank's rows of a batch of `count` rows; there may be none."""
        if self.are_all:
            return slice(0, count)
        own = rows_of_rank(count, self.shards, self.ranks, self.rank)
        return slice(own.start, own.stop)

    def batches(self, samples: int, batch_size: int) -> list[tuple[int, int, slice]]:
        """Return (start, stop, own rows) of each batch."""
        whole = self.of(batch_size)
        return [
            (start, stop, whole if stop - start == batch_size else self.of(stop - start))
            for start, stop in make_batches(samples, batch_size)
        ]

    def order(self, rows: np.ndarray, batch_size: int) -> np.ndarray:
        """Return this rank's samples of an epoch, batch by batch."""
        if self.are_all:
            return rows
        batches = self.batches(len(rows), batch_size)
        return np.concatenate([rows[start:stop][own] for start, stop, own in batches])

    def argument(self, array: np.ndarray, count: int, own: slice) -> np.ndarray | OwnRows:
        """Return the argument of a step for this rank's rows of a batch of `count` rows."""
        if self.are_all:
            return array
        return OwnRows(array, own.start, count)


ALL_ROWS = RankRows()


def rank_rows(ranks: Transport[Any], shards: int) -> RankRows:
    """Return the rows that this rank computes of batches in `shards` shards."""
    return RankRows(shards, ranks.size, ranks.rank)
