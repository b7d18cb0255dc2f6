"""scatter_add in tiles: sums in the order of the indices, and what is computed from them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.errors import IndexRangeError
from tests.compiler.scatter_programs import scatter_case
from tests.cuda_emulator.graph_programs import both, run
from tests.cuda_emulator.programs import Compiled

pytestmark = pytest.mark.over("ptx", "source")

RANDOM = np.random.default_rng(7)
case = partial(scatter_case, RANDOM)


def test_values_in_all_layouts() -> None:
    cases = [
        case(50, (BATCH, 9), (), (12,)),  # an embedding's
        case(7, (BATCH, 250), (), (3,)),  # more than one chunk of indices
        case(5000, (3,), (), ()),  # numbers, mostly zeros
        case(40, (BATCH,), (BATCH, 3), ()),  # along the last axis
        case(4, (2, 3), (5,), (130,)),  # more columns than a tile
        case(3, (4,), (70,), (8,)),
        case(BATCH, (11,), (), (6,)),
        case(1, (), (2,), (5,)),
        case(9, (31,), (), (4,), "float64"),
        case(9, (31,), (), (5,), "int32"),
        case(2, (1030,), (), (1,), "int64"),
    ]
    feeds = {x: array for _, fed in cases for x, array in fed.items()}
    for ours, theirs in both([node for node, _ in cases], feeds):
        # Up to 600 terms of about 100 in each sum, rounded once a term.
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-3)


def test_sums_are_made_in_the_order_of_the_indices() -> None:
    """In float32, 1e8 + 1 - 1e8 is 0 and 1e8 - 1e8 + 1 is 1; no other order gives both."""
    updates = np.array([[1e8, 1e8], [1, -1e8], [-1e8, 1]], "float32")
    indices, values = g.input((3,), "int32"), g.input((3, 2), "float32")
    node = g.make("scatter_add", indices, values, axis=0, size=2)
    (result,) = run([node], {indices: np.array([1, 1, 1], "int32"), values: updates})
    np.testing.assert_array_equal(result, [[0, 0], [0, 1]])


def fused(columns: int) -> tuple[list[Node], dict[Node, np.ndarray]]:
    """A step of an optimizer from the gradient of an embedding: two results, packs or not."""
    node, feeds = case(30, (BATCH, 5), (), (columns,))
    weights, factor = g.input((30, columns), "float32"), g.input((columns,), "float32")
    feeds[weights] = RANDOM.standard_normal((30, columns)).astype("float32")
    feeds[factor] = RANDOM.standard_normal(columns).astype("float32")
    square = node * node
    return [weights - node * g.broadcast_to(factor, node.shape), square], feeds


@pytest.mark.parametrize("columns", [8, 7])
def test_what_is_computed_from_the_sums(columns: int) -> None:
    outputs, feeds = fused(columns)
    for ours, theirs in both(outputs, feeds):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-3)


def test_a_table_is_updated_in_place_unless_an_index_is_out_of_range() -> None:
    """The lookup ahead has made the test of the indices that the sums make, too."""
    table = g.shared(RANDOM.standard_normal((12, 8)).astype("float32"), "table")
    before = table.get_value()
    places = g.input((BATCH, 3), "int32")
    rows = g.take(table, places)
    new = table - g.scatter_add(places, rows * rows, 12) * np.float32(0.5)
    outputs, states = [g.sum(g.tanh(rows), axis=2), new], [g.state_of(table)]
    program = lower(outputs, states)
    (scatter,) = (step for step in program.steps if step.kernel.kind == "scatter")
    assert any(buffer.origin is states[0] for buffer in scatter.writes)
    compiled = Compiled(outputs, states)
    indices = RANDOM.integers(0, 12, (5, 3)).astype("int32")
    wrong = indices.copy()
    wrong[3, 1] = 12
    with pytest.raises(IndexRangeError, match="12"):
        compiled({places: wrong})
    np.testing.assert_array_equal(table.get_value(), before)
    compiled({places: indices})
    expected = before.copy()
    np.subtract.at(expected, indices, before[indices] ** 2 * 0.5)
    np.testing.assert_allclose(table.get_value(), expected, rtol=1e-5, atol=1e-5)


def test_an_index_out_of_range_is_an_error_that_names_it() -> None:
    node, feeds = case(6, (4,), (), (3,))
    indices = node.inputs[0]
    executor = CudaExecutor(lower([node]), [node])
    before = executor.run(feeds, {}, g.CallStep())[0]
    for wrong in (-1, 6):
        bad = {**feeds, indices: np.array([0, 1, wrong, 3], "int32")}
        with pytest.raises(IndexRangeError, match=f"{wrong}"):
            executor.run(bad, {}, g.CallStep())
    np.testing.assert_array_equal(executor.run(feeds, {}, g.CallStep())[0], before)
