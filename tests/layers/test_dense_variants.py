"""TimeDistributedDense, MaxoutDense and Highway against NumPy, written from their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc import constraints, regularizers
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.engine import InputLayer
from graphc.errors import ArgumentError, KeywordError, ShapeError, UnknownNameError
from graphc.layers.core import Dense, Highway, MaxoutDense, TimeDistributedDense
from graphc.models import Sequential
from tests.compiler.grad.differences import check_gradients
from tests.layers.kernels import layers_with_kernels


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def time_distributed(x, W, b):
    return np.stack([np.tanh(x[:, t] @ W + b) for t in range(x.shape[1])], axis=1)


def maxout(x, W, b):
    return np.max([x @ W[f] + b[f] for f in range(len(W))], axis=0)


def highway(x, W, b, W_carry, b_carry):
    gate = sigmoid(x @ W_carry + b_carry)
    return np.tanh(x @ W + b) * gate + (1 - gate) * x


CASES = {
    "TimeDistributedDense": (
        lambda **kw: TimeDistributedDense(4, activation="tanh", **kw),
        time_distributed,
        (5, 3),
        {"W": (3, 4), "b": (4,)},
    ),
    "MaxoutDense": (
        lambda **kw: MaxoutDense(4, 2, **kw),
        maxout,
        (3,),
        {"W": (2, 3, 4), "b": (2, 4)},
    ),
    "Highway": (
        lambda **kw: Highway(activation="tanh", **kw),
        highway,
        (3,),
        {"W": (3, 3), "b": (3,), "W_carry": (3, 3), "b_carry": (3,)},
    ),
}
every = pytest.mark.parametrize(
    ("make", "expected", "sample", "shapes"), CASES.values(), ids=list(CASES)
)


def values(sample, shapes, batch=2):
    """An input, and a value for each weight."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(batch, *sample)), [rng.normal(size=size) for size in shapes.values()]


@every
def test_against_the_formula(make, expected, sample, shapes):
    K.set_floatx("float64")
    x, weights = values(sample, shapes)
    layer = make(weights=weights, name="layer")
    node = InputLayer(input_shape=sample).output
    y = function([node], layer(node))(x)
    assert [g.name_of(weight) for weight in layer.weights] == [f"layer_{name}" for name in shapes]
    assert layer.output_shape == (None, *y.shape[1:])
    np.testing.assert_allclose(y, expected(x, *weights), rtol=1e-12, atol=1e-14)


@every
def test_gradients(make, expected, sample, shapes):
    K.set_floatx("float64")
    x, weights = values(sample, shapes)
    layer = make()

    def build(x, *nodes):
        output = layer(x)
        return g.substitute([output], dict(zip(layer.weights, nodes, strict=True)))[0]

    check_gradients(build, [x, *weights])


@every
def test_training_moves_every_weight_and_the_step_has_kernels(make, expected, sample, shapes):
    model = Sequential([make(input_shape=sample, name="layer")])
    model.compile("sgd", "mse")
    x, _ = values(sample, shapes, batch=8)
    y = np.zeros((8, *model.output_shape[1:]))
    before = model.get_weights()
    losses = [model.train_on_batch(x, y) for _ in range(5)]
    assert losses[-1] < losses[0]
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.any(old != new)
    assert "layer" in layers_with_kernels(model)


@every
def test_not_trainable(make, expected, sample, shapes):
    model = Sequential([make(input_shape=sample, trainable=False), *_head(sample)])
    model.compile("sgd", "mse")
    before = model.layers[0].get_weights()
    x, _ = values(sample, shapes)
    model.train_on_batch(x, np.ones((2, *model.output_shape[1:])))
    for old, new in zip(before, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def _head(sample):
    return [Dense(1)] if len(sample) == 1 else [TimeDistributedDense(1)]


@pytest.mark.flags(keras="1.0")
@every
def test_penalties_and_constraints_are_of_W_and_b_and_the_output(make, expected, sample, shapes):
    K.set_floatx("float64")
    x, weights = values(sample, shapes)
    layer = make(
        input_shape=sample,
        weights=weights,
        W_regularizer=regularizers.l2(0.5),
        b_regularizer="l1",
        activity_regularizer=regularizers.activity_l2(0.25),
        W_constraint=constraints.NonNeg(),
        b_constraint="unitnorm",
    )
    model = Sequential([layer])
    model.compile("sgd", "mse")
    y = expected(x, *weights)
    penalty = 0.5 * np.sum(weights[0] ** 2) + 0.01 * np.sum(np.abs(weights[1]))
    penalty += 0.25 * np.sum(np.mean(y**2, axis=0))
    target = np.zeros_like(y)
    np.testing.assert_allclose(model.test_on_batch(x, target), np.mean(y**2), rtol=1e-12)
    np.testing.assert_allclose(model.train_on_batch(x, target), np.mean(y**2) + penalty, rtol=1e-12)
    W, b = layer.get_weights()[:2]
    assert (W >= 0).all()
    np.testing.assert_allclose(np.sqrt(np.sum(b**2, axis=0)), 1.0, rtol=1e-5)
    for unconstrained in layer.get_weights()[2:]:  # Highway's gate
        assert np.any(unconstrained < 0)


@every
def test_features_that_are_not_known(make, expected, sample, shapes):
    axis = len(sample)
    with pytest.raises(ShapeError, match=f"axis {axis} of the input has no known size.*input_dim"):
        make()(InputLayer(input_shape=(*sample[:-1], None)).output)


@every
def test_an_input_of_another_rank(make, expected, sample, shapes):
    layer = make(name="odd")
    message = rf"odd \({type(layer).__name__}\): expected a {len(sample) + 1}-D input \(batch, "
    with pytest.raises(ShapeError, match=message + ".*received 4-D"):
        layer(InputLayer(input_shape=(2, 3, 4)).output)


@every
def test_other_features_at_a_second_call(make, expected, sample, shapes):
    layer = make(name="odd")
    layer(InputLayer(input_shape=sample).output)
    with pytest.raises(
        ShapeError, match=rf"odd \(.*\): axis {len(sample)}.*expected 3.*received 9"
    ):
        layer(InputLayer(input_shape=(*sample[:-1], 9)).output)


@every
def test_arguments_are_checked(make, expected, sample, shapes):
    with pytest.raises(ArgumentError, match="input_dim or input_shape, not both"):
        make(input_dim=3, input_shape=sample)
    with pytest.raises(KeywordError, match="here it is 'W_regularizer'"):
        make(kernel_regularizer="l2")
    with pytest.raises(UnknownNameError, match="glorot_unifrom"):
        make(init="glorot_unifrom")
    with pytest.raises(ArgumentError, match="expected one input, received 2"):
        node = InputLayer(input_shape=sample).output
        make()([node, node])


@every
def test_input_dim_stands_for_the_shape(make, expected, sample, shapes):
    known = (None,) * (len(sample) - 1)
    assert Sequential([make(input_dim=3)]).input_shape == (None, *known, 3)


class TestTimeDistributedDense:
    def test_input_length(self):
        model = Sequential([TimeDistributedDense(4, input_dim=3, input_length=5)])
        assert (model.input_shape, model.output_shape) == ((None, 5, 3), (None, 5, 4))

    def test_open_steps(self):
        layer = TimeDistributedDense(2, input_dim=3)
        model = Sequential([layer])
        for steps in (1, 4, 6):
            x = np.random.normal(size=(2, steps, 3)).astype("float32")
            np.testing.assert_allclose(
                model.predict(x), x @ layer.get_weights()[0], rtol=1e-5, atol=1e-6
            )

    def test_open_steps_with_an_input_length_are_checked_in_the_call(self):
        layer = TimeDistributedDense(2, input_length=5)
        node = InputLayer(input_shape=(None, 3)).output
        step = function([node], layer(node))
        assert layer.output_shape == (None, 5, 2)
        assert step(np.ones((2, 5, 3), "float32")).shape == (2, 5, 2)
        with pytest.raises(ShapeError, match="5"):
            step(np.ones((2, 4, 3), "float32"))

    def test_another_length(self):
        layer = TimeDistributedDense(2, input_length=5, name="steps")
        with pytest.raises(ShapeError, match=r"steps \(.*\): axis 1.*expected 5, .*received 4"):
            layer(InputLayer(input_shape=(4, 3)).output)
        with pytest.raises(ArgumentError, match="input_length: expected a whole number"):
            TimeDistributedDense(2, input_length=0)

    def test_softmax_over_the_units_of_each_step(self):
        layer = TimeDistributedDense(3, activation="softmax", input_shape=(4, 2))
        y = Sequential([layer]).predict(np.random.normal(size=(2, 4, 2)))
        np.testing.assert_allclose(y.sum(axis=-1), np.ones((2, 4)), rtol=1e-6)

    @pytest.mark.parametrize("output_dim", [0, 2.5, None, True])
    def test_output_dim(self, output_dim):
        with pytest.raises(ArgumentError, match="output_dim: expected a whole number"):
            TimeDistributedDense(output_dim)


class TestMaxoutDense:
    def test_four_features_by_default(self):
        layer = MaxoutDense(2, input_dim=3)
        Sequential([layer])
        assert [weight.shape for weight in layer.get_weights()] == [(4, 3, 2), (4, 2)]

    @pytest.mark.parametrize("arguments", [(0,), (2, 0), (2, 1.5), ("2",)])
    def test_sizes(self, arguments):
        with pytest.raises(ArgumentError, match="expected a whole number of at least 1"):
            MaxoutDense(*arguments)


class TestHighway:
    @pytest.mark.flags(keras="1.0")
    def test_the_gate_starts_at_transform_bias(self):
        for arguments, expected in (({}, -2.0), ({"transform_bias": 1.5}, 1.5)):
            layer = Highway(input_dim=3, **arguments)
            Sequential([layer])
            np.testing.assert_array_equal(layer.get_weights()[1], np.zeros(3))
            np.testing.assert_array_equal(layer.get_weights()[3], np.full(3, expected))

    @pytest.mark.parametrize("bias", ["-2", None, float("nan"), [1.0]])
    def test_transform_bias_is_a_number(self, bias):
        with pytest.raises(ArgumentError, match="transform_bias: expected a finite number"):
            Highway(transform_bias=bias)
