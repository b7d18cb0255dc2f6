"""The status of a value in a step that takes its batch in shards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from graphc.compiler.shards.batch_axis import BatchAxis, IndivisibleError, common_axis


class Kind(Enum):
    """The relation of what a shard computes to the value of the whole batch.

    Attributes:
        ZERO: a constant of zeros: equal in all shards, and the sum of zeros as well.
        SAME: no batch in it; equal in all shards.
        ROWS: each element belongs to one row; a shard has those of its rows.
        PARTIAL: the value is the sum of what the shards have.
        OWN: each shard has a value of its own, as a layer marked with `own_batch`.
        TOTAL: computed from sums over all shards.
        WHOLE: needs the rows of all shards at once.
    """

    ZERO = "zero"
    SAME = "same"
    ROWS = "rows"
    PARTIAL = "partial"
    OWN = "own"
    TOTAL = "total"
    WHOLE = "whole"


@dataclass(frozen=True)
class Status:
    """The status of a node.

    Attributes:
        kind: see `Kind`.
        after: how many passes over the shards have to be complete before it can be computed.
        batch: of ROWS, the axis that carries the batch.
    """

    kind: Kind
    after: int = 0
    batch: BatchAxis | None = None

    @property
    def is_local(self) -> bool:
        """Return True for what a shard computes from its rows."""
        return self.kind in (Kind.ROWS, Kind.PARTIAL, Kind.OWN)

    @property
    def after_reading(self) -> int:
        """`after` for what reads the whole value: a sum is known when its pass is complete."""
        return self.after + (self.kind is Kind.PARTIAL)


SAME = Status(Kind.SAME)
ZERO = Status(Kind.ZERO)
WHOLE = Status(Kind.WHOLE)


def covering_status(first: Status, then: Status) -> Status:
    """Return the status of a carry that has one status in a step of its loop and another in a later
    one. IndivisibleError where no status covers both."""
    after = max(first.after, then.after)
    kinds = {first.kind, then.kind}
    if Kind.WHOLE in kinds:
        return WHOLE
    if Kind.ROWS in kinds:
        batches = [one.batch for one in (first, then) if one.batch is not None]
        if len(batches) < 2:
            raise IndivisibleError("a carry of the loop begins without rows, and gets some")
        return Status(Kind.ROWS, after, common_axis(batches))
    if Kind.PARTIAL in kinds and kinds <= {Kind.PARTIAL, Kind.ZERO}:
        return Status(Kind.PARTIAL, after)
    if Kind.PARTIAL in kinds:
        raise IndivisibleError("a carry of the loop adds a sum over the batch to what is no sum")
    for kind in (Kind.OWN, Kind.TOTAL, Kind.SAME):
        if kind in kinds:
            return Status(kind, after)
    return Status(Kind.ZERO, after)
