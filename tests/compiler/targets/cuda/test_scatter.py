"""Scattered sums on a GPU: a block's tile, which mapping is taken, and that it means the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, symbol
from graphc.compiler.graph.dim import symbols
from graphc.compiler.interpret import evaluate as interpreted
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import Evaluated, TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.schedule import Kernel, kernels, make_schedule
from graphc.compiler.targets.cuda.scatter import SCATTER, TILES, scatter_tile
from graphc.compiler.targets.mapping import MappedProgram, choose
from tests.compiler.scatter_programs import SAMPLES, VALUES, scatter_case, scatter_with_values
from tests.compiler.targets.cuda.reductions.reduced import GPU

N = symbol("n")
DRAWS = np.random.default_rng(3)
case = partial(scatter_case, DRAWS)
Feeds = Mapping[Node, np.ndarray]


@pytest.mark.parametrize(
    ("size", "columns", "expected"),
    [
        # 2,048 elements, 128 columns at most; sizes that a call knows are taken for large ones.
        (N, N, (16, 128)),
        (N, 32, (64, 32)),
        (N, 33, (32, 64)),
        (N, 1, (2048, 1)),
        (1 << 20, 1000, (16, 128)),
        # Fewer rows where there were less than 512 blocks, down to 256 elements.
        (8192, N, (16, 128)),
        (8191, N, (16, 128)),
        (8176, N, (8, 128)),
        (4096, N, (8, 128)),
        (4088, N, (4, 128)),
        (1000, N, (2, 128)),
        (4096, 256, (16, 128)),
        (4096, 129, (16, 128)),
        (4096, 128, (8, 128)),
        # No more than there are, up to a power of two.
        (3, 1, (4, 1)),
        (3, 64, (4, 64)),
        (3, 100, (2, 128)),
        (1, 1, (1, 1)),
    ],
)
def test_a_tile(size, columns, expected) -> None:
    assert scatter_tile(size, columns) == expected


# ---- the same meaning ---------------------------------------------------------------------------


def scatter_kernel(outputs: Sequence[Node]) -> Kernel:
    (kernel,) = kernels(make_schedule(list(outputs), most_shared=GPU.shared_bytes))
    assert kernel.kind == "scatter"
    return kernel


def mapped(outputs: Sequence[Node]) -> MappedProgram:
    kernel = scatter_kernel(outputs)
    return choose(plain_program(kernel, "k0", buffers_of(kernel)), GPU, SCATTER)


def evaluated(
    program: LoopProgram, kernel: Kernel, feeds: Feeds, order: TurnOrder = TurnOrder.FORWARD
) -> Evaluated:
    buffers = buffers_of(kernel)
    arrays = {
        buffers.inputs[node].buffer.memory: array
        for node, array in feeds.items()
        if node in buffers.inputs
    }
    return evaluate(program, arrays, {symbols(BATCH)[0]: SAMPLES}, order=order)


def agrees(outputs: Sequence[Node], feeds: Feeds, name: str = TILES.name) -> None:
    """Assert that a kernel by tiles computes what the interpreter does, and the same bits in
    whichever order threads run."""
    kernel, found = scatter_kernel(outputs), mapped(outputs)
    assert found.names == (name,), found.refusals
    expected = interpreted(list(outputs), dict(feeds))
    results = [evaluated(found.program, kernel, feeds, order) for order in TurnOrder]
    for node, theirs in zip(outputs, expected, strict=True):
        (storage,) = buffers_of(kernel).outputs[node]
        first, *others = (one.outputs[storage.buffer.memory] for one in results)
        np.testing.assert_allclose(first, theirs, rtol=1e-5, atol=2e-3)
        assert all(one.tobytes() == first.tobytes() for one in others)


@pytest.mark.parametrize(
    ("size", "indices", "before", "behind", "dtype"),
    [
        (20, (BATCH, 9), (), (12,), "float32"),  # packs of what follows
        (50, (BATCH,), (), (130,), "float32"),  # more columns than a tile
        (300, (7,), (), (), "float32"),  # numbers
        (9, (BATCH,), (BATCH, 3), (), "float32"),  # along the last axis
        (4, (2, 3), (5,), (7,), "float64"),
        (BATCH, (BATCH, 2), (), (6,), "int32"),
        (9, (250,), (), (5,), "int64"),
        (3, (1030,), (), (2,), "float32"),  # two chunks
    ],
)
def test_all_layouts(size, indices, before, behind, dtype) -> None:
    node, feeds = case(size, indices, before, behind, dtype)
    agrees([node], feeds)


@pytest.mark.parametrize("values", VALUES)
def test_values_ahead_of_the_places_are_computed_for_each(values: str) -> None:
    node, feeds = scatter_with_values(DRAWS, values)
    agrees([node], feeds)


def test_rows_of_sizes_that_a_call_knows_lie_between_others() -> None:
    """A position does not tell that the elements of blocks are disjoint; coordinates do."""
    node, feeds = case(BATCH, (BATCH, 3), (2, 2), ())
    agrees([node], feeds, "tiles of sums by coordinates")


def test_what_follows_of_the_sums() -> None:
    node, feeds = case(30, (BATCH, 5), (), (8,))
    weights, factor = g.input((30, 8), "float32"), g.input((8,), "float32")
    arrays = {
        **feeds,
        weights: DRAWS.standard_normal((30, 8)).astype("float32"),
        factor: DRAWS.standard_normal(8).astype("float32"),
    }
    step = weights - node * g.broadcast_to(factor, node.shape)
    agrees([step, node * node], arrays)
    agrees([g.less(node, weights)], arrays)


def test_indices_and_updates_that_are_computed() -> None:
    places, x = g.input((BATCH, 3), "int32"), g.input((2, BATCH, 3, 5), "float32")
    factor = g.input((5,), "float32")
    feeds = {
        places: DRAWS.integers(0, 4, (SAMPLES, 3)).astype("int32"),
        x: DRAWS.standard_normal((2, SAMPLES, 3, 5)).astype("float32"),
        factor: DRAWS.standard_normal(5).astype("float32"),
    }
    updates = x * g.broadcast_to(g.exp(factor), x.shape)
    agrees([g.scatter_add(places * 2, updates, 9, axis=1)], feeds)
    agrees([g.scatter_add(places * 2 + 1, x * x, 9, axis=1)], feeds)


def test_an_index_that_is_not_there_is_reported_at_its_position() -> None:
    node, feeds = case(6, (4,), (), (3,))
    kernel, found = scatter_kernel([node]), mapped([node])
    plain = plain_program(kernel, "k0", buffers_of(kernel))
    for wrong in (-1, 6, 7):
        bad = {**feeds, node.inputs[0]: np.array([0, 1, wrong, wrong], "int32")}
        status = evaluated(found.program, kernel, bad).status
        assert status == evaluated(plain, kernel, bad).status
        assert status is not None
        assert (status.number, status.position) == (0, 2)


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "indices", "reason"),
    [
        (1, (BATCH,), "all indices name one row"),
        (5, (), "there is one place"),
    ],
)
def test_what_has_no_rows_or_places_is_computed_by_elements(size, indices, reason) -> None:
    node, feeds = case(size, indices, (), (3,))
    kernel, found = scatter_kernel([node]), mapped([node])
    assert dict(found.refusals)[TILES.name] == reason
    (expected,) = interpreted([node], dict(feeds))
    (storage,) = buffers_of(kernel).outputs[node]
    result = evaluated(found.program, kernel, feeds).outputs[storage.buffer.memory]
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-3)
