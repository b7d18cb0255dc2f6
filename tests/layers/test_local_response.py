"""LRN2D against NumPy, written from its equation, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.function import function
from graphc.engine import InputLayer
from graphc.errors import ArgumentError, KeywordError, ShapeError
from graphc.layers.normalization import LRN2D


def run(layer, x):
    node = InputLayer(batch_input_shape=(None, *x.shape[1:])).output
    return function([node], layer(node))(x.astype("float32"))


def looped(x, alpha, k, beta, n):
    found = np.empty_like(x)
    for sample, channel, row, column in np.ndindex(x.shape):
        total = 0.0
        for other in range(channel - n // 2, channel + n // 2 + 1):
            if 0 <= other < x.shape[1]:
                total += x[sample, other, row, column] ** 2
        divisor = (k + alpha * total) ** beta
        found[sample, channel, row, column] = x[sample, channel, row, column] / divisor
    return found


@pytest.mark.parametrize("channels", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [1, 3, 5, 13])
def test_a_loop_over_the_channels(channels, n):
    x = np.random.default_rng(channels).normal(0, 2, (3, channels, 2, 4))
    layer = LRN2D(alpha=0.5, k=1.5, beta=0.7, n=n)
    np.testing.assert_allclose(run(layer, x), looped(x, 0.5, 1.5, 0.7, n), rtol=1e-5)


def test_the_defaults():
    x = np.random.default_rng(2).normal(0, 50, (2, 9, 3, 2))
    np.testing.assert_allclose(run(LRN2D(), x), looped(x, 1e-4, 2, 0.75, 5), rtol=1e-5)


def test_by_hand():
    """The sums of squares are 1 + 4, 1 + 4 + 9 and 4 + 9.

    PyTorch's `LocalResponseNorm(3, alpha=1.5, beta=1, k=2)` gives the same: its alpha / 3 is 0.5.
    """
    x = np.array([1.0, 2.0, -3.0]).reshape(1, 3, 1, 1)
    expected = [1 / (2 + 0.5 * 5), 2 / (2 + 0.5 * 14), -3 / (2 + 0.5 * 13)]
    found = run(LRN2D(alpha=0.5, k=2, beta=1, n=3), x)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-6)


def test_any_number_of_channels():
    """An open size: one graph for all, with the same borders."""
    node = InputLayer(input_shape=(None, 2, 2)).output
    f = function([node], LRN2D(alpha=0.5, n=5)(node))
    for channels in (1, 2, 6):
        x = np.random.default_rng(channels).normal(size=(2, channels, 2, 2)).astype("float32")
        np.testing.assert_allclose(f(x), looped(x, 0.5, 2, 0.75, 5), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 4}, "n: expected an odd number, as many channels .* received 4"),
        ({"n": 0}, "n: expected a whole number of at least 1, received 0"),
        ({"n": 2.5}, "n: expected a whole number"),
        ({"k": 0}, "k: expected a number above 0, received 0"),
        ({"alpha": -1e-4}, "alpha: expected a number of at least 0, received -0.0001"),
        ({"beta": float("nan")}, "beta: expected a finite number"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ArgumentError, match=rf"^l \(LRN2D\): {words}"):
        LRN2D(name="l", **arguments)


def test_an_input_that_is_no_image():
    with pytest.raises(ShapeError, match=r"expected a 4-D input \(batch, channels, rows"):
        LRN2D()(InputLayer(input_shape=(3, 4)).output)


def test_it_has_no_other_ordering():
    with pytest.raises(KeywordError, match=r"unknown keyword 'dim_ordering'.* Permute"):
        LRN2D(dim_ordering="tf")
