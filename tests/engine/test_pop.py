"""Layers that are taken off a model, in the ways of programs for Keras."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.engine import Input
from graphc.errors import ArgumentError, NotCompiledError
from graphc.layers import Activation, BatchNormalization, Dense, merge
from graphc.models import Model, Sequential

X = np.random.default_rng(1).normal(size=(5, 4)).astype("float32")


def chain():
    layers = [Dense(3, input_dim=4, name="a"), BatchNormalization(name="n"), Dense(2, name="b")]
    model = Sequential(layers)
    model.compile("sgd", "mse")
    return model


def functional():
    x = Input((4,), name="x")
    return Model(x, Activation("softmax", name="s")(Dense(3, name="a")(x)))


def first_layer(model):
    W, b = model.get_layer("a").get_weights()
    return X @ W + b


def test_a_sequential_goes_on_from_the_layer_before():
    model = chain()
    model.pop()
    model.pop()
    np.testing.assert_allclose(model.predict(X), first_layer(model), rtol=1e-5)
    assert [layer.name for layer in model.layers] == ["a"]
    assert model.output_shape == (None, 3)
    assert len(model.get_weights()) == 2
    with pytest.raises(NotCompiledError):
        model.train_on_batch(X, np.zeros((5, 3)))
    model.add(Dense(7, name="new"))
    model.compile("sgd", "mse")
    W, b = model.layers[-1].get_weights()
    np.testing.assert_allclose(model.predict(X), first_layer(model) @ W + b, rtol=1e-4, atol=1e-6)
    model.fit(X, np.zeros((5, 7)), nb_epoch=1, verbose=0)


def test_down_to_nothing_and_from_the_beginning():
    model = Sequential([Dense(3, input_dim=4)])
    model.pop()
    assert model.layers == []
    with pytest.raises(ArgumentError, match="pop: the model has no layers"):
        model.pop()
    model.add(Dense(2, input_dim=4, name="a"))
    np.testing.assert_allclose(model.predict(X), first_layer(model), rtol=1e-5)


def test_the_old_idiom_of_a_sequential(caplog):
    model = chain()
    assert model.layers.pop().name == "b"
    (message,) = caplog.messages
    assert "layers.pop() takes b off the model" in message
    model.layers.pop()
    model.outputs = [model.layers[-1].output]
    model.layers[-1].outbound_nodes = []
    np.testing.assert_allclose(model.predict(X), first_layer(model), rtol=1e-5)
    model.add(Dense(2))
    assert model.output_shape == (None, 2)


def test_outputs_alone_cut_a_sequential():
    model = chain()
    model.outputs = [model.layers[0].output]
    np.testing.assert_allclose(model.predict(X), first_layer(model), rtol=1e-5)
    assert len(model.layers) == 1
    with pytest.raises(ArgumentError, match="outputs: expected the output of one of the model's"):
        model.outputs = [Input((3,))]


def test_the_old_idiom_of_a_model():
    model = functional()
    model.compile("sgd", "mse")
    assert model.layers.pop().name == "s"
    model.outputs = [model.layers[-1].output]
    model.output_layers = [model.layers[-1]]
    model.layers[-1].outbound_nodes = []
    np.testing.assert_allclose(model.predict(X), first_layer(model), rtol=1e-5)
    new = Model(model.input, Dense(2)(model.layers[-1].output))
    assert new.output_shape == (None, 2)
    np.testing.assert_allclose(
        Model(model.input, model.output).predict(X), first_layer(model), 1e-5
    )


def test_other_outputs_of_a_model():
    model = functional()
    model.outputs = [model.get_layer("a").output, model.output]
    first, second = model.predict(X)
    np.testing.assert_allclose(first, first_layer(model), rtol=1e-5)
    np.testing.assert_allclose(second.sum(1), np.ones(5), rtol=1e-5)


def test_what_cannot_be_taken_off():
    x = Input((4,), name="x")
    several = Model(x, [Dense(2, name="a")(x), Dense(3, name="b")(x)])
    with pytest.raises(ArgumentError, match="not the only layer whose output is one of the model"):
        several.layers.pop()
    with pytest.raises(ArgumentError, match="cannot be changed"):
        functional().layers.pop(0)
    joined = Model(x, merge([Dense(2, name="c")(x), Dense(2, name="d")(x)], name="both"))
    joined.layers.pop()
    assert joined.output_names == ["c", "d"]
