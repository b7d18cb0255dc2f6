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


@pytest.mark.parametrize("length", [511, 1000, 1023, 1024])
def test_what_is_only_moved(length: int) -> None:
    """Rows that are stored nearly a page apart go by way of a tile."""
    for dtype in ("float32", "float64", "bool"):
        for width in (5, 20, 70):
            x = g.input((g.BATCH, length, width), dtype)
            values = np.random.default_rng(length).integers(0, 2, (3, length, width))
            check([transposed(x)], {x: values.astype(dtype)})


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


def whole_numbers(feeds: tuple[Node, ...], batch: int) -> dict[Node, np.ndarray]:
    """Small ones, whose sums are exact in any order."""
    rng = np.random.default_rng(batch)
    drawn = {}
    for node in feeds:
        values = rng.integers(-4, 5, (batch, *node.shape[1:]))
        drawn[node] = values > 0 if node.dtype == "bool" else values.astype(node.dtype)
    return drawn


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("classes", "pixels"), [(21, 300), (9, 37), (100, 70), (600, 40)])
def test_reductions_along_and_across_rows(dtype: str, classes: int, pixels: int) -> None:
    """Tiles of rows end within the arrays, those that are stored as well."""
    first = g.input((g.BATCH, classes, pixels), dtype)
    last = g.input((g.BATCH, pixels, classes), dtype)
    product = transposed(first) * last
    most = g.max(transposed(first), 2, keepdims=True)
    outputs = [
        *(g.sum(product, 2), g.argmax(product, 2)),
        *(transposed(first) - most, g.max(last, 2, keepdims=True) + transposed(first)),
        *(g.sum(product, (1, 2)), g.sum(product, (0, 1)), g.sum(last, (0, 1))),
    ]
    for batch in (1, 3):
        check(outputs, whole_numbers((first, last), batch))


@pytest.mark.parametrize(("columns", "channels"), [(9, 16), (150, 8), (20, 270)])
def test_sums_of_neighbouring_rows_under_a_mask_across(columns: int, channels: int) -> None:
    repeated = g.input((g.BATCH, 6, columns, channels), "float32")
    mask = g.input((g.BATCH, channels, 3, columns), "bool")
    added = g.sum(g.reshape(repeated, (g.BATCH, 3, 2, columns, channels)), 2)
    masked = g.where(g.transpose(mask, (0, 2, 3, 1)), added, 0.0)
    for batch in (1, 3):
        check([masked], whole_numbers((repeated, mask), batch))


def test_functions_of_what_bools_choose() -> None:
    """As many lanes as the bools have, and what is left of them; a bool that is stored."""
    for count in (1000, 333, 64, 70):
        x, chosen = g.input((g.BATCH, count), "float32"), g.input((g.BATCH, count), "bool")
        rng = np.random.default_rng(count)
        feeds = {
            x: rng.normal(size=(7, count)).astype("float32"),
            chosen: rng.normal(size=(7, count)) > 0,
        }
        outputs = [g.where(chosen, g.exp(x), 0.0), g.cast(chosen, "float32") * g.tanh(x)]
        for ours, theirs in both([*outputs, g.greater(g.exp(x), 1.5)], feeds):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)
