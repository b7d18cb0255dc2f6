"""Values that are asked for after the call, on a device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import graphc
from graphc.compiler import graph as g
from graphc.config import config
from graphc.errors import IndexRangeError


@pytest.fixture(autouse=True)
def _device() -> Iterator[None]:
    before = config.device
    config.device = "gpu"
    yield
    config.device = before


def test_values_come_later_and_in_any_order() -> None:
    x = g.input((g.BATCH, 3), "float32", name="x")
    w = graphc.shared(np.array([1, 2, 3], "float32"), "w")
    step = graphc.function([x], [g.sum(x * w), x + w], updates=[(w, w + 1.0)])
    first, dropped, last = (step.start(np.full((2, 3), k, "float32")) for k in (1, 2, 3))
    del dropped  # its memory serves the next one
    another = step.start(np.full((2, 3), 4, "float32"))
    assert another.get()[0] == 2 * 4 * (4 + 5 + 6)
    assert last.get()[0] == 2 * 3 * (3 + 4 + 5)
    total, moved = first.get()
    assert total == 2 * (1 + 2 + 3)
    np.testing.assert_array_equal(moved, [[2, 3, 4]] * 2)
    assert first.get()[1] is moved


def test_a_call_that_may_fail_a_check_is_waited_for() -> None:
    rows = g.input((2,), "int32", name="rows")
    table = graphc.shared(np.zeros(3, "float32"), "table")
    f = graphc.function([rows], g.take(table, rows + 1))
    with pytest.raises(IndexRangeError, match="index 3 at position .1,."):
        f.start(np.array([0, 2], "int32"))
    assert f.start(np.array([0, 1], "int32")).get()[0].tolist() == [0, 0]
