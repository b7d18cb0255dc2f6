"""The table of what each op does to rows of a batch, and to values that are summed over shards.

A row of the table has the rule for the rows: the batch axis of the result by those of the operands,
None for an operand without rows; `SUMMED` where the op adds up over the rows; IndivisibleError
where it mixes them. It is called where some operand has rows.

An op of operands without rows gives the sum over shards where all operands of a group in which it
is linear (the trait `linear`) are such sums, or zeros, and the others are equal in all shards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from graphc.compiler.graph import OPS, Groups, Node, is_float
from graphc.compiler.shards.batch_axis import (
    BatchAxis,
    IndivisibleError,
    common_axis,
    reshaped_axis,
)

BatchAxes = Sequence[BatchAxis | None]


class SumOverRows(Enum):
    """The result of a rule for an op that adds up over the rows."""

    SUMMED = "summed"


SUMMED = SumOverRows.SUMMED

RowsRule = Callable[[Node, BatchAxes], "BatchAxis | SumOverRows"]


@dataclass(frozen=True)
class ShardRule:
    """A row of the table.

    Attributes:
        rows: see the module.
        keeps_sums: False for a node of a linear op that gives no sum over shards from such sums.
    """

    rows: RowsRule
    keeps_sums: Callable[[Node], bool] = lambda node: True


TABLE: dict[str, ShardRule] = {}


def linear_groups(node: Node) -> Groups:
    """Return the groups of operands from whose sums over shards a node gives its own sum."""
    if not TABLE[node.op].keeps_sums(node):
        return ()
    linear = OPS[node.op].traits.linear
    return (tuple(range(len(node.inputs))),) if linear is None else linear


def _aligned(node: Node, batches: BatchAxes) -> BatchAxis:
    """All operands with rows have one batch axis, and the result has it too."""
    return common_axis([batch for batch in batches if batch is not None])


def _only(batches: BatchAxes) -> BatchAxis:
    (batch,) = [batch for batch in batches if batch is not None]
    return batch


# ---- pointwise ----------------------------------------------------------------------------------

for _name, _op in OPS.items():
    if _op.family == "pointwise":
        TABLE[_name] = ShardRule(_aligned)


def _cast_keeps_sums(node: Node) -> bool:
    """A float cut to an int is no sum of the parts cut to ints."""
    old = node.inputs[0].dtype
    return old != "bool" and (is_float(node.dtype) or (not is_float(old) and node.dtype != "bool"))


TABLE["cast"] = ShardRule(_aligned, _cast_keeps_sums)
# They mean a value of the whole batch, or of a shard's own; a sum over shards is neither yet.
for _name in ("print_tensor", "own_batch"):
    TABLE[_name] = ShardRule(_aligned, lambda node: False)


# ---- reductions ---------------------------------------------------------------------------------


def _behind(node: Node, batch: BatchAxis) -> BatchAxis:
    """The batch axis after a reduction over other axes."""
    return batch.at(batch.axis - sum(axis < batch.axis for axis in node.attrs["axes"]))


def _reduced(node: Node, batches: BatchAxes) -> BatchAxis:
    batch = _only(batches)
    if batch.axis in node.attrs["axes"]:
        raise IndivisibleError(f"it takes the {node.op} over the rows of the batch")
    return _behind(node, batch)


def _summed(node: Node, batches: BatchAxes) -> BatchAxis | SumOverRows:
    batch = _only(batches)
    return SUMMED if batch.axis in node.attrs["axes"] else _behind(node, batch)


for _name in ("prod", "max", "min", "any", "all", "argmax", "argmin"):
    TABLE[_name] = ShardRule(_reduced)
TABLE["sum"] = ShardRule(_summed)


# ---- movement -----------------------------------------------------------------------------------


def _reshape(node: Node, batches: BatchAxes) -> BatchAxis:
    return reshaped_axis(_only(batches), node.inputs[0].shape, node.shape)


def _transpose(node: Node, batches: BatchAxes) -> BatchAxis:
    batch = _only(batches)
    return batch.at(node.attrs["order"].index(batch.axis))


def _broadcast(node: Node, batches: BatchAxes) -> BatchAxis:
    batch = _only(batches)
    return batch.at(node.attrs["axes"][batch.axis])


def _slice(node: Node, batches: BatchAxes) -> BatchAxis:
    batch, attrs, size = _only(batches), node.attrs, node.inputs[0].shape
    axis = batch.axis
    if (attrs["start"][axis], attrs["stop"][axis], attrs["step"][axis]) != (0, size[axis], 1):
        raise IndivisibleError("it slices the batch")
    return batch


def _pad(node: Node, batches: BatchAxes) -> BatchAxis:
    batch, attrs = _only(batches), node.attrs
    if any(attrs[name][batch.axis] != 0 for name in ("low", "high", "interior")):
        raise IndivisibleError("it pads the batch")
    return batch


def _concat(node: Node, batches: BatchAxes) -> BatchAxis:
    batch = _aligned(node, batches)
    if batch.axis == node.attrs["axis"]:
        raise IndivisibleError("it concatenates along the batch")
    return batch


def _flip(node: Node, batches: BatchAxes) -> BatchAxis:
    batch = _only(batches)
    if batch.axis in node.attrs["axes"]:
        raise IndivisibleError("it flips the batch")
    return batch


TABLE["reshape"] = ShardRule(_reshape)
TABLE["transpose"] = ShardRule(_transpose)
TABLE["broadcast"] = ShardRule(_broadcast)
TABLE["slice"] = ShardRule(_slice)
TABLE["pad"] = ShardRule(_pad, lambda node: not np.any(node.attrs["value"]))
TABLE["concat"] = ShardRule(_concat)
TABLE["flip"] = ShardRule(_flip)


# ---- products -----------------------------------------------------------------------------------


def _matmul(node: Node, batches: BatchAxes) -> BatchAxis | SumOverRows:
    """(..., m, k) by (..., k, n): rows along k are added up, others stay."""
    left, right = batches
    m, n = node.ndim - 2, node.ndim - 1
    if left is not None and left.axis == n:
        if right is None or right.axis != m:
            raise IndivisibleError("the product adds up over the batch of one operand alone")
        common_axis([left, right.at(n)])
        return SUMMED
    if right is not None and right.axis == m:
        raise IndivisibleError("the product adds up over the batch of one operand alone")
    return _aligned(node, batches)


def _conv(node: Node, batches: BatchAxes) -> BatchAxis | SumOverRows:
    """(n, c, ...) with (f, c, ...): rows along c are added up, along n and f they stay."""
    image, kernel = batches
    if any(batch is not None and batch.axis > 1 for batch in batches):
        raise IndivisibleError("its windows go along the batch")
    if image is not None and image.axis == 1:
        if kernel is None or kernel.axis != 1:
            raise IndivisibleError("the convolution adds up over the batch of one operand alone")
        common_axis([image, kernel])
        return SUMMED
    if kernel is not None and kernel.axis == 1:
        raise IndivisibleError("the convolution adds up over the batch of one operand alone")
    if image is not None and kernel is not None:
        raise IndivisibleError("it pairs each row with all others")
    return image if image is not None else _only(batches).at(1)


TABLE["matmul"] = ShardRule(_matmul)
TABLE["conv"] = ShardRule(_conv)


# ---- indexed access -----------------------------------------------------------------------------


def _gather(node: Node, batches: BatchAxes) -> BatchAxis:
    values, indices = batches
    axis, rank = node.attrs["axis"], node.inputs[1].ndim
    if values is None:
        return _only(batches).at(axis + _only(batches).axis)
    if indices is not None or values.axis == axis:
        raise IndivisibleError("it picks rows of the batch by their positions")
    return values if values.axis < axis else values.at(values.axis + rank - 1)


def _scatter_add(node: Node, batches: BatchAxes) -> BatchAxis | SumOverRows:
    indices, updates = batches
    axis, rank = node.attrs["axis"], node.inputs[0].ndim
    if indices is not None:
        if updates is None or updates.axis != axis + indices.axis:
            raise IndivisibleError("it adds values to the positions that rows of the batch name")
        common_axis([indices.at(updates.axis), updates])
        return SUMMED
    batch = _only(batches)
    if axis <= batch.axis < axis + rank:
        raise IndivisibleError("it adds rows of the batch to positions")
    return batch if batch.axis < axis else batch.at(batch.axis - rank + 1)


TABLE["gather"] = ShardRule(_gather)
TABLE["scatter_add"] = ShardRule(_scatter_add)


# ---- windows ------------------------------------------------------------------------------------


def _window(node: Node, batches: BatchAxes) -> BatchAxis:
    batch = _aligned(node, batches)
    if batch.axis > 1:
        raise IndivisibleError("its windows go along the batch")
    return batch


for _name, _op in OPS.items():
    if _op.family == "window":
        TABLE[_name] = ShardRule(_window)
