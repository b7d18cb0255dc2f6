"""Pooling and its gradients on the device are the interpreter's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.lowering.cuda import lower
from tests.cuda_emulator.graph_programs import both

pytestmark = pytest.mark.over("ptx", "source")

# (spatial shape, window, strides, padding): windows that touch, overlap, leave gaps, leave a rest,
# are padded and cropped, in one to three dimensions; volumes of three with their channels last.
CASES = [
    ((9,), (3,), (3,), ((0, 0),)),
    ((11,), (3,), (2,), ((1, 2),)),
    ((20,), (2,), (5,), ((0, 1),)),
    ((12,), (4,), (4,), ((-1, 0),)),
    ((13,), (3,), (1,), ((-2, -1),)),
    ((40,), (35,), (2,), ((3, 0),)),
    ((7, 8), (2, 2), (2, 2), ((0, 0), (0, 0))),
    ((7, 5), (3, 3), (2, 2), ((1, 1), (0, 1))),
    ((6, 9), (2, 3), (3, 1), ((1, 0), (2, 2))),
    ((4, 5, 6), (2, 2, 2), (2, 2, 2), ((0, 0), (1, 0), (0, 0))),
    ((3, 4, 3), (2, 3, 1), (1, 2, 1), ((1, 1), (0, 1), (0, 0))),
    ((4, 3, 5, 3), (2, 3, 3, 1), (2, 1, 2, 1), ((0, 0), (1, 1), (1, 0), (0, 0))),
]


def cases(dtype: str, seed: int) -> tuple[list[Node], dict[Node, np.ndarray]]:
    """All ops for each case, values with ties, NaN, infinities and zeros of both signs."""
    random = np.random.default_rng(seed)
    special = np.array([-1, 0, -0.0, 1, 2, 2, np.nan, -np.inf, np.inf, 0.5], dtype)
    outputs: list[Node] = []
    feeds: dict[Node, np.ndarray] = {}

    def fed(shape: tuple, array: np.ndarray) -> Node:
        node = g.input(shape, dtype)
        feeds[node] = array.astype(dtype)
        return node

    for spatial, window, strides, padding in CASES:
        attrs = {"window": window, "strides": strides, "padding": padding}
        x = fed((BATCH, 2, *spatial), random.choice(special, (3, 2, *spatial)))
        plain = fed((BATCH, 2, *spatial), random.standard_normal((3, 2, *spatial)))
        pooled = g.make("max_pool", x, **attrs)
        windows = [int(size) for size in pooled.shape[2:]]
        c = fed((BATCH, 2, *windows), random.standard_normal((3, 2, *windows)))
        outputs += [
            pooled,
            g.make("gather_pool", g.make("argmax_pool", x, **attrs), plain, **attrs),
            *(
                g.make("max_unpool", g.make("argmax_pool", y, **attrs), c, size=spatial, **attrs)
                for y in (x, plain)
            ),
            g.make("sum_pool", plain, **attrs),
            g.make("sum_unpool", c, size=spatial, **attrs),
        ]
    return outputs, feeds


def test_float32() -> None:
    for ours, theirs in both(*cases("float32", 1)):
        # A sum of up to 35 terms in another order.
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=4e-6)


def test_float64() -> None:
    for ours, theirs in both(*cases("float64", 2)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-14)


def test_a_producer_is_pulled_into_the_window_and_sizes_may_be_symbols() -> None:
    steps = g.symbol("steps")
    x, bias = g.input((BATCH, 3, steps), "float32"), g.input((3,), "float32")
    activated = g.maximum(x + g.reshape(bias, (3, 1)), 0.0)
    pooled = g.max_pool(activated, (2,))
    feeds = {
        x: np.random.default_rng(3).standard_normal((4, 3, 7)).astype("float32"),
        bias: np.array([0.5, -0.5, 0], "float32"),
    }
    c = g.cos(pooled)
    argmax = g.make("argmax_pool", activated, **pooled.attrs)
    outputs = [pooled, g.make("max_unpool", argmax, c, size=(steps,), **pooled.attrs)]
    for ours, theirs in both(outputs, feeds):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("pool", [g.max_pool, g.average_pool])
def test_what_others_read_too_is_stored_by_the_pooling(pool: Callable[..., Node]) -> None:
    random = np.random.default_rng(4)
    x, scale = g.input((BATCH, 3, 4, 6), "float32"), g.input((3, 1, 1), "float32")
    seen = g.tanh(x * scale)
    inner = g.exp(seen)
    pooled = pool(inner, (2, 3)) + 1.0
    factor = g.input((), "float32")
    transposed = g.flip(inner, 3) * factor
    outputs = [pooled, inner, transposed]
    (first, _) = lower(outputs).steps
    assert first.kernel.kind == "window"
    assert len(first.kernel.outputs) == 2
    feeds = {
        node: np.asarray(random.standard_normal(shape), "float32")
        for node, shape in ((x, (5, 3, 4, 6)), (scale, (3, 1, 1)), (factor, ()))
    }
    for ours, theirs in both(outputs, feeds):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
