"""The axis of a value that carries the batch, alone or merged with others.

A row is what one sample of the batch has. An axis of a value carries the batch if its size has the
symbol `BATCH`; its C-order index is ``(outer_index * batch + row) * inner + inner_index``.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.graph import BATCH, Size
from graphc.compiler.graph.dim import exact_quotient, product, symbols

(_BATCH,) = symbols(BATCH)


class IndivisibleError(Exception):
    """A use of the batch axis that mixes rows; the message says which."""


@dataclass(frozen=True)
class BatchAxis:
    """The axis that carries the batch.

    Attributes:
        axis: its position.
        outer: the product of the sizes that are merged into it in front of the batch, 1 for an axis
            that is the batch alone; None where all elements along the axis are equal, so that any
            order of the merged axes fits.
    """

    axis: int
    outer: Size | None = 1

    def at(self, axis: int) -> BatchAxis:
        """Return the batch axis at another position."""
        return BatchAxis(axis, self.outer)


def carries_batch(size: Size) -> bool:
    """Return True where a size depends on the batch."""
    return _BATCH in symbols(size)


def batch_axes(shape: tuple[Size, ...]) -> list[int]:
    """Return the axes whose sizes depend on the batch."""
    return [axis for axis, size in enumerate(shape) if carries_batch(size)]


def uniform_axis(shape: tuple[Size, ...]) -> BatchAxis:
    """Return the batch axis of a value whose rows are equal. IndivisibleError where the batch
    enters more than one axis."""
    axis = only_batch_axis(shape)
    return BatchAxis(axis, 1 if shape[axis] == BATCH else None)


def drawn_axis(shape: tuple[Size, ...]) -> BatchAxis:
    """Return the batch axis of a draw: the batch in front of what is merged with it, so that the
    rows of a shard are contiguous along the axis."""
    axis = only_batch_axis(shape)
    if exact_quotient(shape[axis], BATCH) is None:
        raise IndivisibleError(f"the size {shape[axis]} is no multiple of the batch")
    return BatchAxis(axis, 1)


def only_batch_axis(shape: tuple[Size, ...]) -> int:
    """Return the axis that carries the batch. IndivisibleError where there are several."""
    axes = batch_axes(shape)
    if len(axes) != 1:
        raise IndivisibleError(f"the batch enters {len(axes)} axes of the shape {shape}")
    return axes[0]


def common_axis(batches: list[BatchAxis]) -> BatchAxis:
    """Return the batch axis of operands of one op. IndivisibleError where they differ."""
    first = batches[0]
    for batch in batches[1:]:
        if batch.axis != first.axis:
            raise IndivisibleError(
                f"it reads rows along axis {first.axis} of one operand and along axis {batch.axis} "
                "of another"
            )
        if first.outer is None:
            first = batch
        elif batch.outer is not None and batch.outer != first.outer:
            raise IndivisibleError(
                f"it reads rows with {first.outer} values in front of the batch in one operand and "
                f"with {batch.outer} in another"
            )
    return first


def reshaped_axis(batch: BatchAxis, old: tuple[Size, ...], new: tuple[Size, ...]) -> BatchAxis:
    """Return the batch axis after a reshape. IndivisibleError where it mixes rows."""
    axis = only_batch_axis(new)
    front = product(old[: batch.axis])
    if batch.outer is None and old[batch.axis] == new[axis] and front == product(new[:axis]):
        return BatchAxis(axis, None)
    before = front * (1 if batch.outer is None else batch.outer)
    behind = exact_quotient(product(old), before * BATCH)
    outer = exact_quotient(before, product(new[:axis]))
    inner = None if behind is None else exact_quotient(behind, product(new[axis + 1 :]))
    if outer is None or inner is None or outer * BATCH * inner != new[axis]:
        raise IndivisibleError(f"the reshape from {old} to {new} mixes rows of the batch")
    return BatchAxis(axis, outer)
