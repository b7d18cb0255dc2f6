"""Noise layers: the statistics of what they draw, and that testing draws nothing."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.grad import grad
from graphc.compiler.passes.simplify import simplify
from graphc.engine import InputLayer
from graphc.errors import ArgumentError, KeywordError
from graphc.layers import Dense
from graphc.layers.noise import GaussianDropout, GaussianNoise
from graphc.models import Sequential
from tests.layers.kernels import layers_with_kernels

X = np.full((200, 50), 2.0, "float32")
both = pytest.mark.parametrize("layer_class", [GaussianNoise, GaussianDropout])


def run(layer, x=X, training=True):
    node = InputLayer(input_shape=x.shape[1:]).output
    return function([node], layer(node), givens=[(g.learning_phase(), training)])(x)


@pytest.mark.parametrize(
    ("layer_class", "argument", "std"),
    # GaussianDropout multiplies 2 by noise of deviation sqrt(.2 / .8).
    [(GaussianNoise, 0.3, 0.3), (GaussianDropout, 0.2, 2 * 0.5)],
)
def test_noise_in_training(layer_class, argument, std):
    noise = run(layer_class(argument)) - X
    # 10,000 draws: mean and deviation lie within 5 of their standard errors, s/100 and s/141.
    assert abs(noise.mean()) < 5 * std / 100
    assert abs(noise.std() - std) < 5 * std / 141
    # A normal number is beyond 2 deviations with probability .0455: 5 standard errors are .0104.
    assert abs(np.mean(np.abs(noise) > 2 * std) - 0.0455) < 0.0104


def test_dropouts_noise_grows_with_the_input_and_the_others_does_not():
    x = np.array([[0.0, 1.0, 100.0]] * 2000, "float32")
    added = (run(GaussianNoise(0.5), x) - x).std(axis=0)
    np.testing.assert_allclose(added, 0.5, rtol=0.08)  # 5 standard errors, 1 / sqrt(4000) each
    multiplied = (run(GaussianDropout(0.5), x) - x).std(axis=0)
    assert multiplied[0] == 0.0
    np.testing.assert_allclose(multiplied[1:], [1.0, 100.0], rtol=0.08)


@both
def test_testing_leaves_the_input(layer_class):
    np.testing.assert_array_equal(run(layer_class(0.5), training=False), X)


@both
def test_the_same_seed_gives_the_same_noise_and_another_another(layer_class):
    noise = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        noise.append(run(layer_class(0.5)))
    np.testing.assert_array_equal(noise[0], noise[1])
    assert np.any(noise[0] != noise[2])


@both
def test_noise_differs_by_layer_by_use_and_by_step(layer_class):
    node = InputLayer(input_shape=(50,)).output
    layer, other = layer_class(0.5), layer_class(0.5)
    outputs = [layer(node), layer(node), other(node)]
    step = function([node], outputs, givens=[(g.learning_phase(), True)])
    drawn = [*step(X), *step(X)]
    for i, one in enumerate(drawn):
        for two in drawn[i + 1 :]:
            # Independent noise: a correlation of 10,000 pairs has the standard error .01.
            assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.05


@both
def test_the_seed_is_drawn_once_at_the_first_call(layer_class):
    layer = layer_class(0.5)
    node = InputLayer(input_shape=(2,)).output
    np.random.seed(3)
    layer(node)
    after_first = np.random.get_state()[2]
    np.random.seed(3)
    assert layer._graphc.seed == np.random.randint(1, int(10e6))
    layer(node)
    assert np.random.get_state()[2] == after_first


def test_gradients():
    """d(x + e)/dx is 1, and d(x e)/dx the noise itself, the same as in the output."""
    node = InputLayer(input_shape=(50,)).output
    added, multiplied = GaussianNoise(0.5)(node), GaussianDropout(0.5)(node)
    slopes = [grad(g.sum(one), node) for one in (added, multiplied)]
    step = function([node], [multiplied, *slopes], givens=[(g.learning_phase(), True)])
    y, to_sum, to_product = step(X)
    np.testing.assert_array_equal(to_sum, np.ones_like(X))
    np.testing.assert_allclose(to_product, y / X, rtol=1e-6)


def test_no_noise():
    node = InputLayer(input_shape=(2,)).output
    assert simplify([GaussianDropout(0.0)(node)]) == [node]
    np.testing.assert_array_equal(run(GaussianNoise(0.0)), X)


@both
def test_training_lowers_the_loss_and_the_step_has_kernels(layer_class):
    model = Sequential([layer_class(0.1, input_shape=(4,)), Dense(2)])
    model.compile("sgd", "mse")
    x, y = np.random.uniform(-1, 1, (32, 4)), np.ones((32, 2))
    before = model.evaluate(x, y, verbose=0)
    for _ in range(5):
        model.train_on_batch(x, y)
    assert model.evaluate(x, y, verbose=0) < before
    assert model.layers[0].name in layers_with_kernels(model)


def test_an_input_of_integers_gets_noise_that_is_not_rounded():
    node = InputLayer(input_shape=(50,), input_dtype="int32").output
    output = GaussianNoise(0.1)(node)
    assert g.is_float(output.dtype)
    step = function([node], output, givens=[(g.learning_phase(), True)])
    assert 0.08 < step(X.astype("int32")).std() < 0.12


@pytest.mark.parametrize("sigma", [-0.1, "0.5", None, float("nan"), float("inf")])
def test_sigma_is_a_deviation(sigma):
    with pytest.raises(
        ArgumentError, match=r"mine \(GaussianNoise\): sigma.*expected a .*received"
    ):
        GaussianNoise(sigma, name="mine")


@pytest.mark.parametrize("p", [1.0, -0.1, 2, "0.5", None, float("nan")])
def test_p_is_a_fraction(p):
    with pytest.raises(ArgumentError, match=r"mine \(GaussianDropout\): p.*expected .*received"):
        GaussianDropout(p, name="mine")


def test_keywords():
    with pytest.raises(KeywordError, match="unknown keyword 'rate': here it is 'p'"):
        GaussianDropout(rate=0.5)
    with pytest.raises(KeywordError, match="unknown keyword 'sigm'.*'sigma'"):
        GaussianNoise(0.5, sigm=0.5)
