"""The layers beside the recurrent ones against sums written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.reference_models import layers

rng = np.random.default_rng(9)


@pytest.fixture(autouse=True)
def _double() -> None:
    config.floatX = "float64"


def randomised(weights: layers.Weights) -> list[np.ndarray]:
    """Random values for all weights, biases too; the values."""
    for weight in weights.all:
        weight.set_value(rng.normal(size=weight.shape))
    return [weight.get_value() for weight in weights.all]


def true_convolution(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """out[n, f, p] = b[f] + sum over c and q of x[n, c, p + q] W[f, c, last - q]."""
    window = W.shape[2:]
    positions = [size - extent + 1 for size, extent in zip(x.shape[2:], window, strict=True)]
    out = np.zeros((x.shape[0], W.shape[0], *positions))
    for p in np.ndindex(*positions):
        for q in np.ndindex(*window):
            pixel = x[(..., *(a + d for a, d in zip(p, q, strict=True)))]
            kernel = W[(..., *(e - 1 - d for e, d in zip(window, q, strict=True)))]
            out[(..., *p)] += pixel @ kernel.T
    return out + b.reshape(-1, *(1 for _ in window))


@pytest.mark.parametrize(("spatial", "window"), [((5, 6), (3, 2)), ((4, 3, 5), (2, 3, 3))])
def test_convolution_flips_its_kernel(spatial: tuple[int, ...], window: tuple[int, ...]) -> None:
    x = g.input((g.BATCH, 2, *spatial))
    weights = layers.Weights()
    output = layers.convolution(weights, "layer", x, 3, window)
    W, b = randomised(weights)
    image = rng.normal(size=(2, 2, *spatial))
    (value,) = evaluate([output], {x: image})
    np.testing.assert_allclose(value, true_convolution(image, W, b), rtol=1e-12, atol=1e-12)


def test_convolution_1d_goes_along_time() -> None:
    x = g.input((g.BATCH, 7, 2))
    weights = layers.Weights()
    output = layers.convolution_1d(weights, "layer", x, 3, 4)
    assert [weight.shape for weight in weights.all] == [(3, 2, 4, 1), (3,)]
    assert np.abs(weights.all[0].get_value()).max() <= 0.05
    W, b = randomised(weights)
    series = rng.normal(size=(2, 7, 2))
    (value,) = evaluate([output], {x: series})
    expected = true_convolution(series.transpose(0, 2, 1), W[..., 0], b).transpose(0, 2, 1)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


def test_max_pooling_1d_cuts_a_rest_off() -> None:
    x = g.input((g.BATCH, 7, 2))
    series = rng.normal(size=(3, 7, 2))
    (value,) = evaluate([layers.max_pooling_1d("layer", x, 3)], {x: series})
    np.testing.assert_array_equal(value, series[:, :6].reshape(3, 2, 3, 2).max(axis=2))


def test_embedding_reads_rows_by_number() -> None:
    words = np.array([[1, 0, 4], [4, 2, 2]], dtype="int32")
    x = g.input((g.BATCH, 3), "int32")
    weights = layers.Weights()
    (value,) = evaluate([layers.embedding(weights, "layer", x, 5, 2)], {x: words})
    np.testing.assert_array_equal(value, weights.all[0].get_value()[words])


def test_losses_and_metrics_take_the_targets_first() -> None:
    y_true, y_pred = g.input((g.BATCH, 3)), g.input((g.BATCH, 3))
    fed = {y_true: np.eye(3)[[0, 2]], y_pred: np.array([[0.7, 0.2, 0.1], [0.5, 0.1, 0.4]])}
    loss = layers.mean_loss("out", "categorical_crossentropy", y_true, y_pred)
    share = layers.metric("mean_absolute_percentage_error", y_true, y_pred)
    crossentropy, percentage = evaluate([loss, share], fed)
    np.testing.assert_allclose(crossentropy, -(np.log(0.7) + np.log(0.4)) / 2, rtol=1e-6)
    off = np.abs(fed[y_true] - fed[y_pred]) / np.clip(fed[y_true], 1e-7, np.inf)
    np.testing.assert_allclose(percentage, 100 * off.mean(), rtol=1e-6)
    assert str(g.origin_of(share)) == "metric mean_absolute_percentage_error"
