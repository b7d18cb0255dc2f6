"""Arguments of a call of which each rank has its own rows alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.errors import ArgumentError


@dataclass(frozen=True)
class OwnRows:
    """An argument of a `ShardedFunction`: the rows that this rank's shards have.

    Attributes:
        array: these rows alone, along the input's batch axis; there may be none.
        first: the number of the first of them in the batch.
        total: the rows of the batch.
    """

    array: np.ndarray
    first: int
    total: int

    def whole(self, axis: int) -> np.ndarray:
        """Return an array of the whole batch's shape, whose values mean nothing."""
        shape = (*self.array.shape[:axis], self.total, *self.array.shape[axis + 1 :])
        return np.broadcast_to(np.empty((), self.array.dtype), shape)

    def rows(self, axis: int, first: int, behind: int) -> np.ndarray:
        """Return the rows from `first` to `behind` of the batch."""
        own = range(self.first, self.first + self.array.shape[axis])
        if not own.start <= first <= behind <= own.stop:
            raise ArgumentError(
                f"own rows: expected those from {first} to {behind - 1} of the batch among them, "
                f"received the {len(own)} from {own.start} on; graphc.parallel.own_rows"
                f"({self.total}) has those of this rank"
            )
        return self.array[(slice(None),) * axis + (slice(first - own.start, behind - own.start),)]
