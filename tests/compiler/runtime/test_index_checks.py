"""Which tests of indices need no device, and what the host makes of fed indices."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.program.launch import DeviceCheck
from graphc.compiler.runtime.index_checks import fed_indices

TABLE = g.shared(np.zeros((7, 2), "float32"), "table")
ROWS = g.input((g.BATCH, 3), "int32", name="rows")
SYMBOL = g.dim.symbols(g.BATCH)[0]


def checks(*nodes: g.Node) -> list[DeviceCheck]:
    return [DeviceCheck(node, "index") for node in nodes]


def test_fed_indices_are_found_behind_what_only_moves_them() -> None:
    floats = g.input((g.BATCH, 3), "float32", name="floats")
    moved = g.transpose(g.reshape(ROWS, (3, g.BATCH)))
    read = [g.take(TABLE, indices) for indices in (ROWS, moved, g.cast(floats, "int32"))]
    added = g.scatter_add(ROWS, g.zeros((g.BATCH, 3, 2), "float32"), 5)
    found = fed_indices(checks(*read, added))
    assert found is not None
    assert [(each.node, each.size) for each in found] == [(ROWS, 7), (floats, 7), (ROWS, 5)]


def test_computed_indices_need_the_device() -> None:
    assert fed_indices(checks(g.take(TABLE, ROWS + 1))) is None
    assert fed_indices(checks(g.take(TABLE, g.shared(np.zeros(2, "int32"))))) is None
    assert fed_indices(checks(g.take(TABLE, ROWS), g.exp(TABLE))) is None
    assert fed_indices([]) == []


@pytest.mark.parametrize(
    ("values", "dtype", "fits"),
    [
        ([0, 6], "int32", True),
        ([0, 7], "int32", False),
        ([-1, 0], "int32", False),
        ([6.9, -0.5], "float32", True),
        ([7.0, 0.0], "float32", False),
        ([np.nan, 0.0], "float32", False),
    ],
)
def test_the_range_is_that_of_the_indices_cast_to_int(values, dtype: str, fits: bool) -> None:
    fed = g.input((2,), dtype, name="fed")
    (found,) = fed_indices(checks(g.take(TABLE, g.cast(fed, "int32"))))
    assert found.all_fit({fed: np.array(values, dtype)}, {}) == fits


def test_a_symbolic_axis_is_as_long_as_in_the_call() -> None:
    (found,) = fed_indices(checks(g.take(g.input((g.BATCH,), name="values"), ROWS)))
    assert found.all_fit({ROWS: np.array([[0, 1, 2]], "int32")}, {SYMBOL: 3})
    assert not found.all_fit({ROWS: np.array([[0, 1, 2]], "int32")}, {SYMBOL: 2})
