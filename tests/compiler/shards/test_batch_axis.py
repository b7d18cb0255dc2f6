"""Where rows lie behind reshapes."""

from __future__ import annotations

import pytest

from graphc.compiler.graph import BATCH, symbol
from graphc.compiler.shards.batch_axis import (
    BatchAxis,
    IndivisibleError,
    common_axis,
    reshaped_axis,
)

T = symbol("time")


@pytest.mark.parametrize(
    ("batch", "old", "new", "expected"),
    [
        (BatchAxis(0), (BATCH, 2, 3), (BATCH, 6), BatchAxis(0)),
        (BatchAxis(0), (BATCH, T, 3), (BATCH * T, 3), BatchAxis(0)),  # the batch in front
        (BatchAxis(1), (T, BATCH, 3), (T * BATCH, 3), BatchAxis(0, T)),  # time in front
        (BatchAxis(0, T), (T * BATCH, 3), (T, BATCH, 3), BatchAxis(1)),
        (BatchAxis(0, T), (T * BATCH, 6), (T, BATCH, 2, 3), BatchAxis(1)),
        (BatchAxis(1, 2), (5, 2 * BATCH * 3), (10, BATCH, 3), BatchAxis(1)),
        (BatchAxis(1), (1, BATCH), (BATCH,), BatchAxis(0)),
    ],
)
def test_a_reshape_that_keeps_rows(batch, old, new, expected):
    assert reshaped_axis(batch, old, new) == expected


@pytest.mark.parametrize(
    ("batch", "old", "new"),
    [
        (BatchAxis(0), (BATCH, T), (T, BATCH)),
        (BatchAxis(0), (BATCH * T, 3), (T, BATCH, 3)),  # time is not in front
        (BatchAxis(0, T), (T * BATCH, 3), (BATCH, T, 3)),
        (BatchAxis(0), (BATCH, 6), (2, BATCH, 3)),
    ],
)
def test_a_reshape_that_mixes_rows(batch, old, new):
    with pytest.raises(IndivisibleError, match="mixes rows"):
        reshaped_axis(batch, old, new)


def test_operands_with_one_batch_axis():
    assert common_axis([BatchAxis(1, None), BatchAxis(1, T)]) == BatchAxis(1, T)
    with pytest.raises(IndivisibleError, match="axis 0 of one operand and along axis 1"):
        common_axis([BatchAxis(0), BatchAxis(1)])
    with pytest.raises(IndivisibleError, match="in front of the batch"):
        common_axis([BatchAxis(0, T), BatchAxis(0, 1)])
