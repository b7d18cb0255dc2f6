"""Sums over all elements of an array, with bits that do not depend on how many ranks hold parts of
it.

The elements, in C order, are cut into blocks of `BLOCK_ELEMENTS`. The sum of a block, and that of
the blocks' sums, are taken in a fixed tree: the second half of what is left is added to the first,
as vectors. A rank adds up its own blocks, and ranks exchange no more than the sums of blocks.
"""

from __future__ import annotations

import numpy as np

from graphc.parallel.slices import BLOCK_ELEMENTS

_NARROW = 64
"""Elements of a row, of which NumPy's loops over rows take longer than their additions."""


def block_count(elements: int) -> int:
    """Return the number of blocks of an array of `elements` elements."""
    return -(-elements // BLOCK_ELEMENTS)


def sums_of_blocks(array: np.ndarray) -> np.ndarray:
    """Return the sum of each block of an array, which is overwritten."""
    flat, full = array.reshape(-1), array.size // BLOCK_ELEMENTS
    sums = np.empty(block_count(array.size), array.dtype)
    sums[:full] = _halved(flat[: full * BLOCK_ELEMENTS].reshape(full, BLOCK_ELEMENTS))
    if full < len(sums):
        sums[full] = sum_of_all(flat[full * BLOCK_ELEMENTS :])
    return sums


def sum_of_all(line: np.ndarray) -> np.ndarray:
    """Return the sum of a vector, padded with zeros to a power of two."""
    width = 1 << max(0, line.size - 1).bit_length()
    padded = np.zeros((1, width), line.dtype)
    padded[0, : line.size] = line
    total: np.ndarray = _halved(padded)[0]
    return total


def _halved(rows: np.ndarray) -> np.ndarray:
    """Return the sum of each row, whose length is a power of two; the rows are overwritten."""
    width = rows.shape[1]
    while width > _NARROW:
        width //= 2
        rows[:, :width] += rows[:, width : 2 * width]
    columns = np.ascontiguousarray(rows[:, :width].T)  # neighbours that NumPy adds at once
    while width > 1:
        width //= 2
        columns[:width] += columns[width : 2 * width]
    totals: np.ndarray = columns[0]
    return totals
