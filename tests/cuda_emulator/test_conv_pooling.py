"""Pooling behind a convolution, in its kernel, gives the interpreter's values."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import launches
from tests.cuda_emulator.graph_programs import both

pytestmark = pytest.mark.over("ptx", "source")

SAMPLES = 3


class Fed:
    """Inputs, and what is fed."""

    def __init__(self, dtype: str):
        self.dtype = dtype
        self.feeds: dict[Node, np.ndarray] = {}
        self._random = np.random.default_rng(12)

    def __call__(self, *shape: g.Size) -> Node:
        node = g.input(shape, self.dtype)
        known = [SAMPLES if size is BATCH else size for size in shape]
        self.feeds[node] = self._random.standard_normal(known).astype(self.dtype)
        return node


def convolved(fed: Fed, filters: int, image: Node, size: tuple[int, ...], **attrs) -> Node:
    weights, bias = fed(filters, image.shape[1], *size), fed(filters, *(1 for _ in size))
    return g.maximum(g.conv(image, weights, **attrs) + bias, 0.0)


def check(outputs: list[Node], fed: Fed, kinds: list[str] | None = None) -> None:
    outputs = optimize(outputs)[0]
    if kinds is not None:
        found = [launch.kernel.kind for launch in launches(lower(outputs).steps)]
        assert found == kinds
    rtol = 1e-5 if fed.dtype == "float32" else 1e-12
    for ours, theirs in both(outputs, fed.feeds):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=10 * rtol)


# (channels, image, filters, kernel, attributes, window): tiles of each height; a batch that ends
# within a tile; strides, padding, two of three axes.
CASES = [
    (3, (14, 14), 8, (3, 3), {}, (2, 2)),
    (2, (14, 16), 20, (3, 3), {"padding": 1}, (2, 2)),
    (1, (12, 12), 40, (1, 3), {"padding": ((0, 0), (1, 1))}, (2, 2)),
    (2, (25, 28), 5, (3, 2), {"strides": 2, "padding": ((1, 0), (0, 0))}, (2, 2)),
    (2, (4, 9, 10), 3, (1, 2, 3), {}, (2, 1, 2)),
    (2, (4, 10, 10), 3, (2, 3, 3), {"padding": ((1, 0), (0, 0), (1, 1))}, (1, 2, 2)),
    (1, (5, 10, 12), 3, (2, 3, 3), {}, (2, 2, 2)),
    (2, (4, 8, 8), 20, (3, 3, 3), {"padding": 1}, (2, 2, 2)),
    (1, (4, 8, 8), 34, (1, 3, 1), {"padding": ((0, 0), (1, 1), (0, 0))}, (2, 2, 2)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_case(dtype: str) -> None:
    fed = Fed(dtype)
    outputs = []
    for channels, image, filters, size, attrs, window in CASES:
        x = convolved(fed, filters, fed(BATCH, channels, *image), size, **attrs)
        outputs.append(g.max_pool(x, window))
        other = convolved(fed, filters, fed(BATCH, channels, *image), size, **attrs)
        outputs.append(g.average_pool(other, window))
    check(outputs, fed, ["conv"] * len(outputs))


def test_values_that_others_read_are_stored_beside_what_is_pooled() -> None:
    fed = Fed("float32")
    x = convolved(fed, 8, fed(BATCH, 3, 14, 14), (3, 3))
    scale, residual = fed(8, 1, 1), fed(BATCH, 8, 6, 6)
    pooled = g.tanh(g.max_pool(x, (2, 2)) * scale + residual)
    kept = g.random.uniform(pooled.shape, seed=1, stream=2) < 0.75
    positive = g.cast(g.greater(x, 0.5), "float32")
    check([x, pooled, g.where(kept, pooled / 0.75, 0.0), positive], fed, ["conv"])


def test_values_of_a_window_of_eight_are_stored_too() -> None:
    fed = Fed("float32")
    x = convolved(fed, 3, fed(BATCH, 2, 5, 10, 10), (2, 3, 3))
    scale, residual = fed(3, 1, 1, 1), fed(BATCH, 3, 2, 4, 4)
    pooled = g.tanh(g.max_pool(x, (2, 2, 2)) * scale + residual)
    check([x, pooled, g.cast(g.greater(x, 0.5), "float32")], fed, ["conv"])


def test_a_training_step_reads_what_the_kernel_stored() -> None:
    fed = Fed("float32")
    image = fed(BATCH, 2, 14, 14)
    x = convolved(fed, 6, image, (3, 3))
    loss = g.sum(g.max_pool(x, (2, 2)) * fed(BATCH, 6, 6, 6))
    weights = [node for node in fed.feeds if node.shape[0] == 6]
    check([loss, *grad(loss, [image, *weights])], fed)


@pytest.mark.parametrize("window", [(2, 2), (1, 2, 2), (2, 2, 2)])
def test_argmax_and_the_values_gathered_there(window: tuple[int, ...]) -> None:
    """With ties and NaN, from all elements of a window, whichever thread has them."""
    fed = Fed("float32")
    image = fed(BATCH, 1, *(18 if len(window) == 2 else 10 for _ in window))
    fed.feeds[image] = np.round(fed.feeds[image])
    fed.feeds[image][1, 0, 5, 6] = np.nan
    fed.feeds[image][2] = -np.inf
    weights = fed(4, 1, *(1 for _ in window[:-1]), 3)
    fed.feeds[weights] = np.round(fed.feeds[weights])
    padding = [*((0, 0) for _ in window[:-1]), (1, 1)]
    x = g.maximum(g.conv(image, weights, padding=padding), -2.0)
    pool = {"window": window, "strides": window, "padding": tuple((0, 0) for _ in window)}
    argmax = g.make("argmax_pool", x, **pool)
    picked = [x, g.greater(x, 0.5), g.tanh(x), g.cast(g.greater(x, 1.0), "int32")]
    outputs = [argmax, *(g.make("gather_pool", argmax, y, **pool) for y in picked)]
    check(outputs, fed, ["conv"])
    assert np.unique(both(outputs, fed.feeds)[0][0]).tolist() == [*range(np.prod(window))]


def test_nan_is_kept_in_its_window() -> None:
    fed = Fed("float32")
    image = fed(BATCH, 1, 14, 14)
    fed.feeds[image][1, 0, 5, 6] = np.nan
    x = g.conv(image, fed(4, 1, 3, 3))
    outputs = [g.max_pool(x, (2, 2))]
    check(outputs, fed, ["conv"])
    ((ours, _),) = both(outputs, fed.feeds)
    # The nine windows of the convolution that hold it are rows 3 to 5, columns 4 to 6.
    assert np.argwhere(np.isnan(ours[1, 0])).tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]
    assert not np.isnan(ours[[0, 2]]).any()
