"""AutoEncoder: the reconstruction or the code, what each trains, and training layer by layer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.engine import Input
from graphc.errors import ArgumentError, NotCompiledError, ShapeError
from graphc.layers import (
    GRU,
    Activation,
    AutoEncoder,
    BatchNormalization,
    Dense,
    Merge,
    TimeDistributed,
)
from graphc.layers.core import AutoEncoder as of_core
from graphc.models import Model, Sequential
from graphc.regularizers import l2

X = np.random.RandomState(3).rand(24, 6).astype("float32")


def coder(**kwargs):
    return AutoEncoder(Dense(2, input_dim=6, activation="tanh"), Dense(6), **kwargs)


def coded(weights, x=X):
    return np.tanh(x @ weights[0] + weights[1])


def decoded(weights, x=X):
    return coded(weights, x) @ weights[2] + weights[3]


class TestOutput:
    def test_the_decoder_of_the_encoder(self):
        model = Sequential([coder()])
        assert of_core is AutoEncoder
        assert model.output_shape == (None, 6)
        np.testing.assert_allclose(model.predict(X), decoded(model.get_weights()), atol=1e-6)

    def test_the_code_alone_with_the_weights_of_both(self):
        model = Sequential([coder(output_reconstruction=False)])
        shapes = [value.shape for value in model.get_weights()]
        assert model.output_shape == (None, 2)
        assert shapes == [(6, 2), (2,), (2, 6), (6,)]
        np.testing.assert_allclose(model.predict(X), coded(model.get_weights()), atol=1e-6)

    def test_weights_are_the_encoders_then_the_decoders(self):
        values = [np.full(shape, k + 1.0) for k, shape in enumerate([(6, 2), (2,), (2, 6), (6,)])]
        layer = coder(weights=values)
        model = Sequential([layer])
        for found in (layer.encoder.get_weights() + layer.decoder.get_weights(), layer, model):
            found = found if isinstance(found, list) else found.get_weights()
            assert all(np.array_equal(one, value) for one, value in zip(found, values, strict=True))
        assert layer.count_params() == 32

    def test_running_statistics_stay_with_their_part(self):
        encoder = Sequential([Dense(2, input_dim=6), BatchNormalization()])
        layer = AutoEncoder(encoder, Dense(6))
        Sequential([layer])
        assert layer.weights == [*encoder.weights, *layer.decoder.weights]

    def test_behind_other_layers_the_encoder_needs_no_input_shape(self):
        model = Sequential([Dense(4, input_dim=6), AutoEncoder(Dense(2), Dense(4))])
        assert model.predict(X).shape == (24, 4)

    def test_masks_pass_through_both(self):
        steps, mask = Input((5, 3)), g.input((g.BATCH, 5), "bool")
        layer = AutoEncoder(Activation("tanh"), Activation("linear"))
        output = layer(steps, mask)
        assert layer.get_output_mask_at(0) is mask
        x = np.random.RandomState(0).rand(2, 5, 3).astype("float32")
        np.testing.assert_allclose(evaluate([output], {steps: x})[0], np.tanh(x), atol=1e-6)


class TestTraining:
    def test_a_step_against_gradients_by_hand(self):
        layer = coder()
        model = Sequential([layer])
        w, b, v, c = before = model.get_weights()
        model.compile("sgd", "mse")
        model.train_on_batch(X, X)
        h = coded(before)
        error = 2.0 * (decoded(before) - X) / X.size
        inner = (error @ v.T) * (1.0 - h * h)
        steps = [X.T @ inner, inner.sum(axis=0), h.T @ error, error.sum(axis=0)]
        for value, old, step in zip(model.get_weights(), [w, b, v, c], steps, strict=True):
            np.testing.assert_allclose(value, old - 0.01 * step, atol=1e-6)

    def test_the_code_trains_the_encoder_alone(self):
        model = Sequential([coder(output_reconstruction=False)])
        before = model.get_weights()
        model.compile("sgd", "mse")
        model.train_on_batch(X, np.ones((24, 2)))
        changed = [
            not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True)
        ]
        assert changed == [True, True, False, False]

    def test_penalties_and_statistics_of_a_decoder_that_nobody_reads_do_not_count(self):
        decoder = Sequential([Dense(6, input_dim=2, W_regularizer=l2(1.0)), BatchNormalization()])
        layer = AutoEncoder(Dense(2, input_dim=6), decoder, output_reconstruction=False)
        model = Sequential([layer])
        model.compile("sgd", "mse")
        before = decoder.get_weights()
        target = np.ones((24, 2))
        expected = np.mean((model.predict(X) - target) ** 2)
        np.testing.assert_allclose(model.train_on_batch(X, target), expected, rtol=1e-5)
        assert all(map(np.array_equal, before, decoder.get_weights()))
        layer.output_reconstruction = True
        model.compile("sgd", "mse")
        expected = np.sum(before[0] ** 2)
        assert model.train_on_batch(X, X) > expected
        assert not np.array_equal(before[-1], decoder.get_weights()[-1])

    def test_parts_that_are_not_trainable_stay(self):
        layer = coder()
        layer.encoder.trainable = False
        model = Sequential([layer])
        before = model.get_weights()
        model.compile("sgd", "mse")
        model.train_on_batch(X, X)
        changed = [
            not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True)
        ]
        assert changed == [False, False, True, True]


class TestSwitching:
    def test_there_and_back(self):
        layer = coder()
        model = Sequential([layer])
        model.compile("sgd", "mse")
        model.fit(X, X, nb_epoch=2, verbose=0)
        weights = model.get_weights()
        np.testing.assert_allclose(model.predict(X), decoded(weights), atol=1e-6)
        layer.output_reconstruction = False
        np.testing.assert_allclose(model.predict(X), coded(weights), atol=1e-6)
        model.compile("sgd", "mse")
        codes = model.predict(X)
        np.testing.assert_allclose(model.evaluate(X, codes, verbose=0), 0.0, atol=1e-12)
        layer.output_reconstruction = True
        model.compile("sgd", "mse")
        error = np.mean((decoded(weights) - X) ** 2)
        np.testing.assert_allclose(model.evaluate(X, X, verbose=0), error, rtol=1e-5)

    def test_what_was_compiled_for_the_other_output_is_not_used(self):
        model = Sequential([coder()])
        model.compile("sgd", "mse")
        model.train_on_batch(X, X)
        for value in (False, True):  # there and back, with no call in between
            model.layers[0].output_reconstruction = value
        model.train_on_batch(X, X)
        model.layers[0].output_reconstruction = False
        with pytest.raises(NotCompiledError, match="fit needs a compiled model.*or switching one"):
            model.fit(X, X)

    def test_layers_behind_are_used_on_the_new_output(self):
        layer = AutoEncoder(Dense(6, input_dim=6, activation="tanh"), Dense(6))
        model = Sequential([layer, Activation("relu")])
        first, second = (model.predict(X), layer)
        second.output_reconstruction = False
        code = np.tanh(X @ layer.get_weights()[0])
        np.testing.assert_allclose(model.predict(X), np.maximum(code, 0), atol=1e-6)
        assert not np.allclose(first, np.maximum(code, 0))

    def test_a_layer_behind_that_does_not_fit_the_new_output(self):
        model = Sequential([coder(), Dense(3)])
        model.layers[0].output_reconstruction = False
        with pytest.raises(
            ShapeError, match=r"dense_\d+ \(Dense\): axis 1.*expected 6.*received 2"
        ):
            model.predict(X)

    def test_layers_are_added_behind_the_new_output(self):
        model = Sequential([coder()])
        model.layers[0].output_reconstruction = False
        model.add(Dense(3))
        assert [value.shape for value in model.layers[1].get_weights()] == [(2, 3), (3,)]
        assert model.predict(X).shape == (24, 3)

    def test_models_that_hold_the_model_and_functional_ones(self):
        layer = coder()
        inner = Sequential([layer])
        outer = Sequential([inner])
        x = Input((6,))
        before = Dense(6, activation="tanh")
        functional = Model(x, layer(before(x)))
        for model, expected in ((outer, 6), (functional, 6)):
            assert model.predict(X).shape == (24, expected)
        layer.output_reconstruction = False
        weights = layer.get_weights()
        np.testing.assert_allclose(outer.predict(X), coded(weights), atol=1e-6)
        w, b = before.get_weights()
        np.testing.assert_allclose(
            functional.predict(X), coded(weights, np.tanh(X @ w + b)), atol=1e-6
        )
        assert inner.output_shape == (None, 2)
        assert len(before.inbound_nodes) == 1  # what comes before the change is left as it is

    def test_merged_models(self):
        layer = AutoEncoder(Dense(6, input_dim=6, activation="tanh"), Dense(6))
        other = Sequential([Dense(3, input_dim=6)])
        model = Sequential([Merge([Sequential([layer]), other], mode="concat"), Dense(2)])
        before = model.predict([X, X])
        layer.output_reconstruction = False
        w, b, u, a = (*layer.get_weights()[:2], *other.get_weights())
        v, c = model.layers[1].get_weights()
        joined = np.concatenate([np.tanh(X @ w + b), X @ u + a], axis=1)
        found = model.predict([X, X])
        np.testing.assert_allclose(found, joined @ v + c, atol=1e-6)
        assert not np.allclose(found, before)

    def test_inside_of_a_wrapper(self):
        layer = AutoEncoder(Dense(2, activation="tanh"), Dense(6))
        model = Sequential([TimeDistributed(layer, input_shape=(4, 6))])
        assert model.output_shape == (None, 4, 6)
        layer.output_reconstruction = False
        steps = X.reshape(6, 4, 6)
        expected = coded(layer.get_weights()).reshape(6, 4, 2)
        np.testing.assert_allclose(model.predict(steps), expected, atol=1e-6)


class TestPrograms:
    def test_layer_by_layer_then_the_encoders_in_a_final_model(self):
        sizes, data, encoders = [6, 4, 2], X, []
        for wide, narrow in pairwise(sizes):
            encoder = Dense(narrow, input_dim=wide, activation="tanh")
            autoencoder = Sequential(
                [AutoEncoder(encoder=encoder, decoder=Dense(wide), output_reconstruction=True)]
            )
            autoencoder.compile(loss="mse", optimizer="adam")
            history = autoencoder.fit(data, data, batch_size=8, nb_epoch=15, verbose=0)
            assert history.history["loss"][-1] < history.history["loss"][0]
            autoencoder.layers[0].output_reconstruction = False
            autoencoder.compile(loss="mse", optimizer="adam")
            data = autoencoder.predict(data)
            encoders.append(autoencoder.layers[0].encoder)
        model = Sequential()
        for encoder in encoders:
            model.add(encoder)
        np.testing.assert_allclose(model.predict(X), data, atol=1e-6)
        model.add(Dense(3, activation="softmax"))
        model.compile(loss="categorical_crossentropy", optimizer="sgd")
        y = np.eye(3)[np.arange(24) % 3]
        trained = encoders[0].get_weights()[0]
        model.fit(X, y, nb_epoch=1, verbose=0)
        assert model.predict(X).shape == (24, 3)
        assert not np.array_equal(trained, encoders[0].get_weights()[0])

    def test_stacked_recurrent_autoencoders(self):
        x = np.random.RandomState(0).rand(6, 5, 4)
        first = Sequential([GRU(3, input_dim=4, return_sequences=True)])
        model = Sequential(
            [AutoEncoder(first, Sequential([GRU(4, input_dim=3, return_sequences=True)]))]
        )
        model.compile("rmsprop", "mse")
        model.fit(x, x, nb_epoch=1, verbose=0)
        assert model.predict(x).shape == (6, 5, 4)
        model.layers[0].output_reconstruction = False
        model.compile("rmsprop", "mse")
        codes = model.predict(x)
        final = Sequential([first, GRU(2)])
        np.testing.assert_allclose(final.layers[0].predict(x), codes, atol=1e-6)
        assert final.predict(x).shape == (6, 2)


class TestErrors:
    def test_a_part_that_is_no_layer(self):
        with pytest.raises(ArgumentError, match="AutoEncoder: decoder: expected a layer.*None"):
            AutoEncoder(Dense(2), None)

    def test_output_reconstruction_is_true_or_false(self):
        layer = coder(name="ae")
        with pytest.raises(ArgumentError, match="ae: output_reconstruction.*'no'"):
            layer.output_reconstruction = "no"

    def test_a_decoder_for_another_code(self):
        layer = AutoEncoder(Dense(2, input_dim=6), Dense(6, input_dim=3, name="out"), name="ae")
        with pytest.raises(
            ShapeError, match=r"ae.*decoder out takes \(None, 3\).*gives \(None, 2\)"
        ):
            Sequential([layer])

    def test_a_first_layer_that_does_not_say_what_comes_in(self):
        with pytest.raises(ArgumentError, match="first layer has to say what comes in"):
            Sequential([AutoEncoder(Dense(2), Dense(6))])

    def test_weights_of_another_shape(self):
        values = [np.zeros((6, 2)), np.zeros(2), np.zeros((3, 6)), np.zeros(6)]
        with pytest.raises(ShapeError, match=r"expected shape \(2, 6\), received \(3, 6\)"):
            Sequential([coder(weights=values)])
