"""Activations with parameters against NumPy, written from their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.grad import grad
from graphc.engine import InputLayer
from graphc.errors import ArgumentError, KeywordError, ShapeError, UnknownNameError
from graphc.layers import Dense
from graphc.layers.advanced_activations import (
    ELU,
    LeakyReLU,
    ParametricSoftplus,
    PReLU,
    SReLU,
    ThresholdedLinear,
    ThresholdedReLU,
)
from graphc.models import Sequential
from tests.compiler.grad.differences import check_gradients
from tests.layers.kernels import layers_with_kernels

SAMPLE = (2, 3)
BATCH = 5


def leaky_relu(x):
    return np.where(x > 0, x, 0.3 * x)


def elu(x):
    return np.where(x > 0, x, 0.7 * (np.exp(x) - 1))


def thresholded_linear(x):
    return x * (np.abs(x) >= 0.5)


def thresholded_relu(x):
    return x * (x > 0.5)


def prelu(x, alphas):
    return np.maximum(x, 0) + alphas * (x - np.abs(x)) / 2


def parametric_softplus(x, alphas, betas):
    return alphas * np.log(1 + np.exp(betas * x))


def srelu(x, t_left, a_left, t_right, a_right):
    tr = t_left + np.abs(t_right)
    from_left = np.where(x > t_left, x - t_left, a_left * (x - t_left))
    return t_left + np.minimum(from_left, tr - t_left) + a_right * np.maximum(x - tr, 0)


CASES = {
    "LeakyReLU": (LeakyReLU, leaky_relu, ()),
    "ELU": (lambda: ELU(0.7), elu, ()),
    "ThresholdedLinear": (lambda: ThresholdedLinear(0.5), thresholded_linear, ()),
    "ThresholdedReLU": (lambda: ThresholdedReLU(0.5), thresholded_relu, ()),
    "PReLU": (PReLU, prelu, ("alphas",)),
    "ParametricSoftplus": (ParametricSoftplus, parametric_softplus, ("alphas", "betas")),
    "SReLU": (SReLU, srelu, ("t_left", "a_left", "t_right", "a_right")),
}
every = pytest.mark.parametrize(("make", "expected", "names"), CASES.values(), ids=list(CASES))
with_weights = pytest.mark.parametrize("layer_class", [PReLU, ParametricSoftplus, SReLU])


@pytest.fixture
def arrays():
    """An input of both signs, and four weights of the shape of a sample."""
    rng = np.random.default_rng(7)
    return rng.normal(0, 1.5, (BATCH, *SAMPLE)), *rng.normal(0, 0.8, (4, *SAMPLE))


def run(layer, x):
    node = InputLayer(input_shape=x.shape[1:]).output
    return function([node], layer(node))(x)


@every
def test_against_the_formula(make, expected, names, arrays):
    K.set_floatx("float64")
    x, *weights = arrays
    weights = weights[: len(names)]
    layer = make()
    node = InputLayer(input_shape=SAMPLE).output
    output = layer(node)
    layer.set_weights(weights)
    assert layer.output_shape == (None, *SAMPLE)
    assert [g.name_of(weight) for weight in layer.weights] == [
        f"{layer.name}_{name}" for name in names
    ]
    y = function([node], output)(x)
    np.testing.assert_allclose(y, expected(x, *weights), rtol=1e-12, atol=1e-14)


@every
def test_gradients(make, expected, names, arrays):
    K.set_floatx("float64")
    layer = make()

    def build(x, *weights):
        output = layer(x)
        return g.substitute([output], dict(zip(layer.weights, weights, strict=True)))[0]

    check_gradients(build, arrays[: 1 + len(names)])


@every
def test_training_lowers_the_loss_and_the_step_has_kernels(make, expected, names):
    model = Sequential([Dense(6, input_dim=4), make(), Dense(2)])
    model.compile("sgd", "mse")
    x = np.random.uniform(-2, 2, (8, 4))
    y = np.random.uniform(-1, 1, (8, 2))
    layer = model.layers[1]
    before = layer.get_weights()
    losses = [model.train_on_batch(x, y) for _ in range(5)]
    assert losses[-1] < losses[0]
    for old, new in zip(before, layer.get_weights(), strict=True):
        assert np.any(old != new)
    assert layer.name in layers_with_kernels(model)


@every
def test_extremes(make, expected, names):
    x = np.array([[np.nan, -np.inf, np.inf, 0.0]], "float32")
    y = run(make(), x)[0]
    assert np.isnan(y[0])
    assert y[2] == np.inf
    assert not np.any(np.isnan(y[[1, 3]])) or names == ("alphas",)  # 0 * -inf of PReLU


@pytest.mark.parametrize(
    ("make", "slope"),
    [
        (lambda: LeakyReLU(0.4), 0.7),
        (lambda: ELU(0.4), 0.7),
        (lambda: PReLU(weights=[[0.4]]), 0.7),
    ],
)
def test_the_gradient_at_0_lies_between_the_slopes(make, slope):
    node = InputLayer(input_shape=(1,)).output
    slopes = function([node], grad(g.sum(make()(node)), node))
    np.testing.assert_allclose(slopes(np.zeros((1, 1), "float32")), [[slope]], rtol=1e-6)


def test_thresholds_themselves():
    x = np.array([[-1.0, -0.5, 0.5, 1.0]], "float32")
    np.testing.assert_array_equal(run(ThresholdedLinear(0.5), x), x)
    np.testing.assert_array_equal(run(ThresholdedReLU(0.5), x), [[0, 0, 0, 1]])
    # The defaults are 1, and 1 itself passes ThresholdedLinear alone.
    np.testing.assert_array_equal(run(ThresholdedLinear(), x), [[-1, 0, 0, 1]])
    np.testing.assert_array_equal(run(ThresholdedReLU(), x), [[0, 0, 0, 0]])


def test_the_three_pieces_of_srelu():
    layer = SReLU()
    node = InputLayer(input_shape=(6,)).output
    output = layer(node)
    # From -1 to -1 + |-3| = 2 the identity, below it the slope .5, above it 2.
    layer.set_weights([np.full(6, value) for value in (-1.0, 0.5, -3.0, 2.0)])
    y = function([node], output)(np.array([[-5.0, -1.0, 0.0, 1.5, 2.0, 4.0]], "float32"))
    np.testing.assert_array_equal(y, [[-3.0, -1.0, 0.0, 1.5, 2.0, 6.0]])


def test_a_large_number_does_not_spoil_elu():
    node = InputLayer(input_shape=(1,)).output
    both = function([node], [ELU()(node), grad(g.sum(ELU()(node)), node)])
    y, slope = both(np.array([[500.0]], "float32"))
    assert (y[0, 0], slope[0, 0]) == (500.0, 1.0)


class TestWeights:
    def test_what_they_start_with(self):
        node = InputLayer(input_shape=SAMPLE).output
        prelu_layer, softplus, s_shaped = PReLU(), ParametricSoftplus(), SReLU()
        np.random.seed(1337)
        for layer in (prelu_layer, softplus, s_shaped):
            layer(node)
        np.testing.assert_array_equal(prelu_layer.get_weights(), [np.zeros(SAMPLE)])
        alphas, betas = softplus.get_weights()
        np.testing.assert_array_equal(alphas, np.full(SAMPLE, 0.2, "float32"))
        np.testing.assert_array_equal(betas, np.full(SAMPLE, 5.0, "float32"))
        np.random.seed(1337)
        limit = np.sqrt(6 / sum(SAMPLE))
        drawn = [np.random.uniform(-limit, limit, SAMPLE).astype("float32") for _ in range(2)]
        expected = [np.zeros(SAMPLE), *drawn, np.ones(SAMPLE)]
        for actual, value in zip(s_shaped.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(actual, value)

    def test_given_ones(self):
        weights = np.random.rand(2, *SAMPLE).astype("float32")
        node = InputLayer(input_shape=SAMPLE).output
        layers = PReLU(weights=[weights[0]]), ParametricSoftplus(weights=weights)
        for layer, count in zip(layers, (1, 2), strict=True):
            layer(node)
            np.testing.assert_array_equal(layer.get_weights(), weights[:count])

    def test_a_given_one_of_a_wrong_shape(self):
        layer = PReLU(weights=[np.zeros(3)], name="rectifier")
        with pytest.raises(ShapeError, match=r"rectifier.*_alphas.*expected shape \(2, 3\)"):
            layer(InputLayer(input_shape=SAMPLE).output)

    def test_an_initialization_by_name(self):
        layer = PReLU(init="one")
        layer(InputLayer(input_shape=(4,)).output)
        np.testing.assert_array_equal(layer.get_weights(), [np.ones(4)])

    def test_untrainable_ones_stay(self):
        model = Sequential([PReLU("one", input_shape=(3,), trainable=False), Dense(1)])
        model.compile("sgd", "mse")
        model.train_on_batch(np.random.uniform(-1, 1, (4, 3)), np.ones((4, 1)))
        np.testing.assert_array_equal(model.layers[0].get_weights(), [np.ones(3)])


class TestBadInput:
    @pytest.mark.parametrize("value", [None, "0.3", float("nan"), float("inf"), [0.1, 0.2]])
    @pytest.mark.parametrize(
        ("layer_class", "argument"),
        [
            (LeakyReLU, "alpha"),
            (ELU, "alpha"),
            (ThresholdedLinear, "theta"),
            (ThresholdedReLU, "theta"),
            (ParametricSoftplus, "alpha_init"),
            (ParametricSoftplus, "beta_init"),
        ],
    )
    def test_numbers(self, layer_class, argument, value):
        with pytest.raises(
            ArgumentError,
            match=rf"\({layer_class.__name__}\): {argument}: expected a finite number, received",
        ):
            layer_class(**{argument: value})

    @with_weights
    def test_an_open_size(self, layer_class):
        with pytest.raises(ShapeError, match="axis 1 of the input has no known size.*input_shape"):
            layer_class()(InputLayer(input_shape=(None, 3)).output)

    @with_weights
    @pytest.mark.parametrize("other", [(2, 1), (3,), (2, 2, 3)])
    def test_another_shape_at_a_second_call(self, layer_class, other):
        layer = layer_class(name="mine")
        layer(InputLayer(input_shape=SAMPLE).output)
        with pytest.raises(ShapeError, match=r"mine \(\w+\): .*expected.*received"):
            layer(InputLayer(input_shape=other).output)

    def test_names(self):
        with pytest.raises(UnknownNameError, match="'zeros': here it is 'zero'"):
            PReLU("zeros")
        with pytest.raises(UnknownNameError, match="glorot_unifrom.*'glorot_uniform'"):
            SReLU(a_left_init="glorot_unifrom")
        with pytest.raises(KeywordError, match="SReLU: unknown keyword 'weights'"):
            SReLU(weights=[])
