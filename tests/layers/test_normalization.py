"""BatchNormalization against NumPy, written from its equations."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.grad import grad
from graphc.engine import InputLayer
from graphc.errors import ArgumentError, KeywordError, ShapeError, UnknownNameError
from graphc.layers import Activation, Dense
from graphc.layers.normalization import BatchNormalization
from graphc.models import Sequential
from tests.compiler.grad.differences import check_gradients
from tests.layers.kernels import layers_with_kernels

EPSILON = 1e-3  # far above rounding: where it enters can be seen
CASES = [((5,), -1), ((3, 4), -1), ((3, 4), 1), ((3, 2, 4), 1), ((3, 2, 4), -2)]
by_shape = pytest.mark.parametrize(("sample", "axis"), CASES)


def spread(values, ndim, axis):
    """A number for each feature, along an axis of an array with `ndim` axes."""
    shape = [1] * ndim
    shape[axis] = -1
    return np.reshape(values, shape)


def statistics(x, axis):
    """The batch's mean and std of each feature, epsilon inside the root."""
    rows = np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    mean = rows.sum(axis=0) / len(rows)
    return mean, np.sqrt((((rows - mean) ** 2) + EPSILON).sum(axis=0) / len(rows))


def normalized(x, mean, std, gamma, beta, axis):
    gamma, beta, mean, std = (spread(value, x.ndim, axis) for value in (gamma, beta, mean, std))
    return gamma * (x - mean) / (std + EPSILON) + beta


def example(sample, axis, batch=6):
    """An input whose features differ in mean and deviation, and weights in the layer's order."""
    rng = np.random.default_rng(5)
    features = (batch, *sample)[axis]
    ndim = len(sample) + 1
    scale = spread(rng.uniform(0.05, 3, features), ndim, axis)
    x = rng.normal(0, 1, (batch, *sample)) * scale + spread(rng.normal(0, 5, features), ndim, axis)
    return x, [rng.uniform(0.5, 2, features) for _ in range(4)]


def run(layer, x, training):
    node = InputLayer(input_shape=x.shape[1:]).output
    output = layer(node)
    return function([node], output, givens=[(g.learning_phase(), training)])(x)


@pytest.fixture
def float64():
    K.set_floatx("float64")


def layer_of(mode, axis, weights=None, **kwargs):
    return BatchNormalization(EPSILON, mode, axis, weights=weights, **kwargs)


@pytest.mark.flags(keras="1.0")
@by_shape
@pytest.mark.parametrize("mode", [0, 2])
def test_training_uses_the_batch(sample, axis, mode, float64):
    x, weights = example(sample, axis)
    gamma, beta = weights[:2]
    y = run(layer_of(mode, axis, weights), x, training=True)
    expected = normalized(x, *statistics(x, axis), gamma, beta, axis)
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.flags(keras="1.0")
@by_shape
def test_testing_uses_the_running_statistics_in_mode_0(sample, axis, float64):
    x, weights = example(sample, axis)
    gamma, beta, mean, std = weights
    y = run(layer_of(0, axis, weights), x, training=False)
    np.testing.assert_allclose(y, normalized(x, mean, std, gamma, beta, axis), rtol=1e-12)


@pytest.mark.flags(keras="1.0")
@by_shape
def test_testing_uses_the_batch_in_mode_2(sample, axis, float64):
    x, weights = example(sample, axis)
    y = run(layer_of(2, axis, weights), x, training=False)
    expected = normalized(x, *statistics(x, axis), *weights[:2], axis)
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("sample", "axis"), [((5,), -1), ((5,), 1), ((3, 4), -1), ((3, 4), 2)])
def test_mode_1_normalizes_each_sample(sample, axis, training, float64):
    x, weights = example(sample, axis)
    gamma, beta = weights[:2]
    mean = x.sum(axis=-1, keepdims=True) / x.shape[-1]
    std = np.sqrt(((x - mean) ** 2).sum(axis=-1, keepdims=True) / x.shape[-1])
    y = run(layer_of(1, axis, weights), x, training)
    np.testing.assert_allclose(y, gamma * (x - mean) / (std + EPSILON) + beta, rtol=1e-10)


@pytest.mark.parametrize(
    ("mode", "training", "sample", "axis"),
    [
        (0, True, (3,), -1),
        (0, True, (3, 2), 1),
        (0, False, (3, 2), 1),
        (1, True, (2, 4), -1),
        (2, False, (3, 2), 1),
    ],
)
def test_gradients(mode, training, sample, axis, float64):
    x, weights = example(sample, axis, batch=4)
    layer = layer_of(mode, axis, weights)

    def build(x, gamma, beta):
        phase = g.as_node(np.bool_(training))
        output = layer(x)
        given = {g.learning_phase(): phase, layer.gamma: gamma, layer.beta: beta}
        return g.substitute([output], given)[0]

    check_gradients(build, [x, *weights[:2]], second_order=False)


@pytest.mark.flags(keras="1.0")
def test_a_sample_of_equal_elements_has_a_gradient_in_mode_1(float64):
    layer = layer_of(1, -1)
    node = InputLayer(input_shape=(3,)).output
    output = layer(node)
    towards = np.array([1.0, 2.0, 6.0])
    slopes = function([node], [output, grad(g.sum(output * g.constant(towards)), node)])
    y, slope = slopes(np.full((1, 3), 2.0))
    np.testing.assert_array_equal(y, np.zeros((1, 3)))
    # The std grows like |dx|, so that near 0 it is (x - mean) / epsilon.
    np.testing.assert_allclose(slope, [(towards - towards.mean()) / EPSILON], rtol=1e-12)


class TestTraining:
    def model(self, *layers, **kwargs):
        model = Sequential([BatchNormalization(EPSILON, input_shape=(3,), **kwargs), *layers])
        model.compile("sgd", "mse")
        return model

    x = np.random.default_rng(1).normal(4, 3, (8, 3))
    y = np.zeros((8, 3))

    @pytest.mark.flags(keras="1.0")
    @pytest.mark.parametrize("trainable", [True, False])
    def test_running_statistics_move_at_each_step(self, trainable):
        model = self.model(momentum=0.7, trainable=trainable)
        mean, std = np.zeros(3), np.ones(3)
        for step in range(3):
            batch = self.x * (step + 1)
            model.train_on_batch(batch, self.y)
            batch_mean, batch_std = statistics(batch, -1)
            mean, std = 0.7 * mean + 0.3 * batch_mean, 0.7 * std + 0.3 * batch_std
        gamma, beta, running_mean, running_std = model.get_weights()
        np.testing.assert_allclose(running_mean, mean, rtol=1e-5)
        np.testing.assert_allclose(running_std, std, rtol=1e-5)
        assert np.any(gamma != 1.0) == np.any(beta != 0.0) == trainable

    def test_testing_and_predicting_move_nothing(self):
        model = self.model()
        before = model.get_weights()
        model.test_on_batch(self.x, self.y)
        model.predict(self.x)
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    @pytest.mark.parametrize("mode", [1, 2])
    def test_other_modes_have_nothing_running(self, mode):
        model = self.model(mode=mode)
        model.train_on_batch(self.x, self.y)
        np.testing.assert_array_equal(model.get_weights()[2:], [np.zeros(3), np.ones(3)])

    @pytest.mark.flags(keras="1.0")
    def test_a_trained_model_predicts_with_what_it_gathered(self):
        model = self.model(momentum=0.0)
        model.train_on_batch(self.x, self.y)
        gamma, beta, *_ = model.get_weights()
        expected = normalized(self.x, *statistics(self.x, -1), gamma, beta, -1)
        np.testing.assert_allclose(model.predict(self.x), expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("mode", [0, 1, 2])
    def test_training_lowers_the_loss_and_the_step_has_kernels(self, mode):
        model = Sequential(
            [Dense(6, input_dim=3), BatchNormalization(mode=mode), Activation("tanh"), Dense(2)]
        )
        model.compile("sgd", "mse")
        losses = [model.train_on_batch(self.x, self.x[:, :2] > 4) for _ in range(8)]
        assert losses[-1] < losses[0]
        assert model.layers[1].name in layers_with_kernels(model)

    @pytest.mark.flags(keras="1.0")
    def test_weights_are_four_and_two_of_them_count(self):
        layer = BatchNormalization(name="norm")
        layer(InputLayer(input_shape=(3, 5)).output)
        assert [g.name_of(weight) for weight in layer.weights] == [
            f"norm_{name}" for name in ("gamma", "beta", "running_mean", "running_std")
        ]
        np.testing.assert_array_equal(
            layer.get_weights(), [np.ones(5), np.zeros(5), np.zeros(5), np.ones(5)]
        )
        assert layer.count_params() == 10
        assert layer.output_shape == (None, 3, 5)

    def test_initializations_by_name(self):
        layer = BatchNormalization(beta_init="one", gamma_init="zero")
        layer(InputLayer(input_shape=(5,)).output)
        np.testing.assert_array_equal(layer.get_weights()[:2], [np.zeros(5), np.ones(5)])


class TestSeveralUses:
    """A layer in two models, or twice in one: which updates a training step makes."""

    x, other = np.random.default_rng(2).normal(3, 2, (2, 8, 3))

    def test_asking_for_a_shape_adds_no_update(self):
        layer = BatchNormalization()
        layer(InputLayer(input_shape=(3,)).output)
        assert layer.get_output_shape_for((None, 3)) == (None, 3)
        assert len(layer.updates) == 2

    def test_each_of_two_models_uses_its_own_input(self):
        layer = BatchNormalization(EPSILON, momentum=0.5, input_shape=(3,))
        models = [Sequential([layer]), Sequential([Activation("relu", input_shape=(3,)), layer])]
        mean = np.zeros(3)
        for model, seen in zip(models, (self.x, np.maximum(self.x, 0)), strict=True):
            model.compile("sgd", "mse")
            model.train_on_batch(self.x, self.x)
            mean = 0.5 * mean + 0.5 * seen.mean(axis=0)
            np.testing.assert_allclose(layer.get_weights()[2], mean, rtol=1e-5)

    @pytest.mark.flags(keras="1.0")
    def test_two_uses_in_one_model_count_one_after_the_other(self):
        layer = BatchNormalization(EPSILON, momentum=0.5, input_shape=(3,))
        model = Sequential([layer, Activation("relu"), layer])
        model.compile("sgd", "mse")
        model.train_on_batch(self.x, self.x)
        mean, std = statistics(self.x, -1)
        second_mean, second_std = statistics(
            np.maximum(normalized(self.x, mean, std, np.ones(3), np.zeros(3), -1), 0), -1
        )
        expected_mean = 0.25 * 0 + 0.25 * mean + 0.5 * second_mean
        expected_std = 0.25 * 1 + 0.25 * std + 0.5 * second_std
        np.testing.assert_allclose(layer.get_weights()[2], expected_mean, rtol=1e-5)
        np.testing.assert_allclose(layer.get_weights()[3], expected_std, rtol=1e-5)


class TestElements:
    """axis=None: the elements of a sample as features, which a flat sample has along axis 1."""

    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize("mode", [0, 2])
    def test_each_has_statistics_over_the_batch(self, mode, training, float64):
        x, weights = example((6,), 1)
        flat = run(layer_of(mode, 1, weights), x, training)
        shaped = [weight.reshape(3, 2) for weight in weights]
        y = run(layer_of(mode, None, shaped), x.reshape(-1, 3, 2), training)
        np.testing.assert_allclose(y, flat.reshape(-1, 3, 2), rtol=1e-12)

    @pytest.mark.flags(keras="1.0")
    def test_each_has_a_gamma_and_a_beta_in_mode_1(self, float64):
        rng = np.random.default_rng(4)
        x, gamma, beta = (
            rng.normal(size=(4, 3, 5)),
            rng.normal(size=(3, 5)),
            rng.normal(size=(3, 5)),
        )
        y = run(layer_of(1, None, [gamma, beta, beta, beta]), x, training=False)
        mean, std = x.mean(-1, keepdims=True), x.std(-1, keepdims=True)
        np.testing.assert_allclose(y, gamma * (x - mean) / (std + EPSILON) + beta, rtol=1e-10)

    @pytest.mark.flags(keras="1.0")
    def test_the_running_statistics_move(self):
        x = np.random.default_rng(2).normal(3, 2, (8, 2, 2)).astype("float32")
        model = Sequential([BatchNormalization(axis=None, momentum=0.25, input_shape=(2, 2))])
        model.compile("sgd", "mse")
        model.train_on_batch(x, x)
        mean, std = model.get_weights()[2:]
        np.testing.assert_allclose(mean, 0.75 * x.mean(0), rtol=1e-5)
        np.testing.assert_allclose(std, 0.25 + 0.75 * x.std(0), rtol=1e-4)

    def test_flat_samples_have_an_axis_that_keras_reads(self):
        layer = BatchNormalization(axis=None, input_shape=(4,))
        Sequential([layer])
        assert layer.get_config()["axis"] == 1

    def test_an_open_size(self):
        with pytest.raises(ShapeError, match="axis 1 of the input has no known size"):
            BatchNormalization(axis=None)(InputLayer(input_shape=(None, 5)).output)


class TestBadInput:
    @pytest.mark.parametrize(
        ("argument", "values", "expected"),
        [
            ("epsilon", [-1e-6, None, "0", float("nan")], "expected a (finite )?number"),
            ("mode", [3, -1, 1.0, None, "0", True], r"expected 0 \(each feature"),
            ("axis", [1.5, "1", [1]], "expected a whole number, or None"),
            ("momentum", [-0.1, 1.1, None, "0.9"], "expected (0 to 1|a finite number)"),
        ],
    )
    def test_arguments(self, argument, values, expected):
        for value in values:
            with pytest.raises(
                ArgumentError,
                match=rf"norm \(BatchNormalization\): {argument}: {expected}.*received",
            ):
                BatchNormalization(name="norm", **{argument: value})

    def test_names(self):
        with pytest.raises(UnknownNameError, match="'ones': here it is 'one'"):
            BatchNormalization(gamma_init="ones")
        with pytest.raises(KeywordError, match="unknown keyword 'momentun'.*'momentum'"):
            BatchNormalization(momentun=0.9)

    @pytest.mark.parametrize("axis", [2, -3])
    def test_an_axis_that_is_not_there(self, axis):
        with pytest.raises(ShapeError, match=rf"axis {axis}: expected an axis.*\(None, 5\)"):
            BatchNormalization(axis=axis)(InputLayer(input_shape=(5,)).output)

    def test_an_open_size(self):
        with pytest.raises(ShapeError, match="axis 1 of the input has no known size.*input_shape"):
            BatchNormalization(axis=1)(InputLayer(input_shape=(None, 5)).output)

    def test_mode_1_elsewhere_than_on_the_last_axis(self):
        with pytest.raises(ArgumentError, match="mode 1 .* expected -1 or 2, received 1; use mode"):
            BatchNormalization(mode=1, axis=1)(InputLayer(input_shape=(4, 5)).output)

    @pytest.mark.parametrize("other", [(3, 1), (4,), (3, 2, 4)])
    def test_another_shape_at_a_second_call(self, other):
        layer = BatchNormalization(name="norm")
        layer(InputLayer(input_shape=(3, 4)).output)
        with pytest.raises(ShapeError, match=r"norm \(BatchNormalization\): .*expected.*received"):
            layer(InputLayer(input_shape=other).output)

    def test_given_weights_are_four(self):
        layer = BatchNormalization(weights=[np.ones(3), np.zeros(3)], name="norm")
        with pytest.raises(ShapeError, match=r"norm: expected 4 weights.*running_std.*received 2"):
            layer(InputLayer(input_shape=(3,)).output)

    def test_a_mask(self):
        node = InputLayer(input_shape=(3, 4)).output
        with pytest.raises(ArgumentError, match=r"\(BatchNormalization\) does not take a mask"):
            BatchNormalization()(node, mask=InputLayer(input_shape=(3,)).output)
