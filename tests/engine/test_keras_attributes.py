"""Attributes of tensors, layers and models that programs for Keras touch."""

import logging
from itertools import pairwise

import numpy as np
import pytest

from graphc import backend as K
from graphc.engine import Input, Layer, Model
from graphc.errors import ArgumentError, DTypeError, NotCompiledError, ShapeError
from graphc.layers import (
    LSTM,
    Convolution2D,
    Dense,
    Dropout,
    Embedding,
    Lambda,
    SimpleRNN,
    ZeroPadding2D,
)
from graphc.metrics import Precision
from graphc.models import Sequential
from graphc.objectives import mean_squared_error
from graphc.optimizers import SGD


class TestTensors:
    def test_shape_and_history(self):
        layer = Dense(3)
        y = layer(Input((5,)))
        assert y._keras_shape == (None, 3)
        assert y._keras_history == (layer, 0, 0)
        assert not hasattr(K.sum(y), "_keras_history")

    def test_a_shape_that_is_set_is_kept_if_it_fits(self, caplog):
        y = K.sum(Input((5, None)), axis=1)
        y._keras_shape = (None, 7)
        assert y._keras_shape == (None, 7)
        with caplog.at_level(logging.WARNING, logger="graphc"):
            y._keras_shape = (None, 7, 1)
        assert "(None, 7, 1), and the tensor has (None, None), which counts" in caplog.text
        assert y._keras_shape == (None, 7)

    def test_a_history_is_that_of_the_layer_or_none(self):
        layer = Dense(3)
        y = layer(Input((5,)))
        y._keras_history = (layer, 0, 0)
        with pytest.raises(ArgumentError, match="is not output 0 of call 0 of dense"):
            K.sum(y)._keras_history = (layer, 0, 0)

    def test_learning_phase(self):
        x = Input((5,))
        assert not x._uses_learning_phase
        assert Dropout(0.5)(x)._uses_learning_phase
        x._uses_learning_phase = True
        assert x._uses_learning_phase

    def test_name(self):
        weights = Dense(3, name="d", input_dim=2)
        Sequential([weights])
        assert [one.name for one in weights.weights] == ["d_W", "d_b"]
        weights.W.name = "other"
        assert weights.W.name == "other"

    def test_nothing_else_can_be_set(self):
        with pytest.raises(AttributeError, match="frozen"):
            Input((5,)).tag = 1


def test_layers_that_use_the_learning_phase():
    class Own(Layer):
        def __init__(self, **kwargs):
            self.uses_learning_phase = True
            super().__init__(**kwargs)

    model = Sequential([Dropout(0.5, input_shape=(3,)), Dense(2), Own()])
    assert [layer.uses_learning_phase for layer in model.layers] == [True, True, True]
    alone = Dense(2)
    alone(Input((3,)))
    assert not alone.uses_learning_phase


def test_the_sizes_of_tensors_as_tensorflow_gives_them():
    shape = Input(shape=(3, None, 4)).get_shape()
    assert shape == (None, 3, None, 4)
    assert shape.as_list() == [None, 3, None, 4]
    assert (shape.ndims, shape[3]) == (4, 4)


def test_a_model_is_stateful_where_a_layer_is_at_any_depth():
    inner = Sequential([SimpleRNN(2, stateful=True, batch_input_shape=(2, 3, 1))])
    outer = Sequential([inner, Dense(1)])
    assert (inner.stateful, outer.stateful) == (True, True)
    assert Sequential([SimpleRNN(2, input_shape=(3, 1))]).stateful is False
    x = np.arange(6.0).reshape(2, 3, 1) / 6
    first, second = (outer.predict(x, batch_size=2) for _ in range(2))
    assert not np.array_equal(first, second)
    outer.reset_states()
    np.testing.assert_array_equal(outer.predict(x, batch_size=2), first)


def test_a_size_is_divided_where_no_remainder_is_left():
    n = K.shape(K.placeholder((None, 2)))[0]
    assert (4 * n) / 2 == 2 * n
    with pytest.raises(ShapeError, match="may leave a remainder, and a size is whole: use //"):
        n / 2


def test_narrow_dtypes_are_held_in_wider_ones():
    pixels = K.variable(np.array([0, 255]), dtype="uint8")
    assert (pixels.dtype, K.cast(pixels, "float16").dtype) == ("int32", "float32")
    x = Input((2,), dtype="uint8")
    model = Model(x, Lambda(lambda x: K.cast(x, "float32") / 255.0)(x))
    values = np.array([[0, 51]], "uint8")
    np.testing.assert_allclose(model.predict(values), [[0.0, 0.2]], rtol=1e-6)


@pytest.mark.flags(image_dim_ordering="th")
@pytest.mark.parametrize(
    "init",
    [
        lambda shape: np.full(shape, 2.0),
        lambda shape, name=None: K.variable(np.full(shape, 2.0), name=name),
        lambda shape, name, dim_ordering: K.variable(np.full(shape, 2.0)),
        lambda shape, **kwargs: K.variable(np.full(shape, 2.0), **kwargs),
    ],
    ids=["shape", "name", "dim_ordering", "any"],
)
def test_any_function_of_a_shape_initializes(init):
    layer = Convolution2D(1, 2, 2, init=init, input_shape=(1, 2, 2), name="c")
    Sequential([layer])
    np.testing.assert_array_equal(layer.get_weights()[0], np.full((1, 1, 2, 2), 2.0))
    assert layer.W.name == "c_W"


def test_slices_whose_bounds_are_sizes():
    x = K.placeholder((2, None))
    n = K.shape(x)[1]
    value = np.arange(10.0).reshape(2, 5)
    cuts = [x[:, : n // 2], x[:, n // 2 : n - 1], x[:, -(n // 2) :], x[:, n - 1]]
    found = K.function([x], cuts)([value])
    expected = [value[:, :2], value[:, 2:4], value[:, -2:], value[:, 4]]
    for got, one in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, one)
    with pytest.raises(DTypeError, match="a bound of a slice: expected an int or a size"):
        x[:, : K.variable(3, dtype="int32")]


@pytest.mark.parametrize("size", [None, 7])
def test_slices_whose_bounds_are_computed_as_tensors(size):
    """Regions of a pyramid, whose borders are rounded, of an open and of a known size."""
    x = K.placeholder((2, size))
    length = K.cast(K.shape(x)[1], "float32")
    borders = [K.cast(K.round(k * (length / 4)), "int32") for k in range(5)]
    cuts = [K.reshape(x[:, a:b], (2, b - a)) for a, b in pairwise(borders)]
    step = K.function([x], cuts)
    for n in (size,) if size else range(4, 13):
        value = np.random.rand(2, n).astype("float32")
        ends = [int(np.round(k * n / 4)) for k in range(5)]
        for got, (a, b) in zip(step([value]), pairwise(ends), strict=True):
            np.testing.assert_array_equal(got, value[:, a:b])


def test_a_bound_that_is_cut_off():
    x = K.placeholder((2, None))
    first = K.function([x], [x[:, : K.cast(K.cast(K.shape(x)[1], "float32") / 2, "int32")]])
    assert [first([np.ones((2, n))])[0].shape[1] for n in (2, 3, 5)] == [1, 1, 2]


class TestCompile:
    def test_what_it_was_given(self):
        model = Sequential([Dense(2, input_dim=3)])
        assert not any(hasattr(model, name) for name in ("loss", "optimizer", "metrics"))
        model.compile("adam", "mse", metrics=["accuracy"], sample_weight_mode=None)
        assert (model.loss, model.metrics, model.loss_weights) == ("mse", ["accuracy"], None)
        assert model.sample_weight_mode is None
        assert model.sample_weight_modes == [None] * len(model.outputs)
        assert model.model is model

    def test_gradients_of_its_loss(self):
        model = Sequential([Dense(1, input_dim=2, init="one")])
        model.compile("sgd", "mse")
        inputs = [*model.inputs, *model.targets, *model.sample_weights]
        gradients = K.function(inputs, K.gradients(model.total_loss, model.trainable_weights))
        X, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 1))
        W, b = gradients([X, y, np.ones(2)])
        np.testing.assert_allclose(W, X.T @ (2 * X.sum(1, keepdims=True)) / 2)
        np.testing.assert_allclose(b, [10.0])

    def test_functions_that_are_made_early(self):
        model = Sequential([Dense(1, input_dim=2)])
        model.compile("sgd", "mse")
        model._make_predict_function()
        model._make_train_function()
        model._make_test_function()
        assert len(model.compile_report().functions) == 3

    def test_a_training_step_over_a_list(self):
        model = Sequential([Dense(1, input_dim=2, init="one")])
        model.compile(SGD(0.1), "mse", metrics=["mae"])
        assert model.train_function is None
        model.model._make_train_function()
        step = model.model.train_function
        assert step is model.train_function
        X, y = np.array([[1, 2], [3, 4]]), np.zeros((2, 1))
        loss, mae = step([X, y, np.ones(2)])
        assert (loss, mae) == (29.0, 5.0)
        np.testing.assert_allclose(model.get_weights()[1], [-0.1 * 10])
        before = model.get_weights()[0]
        (loss, _), (outputs,) = (
            function([*given])
            for function, given in (
                (self.made(model, "test"), [X, y, [1, 0]]),
                (self.made(model, "predict"), [X]),
            )
        )
        np.testing.assert_allclose(outputs, X @ before - 1.0, rtol=1e-6)
        np.testing.assert_allclose(loss, outputs[0] ** 2, rtol=1e-6)

    def made(self, model, purpose):
        assert getattr(model, f"{purpose}_function") is None
        getattr(model, f"_make_{purpose}_function")()
        return getattr(model, f"{purpose}_function")

    def test_the_learning_phase_of_a_model_that_differs_in_training(self):
        model = Sequential([Dropout(0.5, input_shape=(1000,))])
        model.compile("sgd", "mse")
        predict = self.made(model, "predict")
        assert len(predict.inputs) == 2
        x = np.ones((1, 1000))
        testing, training = predict([x, 0])[0], predict([x, 1.0])[0]
        np.testing.assert_array_equal(testing, x)
        assert set(training.flat) == {0.0, 2.0}
        (loss,) = self.made(model, "test")([x, x, np.ones(1), 1])
        assert loss == pytest.approx(1.0)  # the mean of (0 - 1)^2 and (2 - 1)^2
        with pytest.raises(ArgumentError, match="learning phase.* expected 1 .*received 2"):
            predict([x, 2])
        with pytest.raises(ArgumentError, match="expected a list of 2: .*received 1 values"):
            predict([x])

    def test_none_has_it_made_anew(self):
        model = Sequential([Dense(1, input_dim=2, init="one"), Dense(1, init="one")])
        model.compile(SGD(0.1, momentum=0.9), "mse")
        X, y = np.ones((2, 2)), np.zeros((2, 1))
        model.train_on_batch(X, y)
        first = model.train_function
        model.train_function = None
        assert model.train_function is None
        model.train_on_batch(X, y)
        assert model.train_function is not first
        with pytest.raises(ArgumentError, match="train_function: expected None.*get_updates"):
            model.train_function = K.function([model.input], [model.output])

    @pytest.mark.flags(keras="1.0")
    def test_trainable_is_read_again(self):
        model = Sequential([Dense(1, input_dim=2), Dense(1)])
        model.compile("sgd", "mse")
        X, y = np.ones((2, 2)), np.zeros((2, 1))
        model.train_on_batch(X, y)
        model.layers[0].trainable = False
        model.train_function = None
        before = model.get_weights()
        model.train_on_batch(X, y)
        changed = [
            not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True)
        ]
        assert changed == [False, False, True, True]

    def test_metrics_of_epochs_are_those_of_the_batch(self):
        model = Sequential([Dense(1, input_dim=1, init="one")])
        model.compile("sgd", "mse", metrics=[Precision()])
        x = np.array([[1.0], [1.0], [0.0], [1.0]])
        values = self.made(model, "test")([x, np.array([[1], [0], [0], [1]]), np.ones(4)])
        np.testing.assert_allclose(values, [0.25, 2 / 3], rtol=1e-6)


def test_inner_attributes_of_a_model():
    def own(y_true, y_pred):
        return K.mean(y_pred, axis=-1)

    x, z = Input((5,)), Input(batch_shape=(2, None, 4))
    model = Model([x, z], [Dense(3)(x), LSTM(6)(z)])
    assert model.internal_input_shapes == [(None, 5), (2, None, 4)]
    assert model.internal_output_shapes == [(None, 3), (2, 6)]
    with pytest.raises(NotCompiledError, match="loss_functions"):
        _ = model.loss_functions
    model.compile("sgd", ["mse", own])
    assert model.loss_functions == [mean_squared_error, own]


class TestOutputShapes:
    @pytest.mark.flags(image_dim_ordering="th")
    @pytest.mark.parametrize(
        ("layer", "shape", "expected"),
        [
            (Convolution2D(4, 3, 3, dim_ordering="th"), (7, 3, 8, 8), (7, 4, 6, 6)),
            (Dense(4, init=lambda shape: np.ones(shape)), (7, 3), (7, 4)),
            (LSTM(4, return_sequences=True), (7, None, 3), (7, None, 4)),
            (Sequential([Dropout(0.5, input_shape=(5,)), Dense(3)]), (7, 5), (7, 3)),
        ],
        ids=["convolution", "dense", "lstm", "model"],
    )
    def test_of_a_known_batch_before_the_layer_is_used(self, layer, shape, expected):
        np.random.seed(3)
        before = np.random.get_state()[1].copy()
        assert layer.get_output_shape_for(shape) == expected
        np.testing.assert_array_equal(np.random.get_state()[1], before)
        assert isinstance(layer, Sequential) or not layer.built

    def test_a_model_draws_the_same_numbers_after_it(self):
        results = []
        for wants in (False, True):
            np.random.seed(1)
            model = Sequential([Dropout(0.5, input_shape=(50,))])
            if wants:
                model.get_output_shape_for((7, 50))
            use = model(x := Input((50,)))
            step = K.function([x, K.learning_phase()], [use])
            results.append(step([np.ones((1, 50)), 1])[0])
        np.testing.assert_array_equal(*results)


class TestInput:
    def test_a_layer_is_given_a_placeholder(self):
        picture = K.placeholder((1, 3, 4, 4))
        first = ZeroPadding2D((1, 1), input_shape=(3, 4, 4))
        first.input = picture
        model = Sequential([first, Convolution2D(2, 3, 3)])
        assert model.input is picture
        total = K.function([picture], [K.sum(model.output)])
        value = np.ones((1, 3, 4, 4))
        np.testing.assert_allclose(total([value])[0], model.predict(value).sum(), rtol=1e-5)

    def test_a_model_says_what_to_do(self):
        with pytest.raises(ArgumentError, match=r"model\(tensor\) gives its output"):
            Sequential([Dense(2, input_dim=3)]).input = K.placeholder((2, 3))


def test_an_optimizer_has_clipnorm_only_if_it_was_given():
    assert not hasattr(SGD(), "clipnorm")
    assert SGD(clipnorm=1.0).clipnorm == 1.0


def test_a_lambda_that_supports_masking_lets_the_mask_go_on():
    twice = Lambda(lambda x: 2 * x)
    twice.supports_masking = True
    x = Input((4,), dtype="int32")
    masked = twice(Embedding(5, 3, mask_zero=True)(x))
    model = Model(x, LSTM(2)(masked))
    words = np.array([[1, 2, 0, 0]])
    short = Input((2, 3))
    other = Model(short, LSTM(2, weights=model.layers[-1].get_weights())(short))
    vectors = 2 * model.layers[1].get_weights()[0][words[:, :2]]
    np.testing.assert_allclose(model.predict(words), other.predict(vectors), rtol=1e-5)
