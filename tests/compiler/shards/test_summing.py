"""The tree of sums over shards, the rows of shards, and rows put together again."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.shards import TreeSum, joined_rows, parts_of


def tree(values: list):
    """The sum by its definition: tree(2^k) + tree(n - 2^k), 2^k below n."""
    if len(values) == 1:
        return values[0]
    left = 1
    while 2 * left < len(values):
        left *= 2
    return tree(values[:left]) + tree(values[left:])


@pytest.mark.parametrize("count", range(1, 20))
def test_sums_are_added_in_a_tree(count):
    values = (10.0 ** np.random.default_rng(count).uniform(-6, 6, count)).astype("float32")
    sums, kept = TreeSum(), 0
    for value in values:
        sums.add([np.array([value]), np.array(1)])
        kept = max(kept, len(sums._kept))
    total, number = sums.total()
    assert total.tolist() == [tree(list(values))]
    assert number == count
    assert kept <= np.log2(count) + 1


def test_a_tree_is_not_a_chain():
    values = np.array([1.0, 2.0**-24, 2.0**-24, 2.0**-24], "float32")
    sums = TreeSum()
    for value in values:
        sums.add([np.array(value)])
    assert sums.total()[0] == 1 + np.float32(2.0**-23)  # a chain of sums stays at 1


@pytest.mark.parametrize(
    ("rows", "shards", "expected"),
    [
        (10, 3, [(0, 4), (4, 8), (8, 10)]),
        (10, 5, [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]),
        (10, 8, [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]),  # three shards have no rows
        (2, 3, [(0, 1), (1, 2)]),
        (7, 1, [(0, 7)]),
    ],
)
def test_shards_are_consecutive_parts(rows, shards, expected):
    assert parts_of(rows, shards) == expected


def test_rows_are_put_together_along_merged_axes():
    whole = np.arange(3 * 5 * 2 * 4).reshape(3, 5, 2, 4)  # the batch is the second axis, of 5
    parts = [whole[:, :2], whole[:, 2:4], whole[:, 4:]]
    assert joined_rows(parts, 1, 1).tolist() == whole.tolist()
    merged = [part.reshape(3 * part.shape[1] * 2, 4) for part in parts]
    assert joined_rows(merged, 0, 3).tolist() == whole.reshape(30, 4).tolist()
