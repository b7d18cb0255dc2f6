"""Values that loops read crosswise, as native code: in tiles that are transposed by blocks."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from tests.native.graph_programs import both, needs_compiler

pytestmark = needs_compiler


def transposed(node: Node) -> Node:
    return g.transpose(node, (0, 2, 1))


def check(outputs: list[Node], feeds: dict[Node, np.ndarray]) -> None:
    for ours, theirs in both(outputs, feeds):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [257, 300, 512, 1000])
def test_a_stretch_of_any_length(dtype: str, length: int) -> None:
    x, y = g.input((g.BATCH, length, 20), dtype), g.input((g.BATCH, 20, length), dtype)
    rng = np.random.default_rng(length)
    for batch in (1, 3):
        feeds = {
            x: rng.normal(size=(batch, length, 20)).astype(dtype),
            y: rng.normal(size=(batch, 20, length)).astype(dtype),
        }
        check([g.where(y > 0.0, transposed(x), y)], feeds)


def test_two_loops_alone_are_divided_over_threads() -> None:
    x, y = g.input((4000, 20), "float32"), g.input((20, 4000), "float32")
    rng = np.random.default_rng(0)
    feeds = {node: rng.normal(size=node.shape).astype("float32") for node in (x, y)}
    check([g.where(y > 0.0, g.transpose(x), y)], feeds)


def test_parts_of_one_value_and_several_values() -> None:
    """Of slices each from its own place on, some of them computed on the way."""
    x, z = g.input((g.BATCH, 64, 900), "float32"), g.input((g.BATCH, 300, 17), "float32")
    y = g.input((g.BATCH, 17, 300), "float32")
    flat = g.reshape(x, (g.BATCH, 64 * 900))
    first = g.reshape(flat[:, : 300 * 17], (g.BATCH, 300, 17))
    second = g.reshape(flat[:, 5000 : 5000 + 300 * 17], (g.BATCH, 300, 17))
    rng = np.random.default_rng(0)
    for batch in (1, 2, 30):
        feeds = {
            node: rng.normal(size=(batch, *node.shape[1:])).astype("float32") for node in (x, y, z)
        }
        outputs = [g.where(y > 0.0, transposed(one), y * 2.0) for one in (first, second, z)]
        check(outputs, feeds)


def test_what_is_less_than_a_tile_or_more() -> None:
    """Too few rows for a block, more than a tile has; what is flipped, or in a part alone."""
    few, many = (g.input((g.BATCH, 400, n), "float32") for n in (8, 200))
    x, y = g.input((g.BATCH, 400, 20), "float32"), g.input((g.BATCH, 20, 404), "float32")
    rng = np.random.default_rng(0)
    feeds = {
        node: rng.normal(size=(3, *node.shape[1:])).astype("float32") for node in (few, many, x, y)
    }
    padded = g.pad(transposed(x), [(0, 0), (0, 0), (1, 3)])
    flipped = g.flip(transposed(x), 2)
    check([transposed(few) * 2.0, transposed(many) * 2.0], feeds)
    check([g.maximum(padded, y), g.maximum(flipped, y[:, :, :400])], feeds)
