"""Costs counted by hand."""

from __future__ import annotations

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.cost import Cost, cost
from graphc.compiler.graph.dim import symbols

(BATCH,) = symbols(g.BATCH)
SIZES = {BATCH: 10}
X = g.input((g.BATCH, 4), "float32")
Y = g.input((g.BATCH, 4), "float32")
W = g.input((4, 3), "float32")
IMAGE = g.input((g.BATCH, 2, 5, 5), "float32")
INDICES = g.input((7,), "int32")


@pytest.mark.parametrize(
    ("node", "flops", "moved"),
    [
        (g.add(X, Y), 40, 3 * 40 * 4),
        (g.mul(X, X), 40, 2 * 40 * 4),
        (g.less(X, Y), 40, 2 * 40 * 4 + 40),
        (g.cast(X, "float64"), 0, 40 * 4 + 40 * 8),
        (g.add(INDICES, 1), 0, 7 * 4 + 4 + 7 * 4),
        (g.sum(X, axis=0), 40, 40 * 4 + 4 * 4),
        (g.argmax(X, axis=1), 40, 40 * 4 + 10 * 4),
        (g.matmul(X, W), 2 * 10 * 4 * 3, (40 + 12 + 30) * 4),
        (g.take(X, INDICES), 0, 7 * 4 + 2 * 28 * 4),
        (g.transpose(X), 0, 0),
        (g.reshape(X, (g.BATCH, 2, 2)), 0, 0),
        (X, 0, 0),
    ],
    ids=lambda value: value.op if isinstance(value, g.Node) else str(value),
)
def test_cost(node: g.Node, flops: int, moved: int) -> None:
    assert cost(node, SIZES) == Cost(flops, moved)


def test_a_broadcast_operand_is_read_once() -> None:
    row = g.input((4,), "float32")
    assert cost(g.add(X, row), SIZES) == Cost(40, (40 + 4 + 40) * 4)


def test_convolution_counts_each_product_of_each_window() -> None:
    kernel = g.input((6, 2, 3, 3), "float32")
    node = g.conv(IMAGE, kernel)
    assert node.shape == (g.BATCH, 6, 3, 3)
    assert cost(node, SIZES).flops == 2 * (10 * 6 * 3 * 3) * (2 * 3 * 3)


def test_pooling_counts_each_element_of_each_window() -> None:
    node = g.max_pool(IMAGE, (2, 2), (1, 1))
    assert cost(node, SIZES).flops == (10 * 2 * 4 * 4) * 4


def test_scan_costs_its_body_once_a_step() -> None:
    steps = g.input((6, g.BATCH, 4), "float32")
    start = g.zeros((g.BATCH, 4), "float32")
    (final,), _ = g.scan(lambda h, x: ((h[0] + x[0],), ()), [start], [steps])
    assert cost(final, SIZES) == Cost(0, 0)
    assert cost(final.inputs[0], SIZES) == Cost(6 * 40, 6 * 3 * 40 * 4)
