"""Arguments of a call of which each rank has only its own rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.errors import ArgumentError


@dataclass(frozen=True)
class OwnRows:
    """An argument of a `ShardedFunction`: only the rows of this rank's shards.

    Attributes:
        array: these rows, along the input's batch axis; there may be none.
        first: the position of the first of them in the batch.
        total: the number of rows of the batch.
    """

    array: np.ndarray
    first: int
    total: int

    def whole(self, axis: int) -> np.ndarray:
        """Return an array with the shape of the whole batch and undefined values."""
        shape = (*self.array.shape[:axis], self.total, *self.array.shape[axis + 1 :])
        return np.broadcast_to(np.empty((), self.array.dtype), shape)

    def rows(self, axis: int, first: int, stop: int) -> np.ndarray:
        """Return the rows of the batch from `first` up to, not including, `stop`."""
        own = range(self.first, self.first + self.array.shape[axis])
        if not own.start <= first <= stop <= own.stop:
            raise ArgumentError(
                f"own rows: expected those from {first} to {stop - 1} of the batch among them, "
                f"received the {len(own)} from {own.start} on; graphc.parallel.own_rows"
                f"({self.total}) has those of this rank"
            )
        return self.array[(slice(None),) * axis + (slice(first - own.start, stop - own.start),)]


Feed = np.ndarray | OwnRows


def rows_between(value: Feed, axis: int | None, first: int, behind: int) -> np.ndarray:
    """Return the rows from `first` to `behind` of what is fed, along its batch axis if it has
    one."""
    if axis is None:
        assert isinstance(value, np.ndarray)
        return value
    if isinstance(value, OwnRows):
        return value.rows(axis, first, behind)
    return (
        value[first:behind] if axis == 0 else value[(slice(None),) * axis + (slice(first, behind),)]
    )
