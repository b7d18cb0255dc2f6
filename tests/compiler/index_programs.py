"""Indices of each dtype, in range and far outside of it, for the tests of each target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.errors import IndexRangeError

# What a cast to int32 makes a row of the table of, and the neighbours of what the dtypes hold.
WRONG = {
    "int32": [-1, 6, 2**31 - 1, -(2**31)],
    "int64": [-1, 6, 2**32, -(2**32), 2**32 + 5, 2**63 - 1, -(2**63)],
    "uint32": [6, 2**31, 2**31 + 1, 2**32 - 1],
}


class Indices:
    """The tests of a target: all of one program, which is made once.

    Attributes:
        executor: from outputs to what runs them, `run(feeds, bindings, call_step)`.
    """

    executor: Callable[[Sequence[Node]], Any]

    @pytest.fixture(scope="class")
    @classmethod
    def program(cls) -> tuple[Any, list[Node], dict[Node, np.ndarray]]:
        """Return a function that runs the program, the indices, and feeds that fit."""
        table = g.shared(np.arange(24, dtype="float32").reshape(6, 4), "table")
        indices, outputs = [], []
        feeds: dict[Node, np.ndarray] = {}
        for dtype in WRONG:
            rows, columns, named = (g.input((5,), dtype) for _ in range(3))
            marked = g.constant(np.array([0, WRONG[dtype][-1]], dtype))
            outputs += [
                g.take(table, rows),
                g.take(g.transpose(table * 2.0), columns, axis=1),
                g.one_hot(marked, 2),
                g.scatter_add(named, g.constant(np.arange(15, dtype="float32").reshape(5, 3)), 6),
            ]
            indices += [rows, columns, named]
        feeds = {node: np.array([5, 0, 3, 3, 1], node.dtype) for node in indices}
        return cls.executor(outputs), indices, feeds

    def test_all_that_fit_are_found(self, program: Any) -> None:
        executor, _, feeds = program
        table = np.arange(24, dtype="float32").reshape(6, 4)
        added = np.zeros((6, 3), "float32")
        np.add.at(added, [5, 0, 3, 3, 1], np.arange(15, dtype="float32").reshape(5, 3))
        found = iter(executor.run(feeds, {}, g.CallStep()))
        for _ in WRONG:
            np.testing.assert_array_equal(next(found), table[[5, 0, 3, 3, 1]])
            np.testing.assert_array_equal(next(found), 2 * table.T[:, [5, 0, 3, 3, 1]])
            np.testing.assert_array_equal(next(found), [[1, 0], [0, 0]])
            np.testing.assert_array_equal(next(found), added)

    @pytest.mark.parametrize("dtype", WRONG)
    def test_none_is_taken_for_another(self, program: Any, dtype: str) -> None:
        executor, indices, feeds = program
        for node in indices:
            for wrong in WRONG[dtype] if node.dtype == dtype else ():
                fed = np.array([0, 1, 2, wrong, 3], dtype)
                message = rf"index {wrong} at position .3,. of the indices .* expected 0 to 5"
                with pytest.raises(IndexRangeError, match=message):
                    executor.run({**feeds, node: fed}, {}, g.CallStep())
