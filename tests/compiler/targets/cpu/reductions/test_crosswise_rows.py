"""Reductions of what lies along rows in some arrays and across them in others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size, symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.reductions.columns import CHUNK
from graphc.compiler.targets.cpu.reductions.crosswise_rows import AREA, LEAST_SIDE
from graphc.compiler.targets.cpu.reductions.rows import REDUCTIONS
from graphc.compiler.targets.mapping import choose
from graphc.compiler.targets.target import Target

CPU = Target("cpu", 64, 32)
MAPPING = "transposed tiles of rows"
BATCH = 2
LONG = AREA // LEAST_SIDE + 70
"""Terms of which a tile has a part."""


def arrays(*shapes: Sequence[Size], dtype: str = "float32") -> list[Node]:
    return [g.input(tuple(shape), dtype, name=f"a{number}") for number, shape in enumerate(shapes)]


def check(outputs: Node | Sequence[Node], *, is_exact: bool = True) -> None:
    """Check that one kernel has the outputs, that the mapping takes it, and that it means the same,
    whatever the order of turns that have none: of small whole numbers, whose sums are exact in any
    order, all bits."""
    nodes = [outputs] if isinstance(outputs, Node) else list(outputs)
    (kernel,) = kernels(make_schedule(nodes, most_shared=0))
    plain = plain_program(kernel, "k0", buffers_of(kernel))
    found = choose(plain, CPU, REDUCTIONS)
    assert found.names == (MAPPING,), found.refusals
    rng = np.random.default_rng(3)
    sizes = {one: BATCH for array in plain.inputs for size in array.shape for one in symbols(size)}
    given = {}
    for one in plain.inputs:
        shape = tuple(BATCH if not isinstance(size, int) else size for size in one.shape)
        drawn = rng.integers(-4, 5, shape) if is_exact else rng.standard_normal(shape)
        given[one.memory] = drawn > 0 if one.dtype == "bool" else drawn.astype(one.dtype)
    expected = evaluate(plain, given, sizes).outputs
    for order in TurnOrder:
        ours = evaluate(found.program, given, sizes, order=order).outputs
        for name, value in expected.items():
            if is_exact:
                np.testing.assert_array_equal(ours[name], value)
            else:
                np.testing.assert_allclose(ours[name], value, rtol=2e-5, atol=1e-5)


def probabilities(scores: Node) -> Node:
    """The softmax over the classes, which lie apart in memory."""
    return g.softmax(g.transpose(scores, (0, 2, 1)))


@pytest.mark.parametrize(("classes", "pixels"), [(21, 16), (17, 300), (100, 70)])
def test_classes_of_pixels(classes: int, pixels: int) -> None:
    """The softmax is stored along its rows, and its scores are read across them."""
    (scores,) = arrays((g.BATCH, classes, pixels))
    check(probabilities(scores), is_exact=False)


def test_a_type_whose_tiles_are_moved_one_by_one() -> None:
    mask = g.input((g.BATCH, 60, 21), "bool", name="mask")
    (scores,) = arrays((g.BATCH, 21, 60))
    check(g.sum(g.where(mask, g.transpose(scores, (0, 2, 1)), 0.0), axis=2))


@pytest.mark.parametrize("reduce", [g.max, g.argmax], ids=["max", "argmax"])
def test_extremes(reduce: Callable[..., Node]) -> None:
    scores, labels = arrays((g.BATCH, 21, 60), (g.BATCH, 60, 21))
    check(reduce(g.transpose(scores, (0, 2, 1)) * labels, axis=2))


@pytest.mark.parametrize(("classes", "pixels"), [(21, 40), (21, 300), (300, 40), (LONG, 40)])
def test_a_sum_over_classes_and_pixels(classes: int, pixels: int) -> None:
    scores, labels = arrays((g.BATCH, classes, pixels), (g.BATCH, pixels, classes))
    check(g.sum(g.transpose(scores, (0, 2, 1)) * labels, axis=(1, 2)))


@pytest.mark.parametrize(("places", "channels"), [(33, 8), (33, 270), (CHUNK + 5, 8)])
def test_statistics_of_channels(places: int, channels: int) -> None:
    """Channels are last in one array, and first in the other."""
    last, first = arrays((g.BATCH, places, channels), (g.BATCH, channels, places))
    product = last * g.transpose(first, (0, 2, 1))
    check([g.sum(product, axis=(0, 1)), g.sum(last, axis=(0, 1))])


def test_long_rows_of_results() -> None:
    last, first = arrays((3, LONG, 8), (3, 8, LONG))
    check(g.sum(last * g.transpose(first, (0, 2, 1)), axis=1))


@pytest.mark.parametrize(("columns", "channels"), [(9, 16), (150, 8), (20, 270)])
def test_a_gradient_of_a_repeated_image(columns: int, channels: int) -> None:
    """Neighbouring rows are added, and a mask has its channels first."""
    (repeated,) = arrays((g.BATCH, 6, columns, channels))
    mask = g.input((g.BATCH, channels, 3, columns), "bool", name="mask")
    added = g.sum(g.reshape(repeated, (g.BATCH, 3, 2, columns, channels)), axis=2)
    check(g.where(g.transpose(mask, (0, 2, 3, 1)), added, 0.0))
