"""The rows of shards, and rows put together again."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.shards import FIRST, RowDivision, joined_rows, shard_ranges


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
    assert shard_ranges(rows, shards) == expected


def test_the_arguments_of_a_shard_are_its_rows_of_what_is_divided():
    division = RowDivision((0, 1, None, FIRST), 2, 5)
    rows, starts = np.arange(10).reshape(5, 2), 7 * np.arange(5)
    assert division.shards == 3
    for shard, own in enumerate((slice(0, 2), slice(2, 4), slice(4, 5))):
        along, across, whole, start = division.of_shard([rows, rows.T, rows, starts], shard)
        assert along.tolist() == rows[own].tolist()
        assert across.tolist() == rows.T[:, own].tolist()
        assert whole is rows
        assert (start.shape, start) == ((), 14 * shard)


def test_rows_are_put_together_along_merged_axes():
    whole = np.arange(3 * 5 * 2 * 4).reshape(3, 5, 2, 4)  # the batch is the second axis, of 5
    parts = [whole[:, :2], whole[:, 2:4], whole[:, 4:]]
    assert joined_rows(parts, 1, 1).tolist() == whole.tolist()
    merged = [part.reshape(3 * part.shape[1] * 2, 4) for part in parts]
    assert joined_rows(merged, 0, 3).tolist() == whole.reshape(30, 4).tolist()
