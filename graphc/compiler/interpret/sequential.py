"""Sequential sums: ops whose terms are added one after the other, in their own dtype.

These show how far rounding alone can move a result. NumPy and the BLAS add in blocks, generated
code in blocks of other sizes, and on a GPU one thread may add all terms of a product. Of all these
orders a sequential sum has the largest rounding error: each addition rounds the sum of all terms
before it, and equal terms are rounded in the same direction while the sum keeps its exponent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

import numpy as np

from graphc.compiler.interpret.contraction import conv
from graphc.compiler.interpret.index import check_indices
from graphc.compiler.interpret.signature import Attrs, Function
from graphc.compiler.interpret.table import NUMPY

Order = Callable[[int], np.ndarray]
"""A function of the number of terms, which returns the order in which they are added."""


@cache
def sequential(seed: int) -> Mapping[str, Function]:
    """Return the table of `graphc.compiler.interpret.table` with sequential sums.

    Poolings are taken from that table as they are: their sums over windows are sequential already.

    Args:
        seed: 0 adds the terms in their own order, another number in a random permutation.
    """

    def order(count: int) -> np.ndarray:
        return np.random.default_rng(seed).permutation(count) if seed else np.arange(count)

    return {
        **NUMPY,
        "sum": partial(_sum, order),
        "matmul": partial(_matmul, order),
        "conv": partial(conv, partial(_tensordot, order)),
        "scatter_add": partial(_scatter_add, order),
    }


def _sum(order: Order, attrs: Attrs, x: np.ndarray) -> np.ndarray:
    axes = attrs["axes"]
    kept = [axis for axis in range(np.ndim(x)) if axis not in axes]
    terms = np.transpose(x, (*axes, *kept))
    sizes = terms.shape[len(axes) :]
    terms = terms.reshape(math.prod(terms.shape[: len(axes)]), *sizes)
    if not len(terms):
        return np.zeros(sizes, x.dtype)
    total: np.ndarray = np.add.accumulate(terms[order(len(terms))], axis=0, dtype=x.dtype)[-1]
    return total


def _matmul(order: Order, attrs: Attrs, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    total = np.zeros((*x.shape[:-1], y.shape[-1]), x.dtype)
    for k in order(x.shape[-1]):
        total += x[..., k, None] * y[..., k, None, :]
    return total


def _tensordot(
    order: Order, x: np.ndarray, y: np.ndarray, axes: tuple[Sequence[int], Sequence[int]]
) -> np.ndarray:
    of_x, of_y = (
        [k for k in range(a.ndim) if k not in own] for a, own in zip((x, y), axes, strict=True)
    )
    sizes_x, sizes_y = [x.shape[k] for k in of_x], [y.shape[k] for k in of_y]
    count = math.prod(x.shape[k] for k in axes[0])
    left = x.transpose(*of_x, *axes[0]).reshape(math.prod(sizes_x), count)
    right = y.transpose(*axes[1], *of_y).reshape(count, math.prod(sizes_y))
    return _matmul(order, {}, left, right).reshape(*sizes_x, *sizes_y)


def _scatter_add(
    order: Order, attrs: Attrs, indices: np.ndarray, updates: np.ndarray
) -> np.ndarray:
    axis, size, ndim = attrs["axis"], attrs["size"], np.ndim(indices)
    check_indices("scatter_add", indices, axis, size)
    before, after = updates.shape[:axis], updates.shape[axis + ndim :]
    flat = np.ravel(indices)
    terms = np.moveaxis(updates, range(axis, axis + ndim), range(ndim))
    terms = terms.reshape(flat.size, *before, *after)
    total = np.zeros((size, *before, *after), updates.dtype)
    chosen = order(flat.size)
    np.add.at(total, flat[chosen], terms[chosen])
    return np.moveaxis(total, 0, axis)
