"""Where rows lie behind reshapes."""

from __future__ import annotations

import pytest

from graphc.compiler.graph import BATCH, symbol
from graphc.compiler.shards.place import IndivisibleError, Place, agreeing, reshaped_place

T = symbol("time")


@pytest.mark.parametrize(
    ("place", "old", "new", "expected"),
    [
        (Place(0), (BATCH, 2, 3), (BATCH, 6), Place(0)),
        (Place(0), (BATCH, T, 3), (BATCH * T, 3), Place(0)),  # the batch in front
        (Place(1), (T, BATCH, 3), (T * BATCH, 3), Place(0, T)),  # time in front
        (Place(0, T), (T * BATCH, 3), (T, BATCH, 3), Place(1)),
        (Place(0, T), (T * BATCH, 6), (T, BATCH, 2, 3), Place(1)),
        (Place(1, 2), (5, 2 * BATCH * 3), (10, BATCH, 3), Place(1)),
        (Place(1), (1, BATCH), (BATCH,), Place(0)),
    ],
)
def test_a_reshape_that_keeps_rows(place, old, new, expected):
    assert reshaped_place(place, old, new) == expected


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        (Place(0), (BATCH, T), (T, BATCH)),
        (Place(0), (BATCH * T, 3), (T, BATCH, 3)),  # time is not in front
        (Place(0, T), (T * BATCH, 3), (BATCH, T, 3)),
        (Place(0), (BATCH, 6), (2, BATCH, 3)),
    ],
)
def test_a_reshape_that_mixes_rows(place, old, new):
    with pytest.raises(IndivisibleError, match="mixes rows"):
        reshaped_place(place, old, new)


def test_operands_with_rows_in_one_place():
    assert agreeing([Place(1, None), Place(1, T)]) == Place(1, T)
    with pytest.raises(IndivisibleError, match="axis 0 of one operand and along axis 1"):
        agreeing([Place(0), Place(1)])
    with pytest.raises(IndivisibleError, match="in front of the batch"):
        agreeing([Place(0, T), Place(0, 1)])
