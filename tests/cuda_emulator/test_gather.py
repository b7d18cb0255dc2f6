"""gather: rows read at once or element by element, with what is computed from them."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.errors import IndexRangeError
from tests.cuda_emulator.graph_programs import both

pytestmark = pytest.mark.over("ptx", "source")

RANDOM = np.random.default_rng(5)


def fed(feeds: dict[Node, np.ndarray], shape: tuple, dtype: str, below: int = 2) -> Node:
    node = g.input(shape, dtype)
    numbers = tuple(3 if size is BATCH else size for size in shape)
    values = RANDOM.integers(0, below, numbers) if dtype != "float32" else RANDOM.random(numbers)
    feeds[node] = np.asarray(values).astype(dtype)
    return node


def test_values() -> None:
    feeds: dict[Node, np.ndarray] = {}
    rows = fed(feeds, (BATCH, 7), "int32", 20)
    outputs = []
    for width in (8, 7, 1):  # packs, and lengths that no pack divides
        table = fed(feeds, (20, width), "float32")
        taken = g.take(table, rows)
        outputs += [taken, taken * 2.0 + fed(feeds, (BATCH, 7, width), "float32")]
    flags = fed(feeds, (20, 4), "bool")
    cube = fed(feeds, (5, 20, 3), "float32")
    first = fed(feeds, (), "int32", 20)
    outputs += [
        g.take(flags, rows),
        g.take(g.swap_axes(fed(feeds, (12, 20), "float32"), 0, 1), rows),  # rows are columns
        g.take(cube, rows, 1),
        g.take(cube, rows, 1)[:, :, 2],
        g.take(fed(feeds, (20, 2, 4), "int32", 9), first),
        g.take(fed(feeds, (20,), "float32"), g.maximum(rows, 3)),
    ]
    for ours, theirs in both(outputs, feeds):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("terms", [5, 70])
def test_rows_of_a_table_that_are_added_to_a_product(terms: int) -> None:
    feeds: dict[Node, np.ndarray] = {}
    rows, table = fed(feeds, (BATCH,), "int32", 7), fed(feeds, (7, 10), "float32")
    x, w = fed(feeds, (BATCH, terms), "float32"), fed(feeds, (terms, 10), "float32")
    node = g.matmul(x, w) + g.take(table, rows)
    program = lower([node])
    for ours, theirs in both([node], feeds, 0, program):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    executor = CudaExecutor(program, [node])
    for wrong in (-1, 7):
        bad = {**feeds, rows: np.array([0, 1, wrong], "int32")}
        with pytest.raises(IndexRangeError, match=rf"{wrong} at position .2"):
            executor.run(bad, dict.fromkeys(symbols(BATCH), 3), g.CallStep())


@pytest.mark.parametrize("width", [4, 3])
def test_an_index_out_of_range_is_an_error_that_names_it(width: int) -> None:
    feeds: dict[Node, np.ndarray] = {}
    rows, table = fed(feeds, (5,), "int32", 6), fed(feeds, (6, width), "float32")
    node = g.take(table, rows)
    executor = CudaExecutor(lower([node]), [node])
    before = executor.run(feeds, {}, g.CallStep())[0]
    for wrong in (-1, 6):
        bad = {**feeds, rows: np.array([0, 1, 2, wrong, 3], "int32")}
        with pytest.raises(IndexRangeError, match=f"{wrong}"):
            executor.run(bad, {}, g.CallStep())
    np.testing.assert_array_equal(executor.run(feeds, {}, g.CallStep())[0], before)
