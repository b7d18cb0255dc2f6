"""TimeDistributed: a layer or a model at each step."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.interpret import evaluate
from graphc.engine import Input, Model, merge
from graphc.errors import ArgumentError, KeywordError, ShapeError
from graphc.layers import (
    LSTM,
    Activation,
    BatchNormalization,
    Convolution2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Masking,
    MaxoutDense,
    TimeDistributed,
    Wrapper,
)
from graphc.models import Sequential
from graphc.optimizers import SGD
from graphc.regularizers import activity_l2, l2
from tests.compiler.grad.differences import check_gradients
from tests.layers.kernels import layers_with_kernels

RNG = np.random.default_rng(5)
X = RNG.normal(size=(2, 4, 3))


def run(inputs, outputs, *arrays):
    feeds = {x: np.asarray(value, x.dtype) for x, value in zip(inputs, arrays, strict=True)}
    return evaluate(outputs, feeds)


class TestEachStep:
    @pytest.mark.parametrize("steps", [4, None])
    @pytest.mark.parametrize("batch", [2, None])
    def test_dense(self, batch, steps):
        K.set_floatx("float64")
        x = Input(batch_shape=(batch, steps, 3))
        layer = TimeDistributed(Dense(5, activation="tanh", name="inside"))
        y = layer(x)
        W, b = layer.get_weights()
        np.testing.assert_allclose(run([x], [y], X)[0], np.tanh(X @ W + b), rtol=1e-12)
        assert layer.output_shape == (batch, steps, 5)
        assert [g.name_of(weight) for weight in layer.weights] == ["inside_W", "inside_b"]
        assert layer.weights == layer.layer.weights

    def test_any_number_of_steps_is_one_function(self):
        model = Sequential([TimeDistributed(Dense(2), input_shape=(None, 3))])
        W, b = model.get_weights()
        for steps in (1, 4):
            np.testing.assert_allclose(model.predict(X[:, :steps]), X[:, :steps] @ W + b, rtol=1e-5)

    @pytest.mark.flags(image_dim_ordering="th")
    def test_a_convolution_of_each_picture(self):
        K.set_floatx("float64")
        pictures = RNG.normal(size=(2, 3, 1, 4, 5))
        x, one = Input((3, 1, 4, 5)), Input((1, 4, 5))
        inside = Convolution2D(2, 3, 3)
        y, at_one_step = TimeDistributed(inside)(x), inside(one)
        got = run([x], [y], pictures)[0]
        assert got.shape == (2, 3, 2, 2, 3)
        for step in range(3):
            expected = run([one], [at_one_step], pictures[:, step])[0]
            np.testing.assert_allclose(got[:, step], expected, rtol=1e-12)

    def test_a_model_of_each_step(self):
        inside = Sequential([Dense(4, input_dim=3, activation="relu"), Dense(2)])
        model = Sequential([TimeDistributed(inside, input_shape=(4, 3))])
        expected = np.stack([inside.predict(X[:, step]) for step in range(4)], axis=1)
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5)
        assert model.weights == inside.weights

    def test_a_model_of_a_fixed_batch_takes_all_steps(self):
        inside = Sequential([Dense(2, batch_input_shape=(2, 3))])
        x = Input(batch_shape=(2, 4, 3))
        assert TimeDistributed(inside)(x).shape == (2, 4, 2)

    def test_words_of_sentences(self):
        inside = Sequential([Embedding(9, 4, mask_zero=True), LSTM(3)])
        model = Sequential([TimeDistributed(inside, input_shape=(3, 5), input_dtype="int32")])
        words = RNG.integers(0, 9, (2, 3, 5))
        expected = np.stack([inside.predict(words[:, step]) for step in range(3)], axis=1)
        np.testing.assert_allclose(model.predict(words), expected, rtol=1e-5)

    def test_several_inputs_and_outputs(self):
        a, b = Input((3,)), Input((3,))
        inside = Model([a, b], [merge([a, b]), merge([a, b], mode="mul")])
        x, y = Input((4, 3)), Input((None, 3))
        total, product = TimeDistributed(inside)([x, y])
        got = run([x, y], [total, product], X, 2 * X)
        np.testing.assert_allclose(got[0], 3 * X, rtol=1e-6)
        np.testing.assert_allclose(got[1], 2 * X**2, rtol=1e-6)

    def test_a_wrapper_inside_of_a_wrapper(self):
        layer = TimeDistributed(TimeDistributed(Dense(2)))
        x = Input((5, 4, 3))
        y = layer(x)
        W, b = layer.get_weights()
        value = RNG.normal(size=(2, 5, 4, 3))
        np.testing.assert_allclose(run([x], [y], value)[0], value @ W + b, rtol=1e-4, atol=1e-6)

    def test_one_layer_inside_and_outside(self):
        inside = Dense(3)
        model = Model(x := Input((4, 3)), TimeDistributed(inside)(TimeDistributed(inside)(x)))
        assert len(model.weights) == 2

    def test_gradients(self):
        K.set_floatx("float64")
        layer = TimeDistributed(Dense(2, activation="tanh"))
        layer(Input((4, 3)))

        def build(x, W, b):
            return g.substitute([layer(x)], dict(zip(layer.weights, (W, b), strict=True)))[0]

        check_gradients(build, [X, *layer.get_weights()], second_order=False)


class TestTraining:
    def test_it_lowers_the_loss_and_the_step_has_kernels(self):
        model = Sequential([TimeDistributed(Dense(2, name="inside"), input_shape=(4, 3))])
        model.compile("sgd", "mse")
        y = RNG.normal(size=(2, 4, 2))
        losses = [model.train_on_batch(X, y) for _ in range(10)]
        assert losses[-1] < losses[0]
        assert "inside" in layers_with_kernels(model)

    def test_dropout_inside_draws_in_training_alone_and_anew_for_each_step(self):
        x = Input((50, 20))
        y = TimeDistributed(Dropout(0.5))(x)
        ones = np.ones((2, 50, 20), "float32")
        train, test = (
            function([x], y, givens=[(g.learning_phase(), phase)]) for phase in (True, False)
        )
        np.testing.assert_array_equal(test(ones), ones)
        dropped = train(ones) == 0
        assert abs(dropped.mean() - 0.5) < 5 * 0.5 / np.sqrt(2000)
        assert np.any(dropped[:, 0] != dropped[:, 1])

    def test_a_model_of_it_needs_the_learning_phase(self):
        x = Input((4, 3))
        y = TimeDistributed(Dropout(0.5))(x)
        with pytest.raises(ArgumentError, match="learning_phase"):
            K.function([x], [y])
        assert K.function([x, K.learning_phase()], [y])([X, 0])[0].shape == X.shape

    @pytest.mark.flags(keras="1.0")
    def test_statistics_of_a_batch_normalization_inside(self):
        K.set_floatx("float64")
        inside = BatchNormalization(momentum=0.75)
        model = Sequential([TimeDistributed(inside, input_shape=(4, 3))])
        model.compile("sgd", "mse")
        model.train_on_batch(X, X)
        np.testing.assert_allclose(inside.get_weights()[2], 0.25 * X.mean((0, 1)), rtol=1e-12)
        assert model.non_trainable_weights == inside.non_trainable_weights
        assert [len(model.layers[0].get_weights()), model.count_params()] == [4, 6]

    @pytest.mark.flags(keras="1.0")
    def test_penalties_of_weights_and_of_the_output(self):
        K.set_floatx("float64")
        inside = Dense(2, W_regularizer=l2(0.5), activity_regularizer=activity_l2(0.25))
        model = Sequential([TimeDistributed(inside, input_shape=(4, 3))])
        model.compile("sgd", "mse")
        W, b = inside.get_weights()
        y = X @ W + b
        # The mean over samples is one over all steps of all samples.
        penalty = 0.5 * np.sum(W**2) + 0.25 * np.sum(np.mean(y**2, axis=(0, 1)))
        np.testing.assert_allclose(model.train_on_batch(X, y), penalty, rtol=1e-12)

    @pytest.mark.parametrize("which", ["wrapper", "inside"])
    def test_frozen(self, which):
        layer = TimeDistributed(Dense(2), input_shape=(4, 3))
        (layer if which == "wrapper" else layer.layer).trainable = False
        model = Sequential([layer, TimeDistributed(Dense(2))])
        model.compile("sgd", "mse")
        before = model.get_weights()
        model.train_on_batch(X, np.ones((2, 4, 2)))
        changed = [np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True)]
        assert changed == [False, False, True, True]

    def test_set_weights_sets_those_of_the_layer_inside(self):
        layer = TimeDistributed(Dense(2, name="inside"))
        layer(Input((4, 3)))
        layer.set_weights([np.full((3, 2), 2.0), np.ones(2)])
        np.testing.assert_array_equal(layer.layer.get_weights()[0], 2.0)
        with pytest.raises(ShapeError, match=r"'inside_W': expected shape \(3, 2\)"):
            layer.set_weights([np.ones((2, 3)), np.ones(2)])

    def test_a_stateful_layer_inside_is_reset(self):
        layer = TimeDistributed(LSTM(2, stateful=True))
        model = Model(x := Input(batch_shape=(2, 2, 4, 3)), layer(x))
        value = np.ones((2, 2, 4, 3))
        first = model.predict(value, batch_size=2)
        assert np.any(model.predict(value, batch_size=2) != first)
        model.reset_states()
        np.testing.assert_array_equal(model.predict(value, batch_size=2), first)


class TestMasks:
    def test_a_mask_passes_by_and_weighs_the_loss(self):
        K.set_floatx("float64")
        model = Sequential(
            [
                Embedding(5, 3, mask_zero=True, input_length=3),
                Dropout(0.5),
                TimeDistributed(Dense(1)),
            ]
        )
        model.compile("sgd", "mse")
        words = np.array([[3, 0, 2], [0, 0, 1]])
        y = RNG.normal(size=(2, 3, 1))
        E, W, b = model.get_weights()
        errors = ((E[words] @ W + b - y) ** 2)[:, :, 0]
        np.testing.assert_allclose(
            model.test_on_batch(words, y), errors[words != 0].mean(), rtol=1e-12
        )

    def test_a_layer_that_refuses_masks_is_given_none(self):
        y = TimeDistributed(Flatten())(Masking()(Input((4, 3, 2))))
        assert y.history.node.output_masks[0] is not None

    def test_of_several_inputs_the_steps_that_count_in_all(self):
        a, b = Input((3,)), Input((3,))
        inside = Model([a, b], merge([a, b]))
        x, y = Input((2, 3)), Input((2, 3))
        z = TimeDistributed(inside)([Masking()(x), Masking()(y)])
        one, other = np.ones((1, 2, 3)), np.ones((1, 2, 3))
        other[0, 0] = 0.0
        (mask,) = run([x, y], z.history.node.output_masks, one, other)
        np.testing.assert_array_equal(mask, [[False, True]])

    def test_a_mask_from_inside_has_no_place(self):
        words = Input((3, 5), dtype="int32")
        message = r"t \(TimeDistributed\): words \(Embedding\) puts out a mask of its own"
        with pytest.raises(ArgumentError, match=message):
            TimeDistributed(Embedding(9, 4, mask_zero=True, name="words"), name="t")(words)


class TestErrors:
    def test_no_layer(self):
        with pytest.raises(ArgumentError, match="TimeDistributed: layer: expected a layer, e.g"):
            TimeDistributed(8)

    def test_no_steps(self):
        with pytest.raises(
            ShapeError, match=r"t \(TimeDistributed\): expected .*received 2: .*use Dense"
        ):
            TimeDistributed(Dense(2), name="t")(Input((3,)))

    def test_an_input_that_the_layer_inside_does_not_take(self):
        message = r"t \(TimeDistributed\), at each step: d \(MaxoutDense\): expected a 2-D input"
        with pytest.raises(ShapeError, match=message):
            TimeDistributed(MaxoutDense(2, name="d"), name="t")(Input((4, 3, 5)))

    def test_an_input_that_it_says_it_does_not_take(self):
        message = r"t \(TimeDistributed\), at each step: d \(Dense\): its .* says \(5,\), received"
        with pytest.raises(ShapeError, match=message):
            TimeDistributed(Dense(2, input_dim=5, name="d"), name="t")(Input((4, 3)))

    def test_an_input_that_the_model_inside_does_not_take(self):
        inside = Sequential([Dense(2, input_dim=5)], name="s")
        message = r"t \(TimeDistributed\), at each step: s \(Sequential\): axis 1 of the input"
        with pytest.raises(ShapeError, match=message):
            TimeDistributed(inside, name="t")(Input((4, 3)))

    def test_inputs_of_different_steps(self):
        a, b = Input((3,)), Input((3,))
        inside = Model([a, b], merge([a, b]))
        with pytest.raises(ShapeError, match="equally many steps"):
            TimeDistributed(inside)([Input((4, 3)), Input((5, 3))])
        with pytest.raises(ArgumentError, match="expected 2 inputs, received 1"):
            TimeDistributed(inside)(Input((4, 3)))

    def test_an_empty_model(self):
        with pytest.raises(ArgumentError, match="the model has no layers"):
            TimeDistributed(Sequential())(Input((4, 3)))

    def test_an_unknown_keyword(self):
        with pytest.raises(KeywordError, match="TimeDistributed: unknown keyword 'steps'"):
            TimeDistributed(Dense(2), steps=3)


def test_config():
    layer = TimeDistributed(Dense(2, name="inside"), input_shape=(4, 3), name="t")
    config = layer.get_config()
    assert config["layer"]["class_name"] == "Dense"
    assert config["layer"]["config"]["name"] == "inside"
    again = TimeDistributed.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    assert again.batch_input_shape == (None, 4, 3)


class Twice(Wrapper):
    """A wrapper as users wrote them for Keras."""

    def build(self, input_shape):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        super().build()

    def call(self, x, mask=None):
        return self.layer.call(self.layer.call(x))


def test_a_wrapper_of_ones_own():
    model = Sequential([Twice(Dense(3), input_shape=(3,)), Activation("linear")])
    W, b = model.get_weights()
    value = np.ones((2, 3))
    np.testing.assert_allclose(model.predict(value), (value @ W + b) @ W + b, rtol=1e-5)
    assert model.count_params() == 12


@pytest.mark.parametrize(
    "inside", [BatchNormalization, lambda: Dense(3, activity_regularizer=activity_l2(0.1))]
)
def test_a_wrapper_that_would_lose_updates_or_penalties(inside):
    with pytest.raises(ArgumentError, match=r"t \(Twice\): its call\(\) uses .* `self.layer\(x\)`"):
        Twice(inside(), name="t")(Input((3,)))


def test_a_wrapper_that_calls_the_layer_inside_has_its_updates():
    class Once(Wrapper):
        def call(self, x, mask=None):
            return self.layer(x)

    inside = BatchNormalization(momentum=0.5)
    model = Sequential([Once(inside, input_shape=(3,))])
    model.compile("sgd", "mse")
    X = np.arange(12.0).reshape(4, 3)
    model.train_on_batch(X, X)
    np.testing.assert_allclose(inside.get_weights()[2], X.mean(axis=0) / 2, rtol=1e-6)


class Scaled(Wrapper):
    """A wrapper that multiplies what the layer inside gives by weights of its own."""

    def __init__(self, layer, as_list=None, **kwargs):
        super().__init__(layer, **kwargs)
        self.as_list = as_list

    def build(self, input_shape):
        self.layer.build(input_shape)
        self.layer.built = True
        if self.as_list is None:
            self.scale = self.add_weight((2,), "one", "scale", regularizer=l2(0.5),
                                         constraint="nonneg")  # fmt: skip
            return
        self.scale = K.variable(np.ones(2))
        inside = self.layer.trainable_weights if self.as_list == "both" else []
        self.trainable_weights = [*inside, self.scale]
        self.regularizers = []
        self.constraints = {}

    def call(self, x, mask=None):
        return self.layer(x) * self.scale


class TestOwnWeights:
    @pytest.mark.parametrize("as_list", [None, "both"])
    def test_they_are_trained_and_stored_beside_those_of_the_layer_inside(self, as_list):
        model = Sequential([Scaled(Dense(2), as_list, input_shape=(3,))])
        (wrapper,) = model.layers
        assert wrapper.weights == [*wrapper.layer.weights, wrapper.scale] == model.trainable_weights
        x, target = np.eye(3, dtype="float32"), np.ones((3, 2))
        W, b, _ = wrapper.get_weights()
        model.compile(SGD(lr=0.1), "mse")
        model.train_on_batch(x, target)
        slope = 2 * (W + b - target) / target.size
        penalty = 0.5 * 2 if as_list is None else 0.0
        found = wrapper.get_weights()
        np.testing.assert_allclose(found[0], W - 0.1 * slope, rtol=1e-5)
        expected = 1 - 0.1 * ((slope * (W + b)).sum(0) + penalty)
        np.testing.assert_allclose(found[2], expected, rtol=1e-5)
        assert list(model.constraints) == ([wrapper.scale] if as_list is None else [])
        model.set_weights([W, b, [3, 4]])
        np.testing.assert_allclose(model.predict(x), (W + b) * [3, 4], rtol=1e-5)

    def test_a_list_without_those_of_the_layer_inside_leaves_them_as_they_are(self, caplog):
        model = Sequential([Scaled(Dense(2, name="d"), "alone", input_shape=(3,))])
        (wrapper,) = model.layers
        assert "d_W" in caplog.text
        assert wrapper.weights == model.trainable_weights == [wrapper.scale]
        before = wrapper.layer.get_weights()
        model.compile("sgd", "mse")
        model.train_on_batch(np.eye(3), np.ones((3, 2)))
        np.testing.assert_array_equal(wrapper.layer.get_weights()[0], before[0])
        assert (wrapper.get_weights()[0] != 1).all()

    def test_a_frozen_layer_inside_leaves_its_own(self):
        model = Sequential([Scaled(Dense(2, trainable=False), input_shape=(3,))])
        model.compile("sgd", "mse")
        before = model.layers[0].layer.get_weights()
        model.train_on_batch(np.eye(3), np.ones((3, 2)))
        np.testing.assert_array_equal(model.layers[0].layer.get_weights()[0], before[0])
        assert (model.layers[0].scale.get_value() != 1).all()
