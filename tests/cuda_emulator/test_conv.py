"""Convolutions as implicit matrix products are the interpreter's."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.expressions import random
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.schedule import make_schedule
from tests.cuda_emulator.graph_programs import both

pytestmark = pytest.mark.over("ptx", "source")

RANDOM = np.random.default_rng(11)
SAMPLES = 3

# (channels, filters, spatial, kernel, attributes): each in float32 and float64.
CASES = [
    # one dimension
    (2, 3, (17,), (4,), {}),
    (3, 5, (21,), (3,), {"strides": 2, "padding": ((1, 2),)}),
    (1, 2, (19,), (3,), {"padding": ((-2, -1),), "kernel_dilation": 3}),
    (4, 2, (8,), (8,), {}),  # one window: a plain product
    # two dimensions
    (1, 4, (9, 8), (3, 3), {}),
    (3, 18, (7, 10), (3, 2), {"padding": ((1, 1), (1, 0))}),
    (5, 33, (9, 7), (1, 1), {}),  # a plain product for each pixel
    (4, 20, (12, 8), (1, 1), {}),  # and for each sample
    (2, 3, (11, 12), (3, 4), {"strides": (2, 3), "padding": ((2, 1), (-1, 2))}),
    (2, 2, (8, 9), (2, 3), {"kernel_dilation": (3, 2), "padding": ((2, 2), (0, 1))}),
    # images with holes
    (2, 3, (5,), (4,), {"input_dilation": 3, "padding": ((2, 3),)}),
    (2, 3, (4, 5), (3, 3), {"input_dilation": 2, "padding": ((1, 2), (2, 2))}),
    (4, 2, (10, 9), (2, 1), {"input_dilation": 2}),  # a class's product for each sample
    (2, 3, (5, 4), (1, 2), {"input_dilation": (3, 2), "padding": ((0, 1), (1, 1))}),
    (1, 2, (6,), (3,), {"input_dilation": 4, "strides": 2, "kernel_dilation": 2}),
    (1, 2, (6, 5), (3, 2), {"input_dilation": (4, 3), "strides": (6, 3), "padding": ((1, 2),) * 2}),
    # three dimensions
    (2, 4, (4, 5, 6), (2, 3, 2), {}),
    (1, 3, (5, 4, 6), (3, 2, 3), {"strides": (2, 1, 2), "padding": ((1, 1), (0, 1), (1, 0))}),
    (2, 1, (3, 4, 3), (2, 2, 2), {}),  # one filter
]


def check(outputs: list[Node], feeds: dict[Node, np.ndarray], terms: int) -> None:
    """Sums of n terms in another order: n roundings, which add up as a random walk does."""
    for ours, theirs in both(outputs, feeds):
        eps = np.finfo(ours.dtype).eps
        scale = max(1.0, float(np.abs(theirs).max()))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=4 * terms**0.5 * eps * scale)


def fed(feeds: dict[Node, np.ndarray], shape: tuple, dtype: str = "float32") -> Node:
    node = g.input(shape, dtype)
    numbers = tuple(SAMPLES if size is BATCH else size for size in shape)
    feeds[node] = RANDOM.standard_normal(numbers).astype(dtype)
    return node


def convolutions(dtype: str) -> tuple[list[Node], dict[Node, np.ndarray]]:
    feeds: dict[Node, np.ndarray] = {}
    outputs = []
    for channels, filters, spatial, window, attrs in CASES:
        x = fed(feeds, (BATCH, channels, *spatial), dtype)
        kernel = fed(feeds, (filters, channels, *window), dtype)
        outputs.append(g.conv(x, kernel, **attrs))
    return outputs, feeds


def test_float32() -> None:
    check(*convolutions("float32"), terms=40)


def test_float64() -> None:
    check(*convolutions("float64"), terms=40)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_tile(dtype: str) -> None:
    """Enough pixels for tiles of many columns; a table of k, or none; results in packs, or not."""
    feeds: dict[Node, np.ndarray] = {}
    outputs = []
    for filters, channels, size, padding in (
        (3, 2, 14, 0),
        (13, 2, 14, 0),
        (20, 3, 13, 1),
        (40, 1, 14, 0),
        (100, 2, 13, 1),
        (20, 70, 12, 1),
    ):
        x = fed(feeds, (BATCH, channels, size, size), dtype)
        outputs.append(g.conv(x, fed(feeds, (filters, channels, 3, 3), dtype), padding=padding))
    check(outputs, feeds, terms=630)


def test_images_and_weights_behind_index_maps() -> None:
    feeds: dict[Node, np.ndarray] = {}
    x = fed(feeds, (BATCH, 2, 7, 9))
    flipped = g.flip(fed(feeds, (3, 2, 3, 2)), (2, 3))  # Theano's convolution
    reversed_channels = g.flip(fed(feeds, (3, 2, 3, 2)), (1, 3))
    last = g.transpose(fed(feeds, (3, 2, 2, 4)), (3, 2, 0, 1))  # TensorFlow's order of axes
    exchanged = g.swap_axes(fed(feeds, (2, 4, 2, 2)), 0, 1)  # as in a gradient
    steps = g.swap_axes(fed(feeds, (BATCH, 11, 3)), 1, 2)  # a sequence
    bias, width = fed(feeds, (2, 1, 1)), g.symbol("width")
    any_width = g.input((BATCH, 2, 5, width), "float32")
    feeds[any_width] = RANDOM.standard_normal((SAMPLES, 2, 5, 7)).astype("float32")
    outputs = [
        g.conv(x, flipped, padding=1),
        g.conv(x, reversed_channels, strides=(1, 2)),
        g.conv(x, last),
        g.conv(x, exchanged, kernel_dilation=2),
        g.conv(x[:, :, 1:, ::2], last),
        g.conv(g.pad(x, [(0, 0), (0, 0), (1, 1), (2, 0)], 0.5), last),
        g.conv(g.flip(x, (1, 3)), flipped, padding=((1, 0), (0, 2))),
        g.conv(g.maximum(x + bias, 0.0), flipped, input_dilation=2),
        g.conv(steps, fed(feeds, (5, 3, 4))),
        g.swap_axes(g.conv(steps, g.flip(fed(feeds, (5, 3, 4)), (2,))), 1, 2),
        g.conv(any_width, flipped, padding=1),
        g.conv(any_width, flipped, strides=2, padding=((0, 1), (2, 1))),
        g.conv(any_width, last, input_dilation=2),
    ]
    check(outputs, feeds, terms=40)


def test_classes_of_windows_with_a_long_k_or_a_single_row() -> None:
    """They are neither cut into parts nor left to warps, which would go over other classes."""
    feeds: dict[Node, np.ndarray] = {}
    x = fed(feeds, (BATCH, 700, 3, 3))
    long = g.conv(x, fed(feeds, (9, 700, 3, 3)), input_dilation=2)
    samples = g.swap_axes(fed(feeds, (BATCH, 2, 5, 5)), 0, 1)
    taps = g.swap_axes(fed(feeds, (BATCH, 1, 7, 7)), 0, 1)
    row = g.conv(samples, taps, input_dilation=2, padding=((1, 0), (0, 1)))
    column = g.conv(fed(feeds, (1, 3, 1, 2)), fed(feeds, (4, 3, 1, 3)), input_dilation=2)
    check([long, row, column], feeds, terms=2800)


def test_bias_activation_and_dropout_are_computed_with_the_convolution() -> None:
    feeds: dict[Node, np.ndarray] = {}
    x, kernel = fed(feeds, (BATCH, 3, 8, 6)), fed(feeds, (5, 3, 3, 3))
    bias, residual = fed(feeds, (5, 1, 1)), fed(feeds, (BATCH, 5, 8, 6))
    y = g.conv(x, kernel, padding=1) + bias
    kept = g.where(random.bernoulli(y.shape, 0.5, seed=3), g.maximum(y, 0.0) / 0.5, 0.0)
    outputs = [kept + residual, g.greater(y, 0.0)]
    schedule = make_schedule(outputs)
    assert [step.kind for step in schedule] == ["conv"]
    (total, expected), (signs, expected_signs) = both(outputs, feeds, call_step=4)
    np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-5)  # sums of 27 terms of about 1
    np.testing.assert_array_equal(signs, expected_signs)


def small_network(strides: int) -> tuple[list[Node], dict[Node, np.ndarray]]:
    """Three convolutions, pooling behind the first, and the gradients of all that they read."""
    feeds: dict[Node, np.ndarray] = {}
    x = fed(feeds, (BATCH, 2, 13, 12))
    first, second = fed(feeds, (4, 2, 3, 3)), fed(feeds, (3, 4, 2, 3))
    third = fed(feeds, (1, 3, 2, 1))
    bias = fed(feeds, (4, 1, 1))
    h = g.tanh(g.conv(x, g.flip(first, (2, 3)), strides=strides, padding=1) + bias)
    h = g.max_pool(h, (2, 2), (1, 1))
    y = g.conv(h, g.flip(second, (2, 3)), strides=(1, strides))
    loss = g.mean(g.square(g.conv(y, third)))
    wanted = [first, second, third, bias, x]
    return [loss, *grad(loss, wanted)], feeds


def test_gradients_of_a_small_network() -> None:
    outputs, feeds = small_network(strides=1)
    more, others = small_network(strides=2)
    check([*outputs, *more], {**feeds, **others}, terms=200)


def test_what_is_no_product_says_so() -> None:
    feeds: dict[Node, np.ndarray] = {}
    x = fed(feeds, (BATCH, 2, 6))
    one = g.conv(x, fed(feeds, (1, 2, 3)))
    taps = g.symbol("taps")
    kernel = g.input((3, 2, taps), "float32")
    feeds[kernel] = RANDOM.standard_normal((3, 2, 4)).astype("float32")
    holes = g.conv(x, kernel, input_dilation=2)
    notes = [step.notes for step in lower([one, holes]).steps]
    assert "it has one filter" in notes[0][0]
    assert "a known number of turns" in notes[1][0]
    check([one, holes], feeds, terms=8)
