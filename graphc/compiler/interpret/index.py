"""Indexed access: gather and its transpose, scatter_add."""

from __future__ import annotations

import math

import numpy as np

from graphc.compiler.interpret.signature import Attrs, Function
from graphc.errors import IndexRangeError


def check_indices(op: str, indices: np.ndarray, axis: int, size: int) -> None:
    outside = (indices < 0) | (indices >= size)
    if not np.any(outside):
        return
    position = tuple(map(int, np.argwhere(outside)[0]))
    where = f"at position {position} of the indices" if position else "as the only index"
    raise IndexRangeError(
        f"{op}: index {int(indices[position])} {where} is outside of axis {axis} with size {size}; "
        f"expected 0 to {size - 1}"
    )


def _gather(attrs: Attrs, values: np.ndarray, indices: np.ndarray) -> np.ndarray:
    axis = attrs["axis"]
    check_indices("gather", indices, axis, values.shape[axis])
    return np.take(values, indices, axis)


def _scatter_add(attrs: Attrs, indices: np.ndarray, updates: np.ndarray) -> np.ndarray:
    """Updates sorted by index (ties in order), then one sum a run, whatever else is added where."""
    axis, size = attrs["axis"], attrs["size"]
    check_indices("scatter_add", indices, axis, size)
    before, after = updates.shape[:axis], updates.shape[axis + indices.ndim :]
    flat = np.ravel(indices)
    total = np.zeros((*before, size, *after), updates.dtype)
    if not flat.size:
        return total
    rows = updates.reshape(math.prod(before), flat.size, math.prod(after))
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sums = np.add.reduceat(rows[:, order], starts, axis=1, dtype=updates.dtype)
    total.reshape(rows.shape[0], size, rows.shape[2])[:, ordered[starts]] = sums
    return total


INDEX: dict[str, Function] = {"gather": _gather, "scatter_add": _scatter_add}
