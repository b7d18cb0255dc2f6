"""The calls of a function on the shards of a batch."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from graphc.compiler.function.api import Function
from graphc.compiler.function.prepared import Prepared
from graphc.compiler.runtime.cpu.bound_shards import BoundShards
from graphc.compiler.shards import RowDivision
from graphc.parallel.summing import Arrays, sum_below
from graphc.parallel.tree import Interval


class ShardCalls:
    """Calls of a function on consecutive shards of a batch, all at the same number of calls.

    Native code runs all shards in one call; elsewhere each shard is a call.

    Attributes:
        function: what is called.
        division: of its arguments.
    """

    def __init__(
        self, function: Function, division: RowDivision, sums: int, same: Collection[int] = ()
    ) -> None:
        """
        Args:
            function, division: the attributes.
            sums: how many of the outputs, the first ones, are summed over the shards.
            same: the numbers of arguments that are the same arrays at each call.
        """
        self.function, self.division = function, division
        self._sums, self._same = sums, same
        self._bound: tuple[Prepared, BoundShards | None] | None = None

    def __call__(
        self, arrays: Sequence[np.ndarray], into: Sequence[np.ndarray] | None = None
    ) -> tuple[Arrays, list[Arrays]]:
        """Run once for each shard. The number of calls stays.

        Args:
            arrays: what the shards are fed, of the same shapes at each call, and of the inputs'
                dtypes.
            into: contiguous arrays with a line for each row of the shards, which these write the
                other outputs into; a list that was given before has the same arrays.

        Returns:
            The sums, added in the tree that `graphc.parallel.tree` describes, in memory that the
            next call may overwrite; and the other outputs of each shard, unless `into` has them.
        """
        if self._bound is None:
            self._bound = self._bind(arrays)
        prepared, bound = self._bound
        if bound is not None:
            return prepared.run_shards(bound, arrays, into)
        return self._one_by_one(arrays, into)

    def of_shard(self, arrays: Sequence[np.ndarray], shard: int) -> list[np.ndarray]:
        """Return the arguments of a shard."""
        return self.division.of_shard(arrays, shard)

    def _bind(self, arrays: Sequence[np.ndarray]) -> tuple[Prepared, BoundShards | None]:
        shards = self.division.shards
        prepared, first = self.function.bound(self.of_shard(arrays, 0))
        _, last = self.function.bound(self.of_shard(arrays, shards - 1))
        sizes = [*[first] * (shards - 1), last]
        return prepared, prepared.bound_shards(self.division, sizes, self._sums, self._same)

    def _one_by_one(
        self, arrays: Sequence[np.ndarray], into: Sequence[np.ndarray] | None
    ) -> tuple[Arrays, list[Arrays]]:
        call_step, others = self.function.call_step, list[Arrays]()
        number = call_step.value

        def of_shard(shard: int) -> Arrays:
            call_step.value = number
            values = self.function(*self.of_shard(arrays, shard))
            assert isinstance(values, list)
            rows = values[self._sums :]
            if into is None:
                others.append(rows)
            else:
                for value, whole in zip(rows, into, strict=True):
                    own = self.division.rows_of_shard(whole, 0, shard)
                    own[...] = value.reshape(own.shape)
            return values[: self._sums]

        summed = sum_below(Interval(0, self.division.shards), of_shard)
        call_step.value = number
        return summed, others
