"""Batches of a generator on several ranks: whole ones, which are compared, or parts of them."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
from collections.abc import Sequence

import numpy as np

from graphc.compiler.function import OwnRows
from graphc.engine.data.batches import Batch
from graphc.engine.data.workers import Workers
from graphc.errors import RankError
from graphc.parallel.agreement import agree, gather
from graphc.parallel.transport import Transport
from graphc.parallel.tree import rows_of_rank

_log = logging.getLogger("graphc")

Prepared = Sequence[np.ndarray] | None
"""The arrays of a step; None of a part without samples."""


class Collector:
    """Makes the batch that all ranks train on from what the generator of each rank yielded.

    Args:
        ranks: that train together.
        shards: the number of parts of a batch.
        sharded: the generator of a rank yields the rows of its shards; else whole batches.
    """

    def __init__(self, ranks: Transport[np.ndarray], shards: int, sharded: bool) -> None:
        self._ranks, self._shards = ranks, shards
        self.takes_parts = sharded and ranks.size > 1
        self._is_first = True

    def workers(self, wanted: Workers, where: str) -> Workers:
        """Return the workers of the generator: one if there are several ranks, whose batches have
        to be equal."""
        if self._ranks.size == 1:
            return wanted
        return wanted.in_order(where, "several ranks have")

    def batch(self, arrays: Prepared, place: str) -> Batch:
        """Return a batch from this rank's `arrays`; `place` names the batch in messages.

        Raises:
            RankError: on all ranks, where their whole batches differ, or their parts are not the
                rows of their shards.
        """
        if self.takes_parts:
            return self._joined(arrays, place)
        assert arrays is not None
        if self._ranks.size > 1:
            digests = " ".join(digest(array) for array in arrays)
            where, _, what = place.rpartition(": ")
            agree(where, self._ranks, platform.node(), {what: digests})
        return len(arrays[0]), arrays

    def _joined(self, arrays: Prepared, place: str) -> Batch:
        ranks = self._ranks
        own = [] if arrays is None else arrays
        count = len(own[0]) if own else 0
        kinds = [[array.dtype.name, list(array.shape[1:])] for array in own]
        digests = [digest(array) for array in own] if self._is_first else []
        stated = gather(ranks, json.dumps([count, kinds, digests]).encode())
        counts, every, seen = zip(*map(json.loads, stated), strict=True)
        self._check(counts, [one for one in every if one], place)
        if self._is_first and all(one == seen[0] for one in seen):
            _log.warning(
                "%s: all ranks yield the same samples; with sharded=True each yields its own rows "
                "of a batch, which graphc.parallel.own_rows tells",
                place,
            )
        self._is_first = False
        total = sum(counts)
        first = rows_of_rank(total, self._shards, ranks.size, ranks.rank).start
        known: list[tuple[str, list[int]]] = next(one for one in every if one)
        parts = own or [np.empty((0, *shape), dtype) for dtype, shape in known]
        return total, [OwnRows(array, first, total) for array in parts]

    def _check(self, counts: Sequence[int], kinds: Sequence[object], place: str) -> None:
        ranks, total = self._ranks, sum(counts)
        expected = [
            len(rows_of_rank(total, self._shards, ranks.size, rank)) for rank in range(ranks.size)
        ]
        if list(counts) != expected or not total:
            raise RankError(
                f"{place}: sharded=True: expected of each rank the rows of its own shards, of "
                f"{total} in {self._shards} shards {_listed(expected)} samples on ranks 0 to "
                f"{ranks.size - 1}, received {_listed(counts)}; graphc.parallel.own_rows(samples) "
                "tells which of a batch they are"
            )
        if any(one != kinds[0] for one in kinds):
            raise RankError(
                f"{place}: sharded=True: expected samples of the same kinds on all ranks, received "
                f"the dtypes and shapes {' and '.join(map(str, kinds))}"
            )


def digest(array: np.ndarray) -> str:
    """Return an array's dtype, shape, and a digest of its values."""
    found = hashlib.blake2b(array.tobytes(), digest_size=6).hexdigest()
    return f"{array.dtype}{list(array.shape)}:{found}"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
