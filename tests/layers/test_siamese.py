"""Layers that several models share, as Keras 0.3 had them."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import ArgumentError, GraphcError
from graphc.layers import LSTM, Bidirectional, Embedding
from graphc.layers.core import Dense, Merge, Siamese, SiameseHead, add_shared_layer
from graphc.models import Model, Sequential, model_from_json

X = np.random.RandomState(0).rand(2, 4, 3).astype("float32")


def branches():
    return [Sequential([Dense(5, input_dim=3)]) for _ in X]


def test_a_layer_at_the_end_of_two_models():
    left, right = branches()
    add_shared_layer(Dense(2), [left, right])
    model = Sequential([Merge([left, right], mode="sum")])
    (W1, b1), (W2, b2) = (one.layers[0].get_weights() for one in (left, right))
    W, b = left.layers[1].get_weights()
    assert left.layers[1] is right.layers[1]
    expected = (X[0] @ W1 + b1) @ W + b + (X[1] @ W2 + b2) @ W + b
    np.testing.assert_allclose(model.predict(list(X)), expected, rtol=1e-5, atol=1e-6)
    assert len(model.trainable_weights) == 6
    model.compile("sgd", "mse")
    before = left.predict(X[0])
    model.train_on_batch(list(X), np.zeros((4, 2)))
    assert (left.predict(X[0]) != before).any()


def test_what_it_makes_of_two_models_merged():
    left, right = branches()
    model = Sequential([Siamese(Dense(2), [left, right]), Dense(1)])
    (W1, b1), (W2, b2) = (one.layers[0].get_weights() for one in (left, right))
    W, b = model.layers[0].layers[0].layers[1].get_weights()
    found = [(x @ V + c) @ W + b for x, V, c in zip(X, (W1, W2), (b1, b2), strict=True)]
    V, c = model.layers[1].get_weights()
    expected = np.concatenate(found, axis=1) @ V + c
    np.testing.assert_allclose(model.predict(list(X)), expected, rtol=1e-5, atol=1e-6)
    assert (len(left.layers), len(right.layers)) == (1, 1)
    again = model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(list(X)), model.predict(list(X)))
    assert len(again.trainable_weights) == len(model.trainable_weights) == 8


class TestWithoutAMerge:
    def test_a_head_takes_what_the_layer_makes_of_one_model(self, tmp_path):
        left, right = branches()
        model = Sequential([Siamese(Dense(2), [left, right], merge_mode=None)])
        assert model.output_shape == [(None, 2), (None, 2)]
        model.add(SiameseHead(1))
        first, second = model.layers[0].layers
        assert first.layers[1] is second.layers[1]
        (V, c), (W, b) = right.get_weights(), second.layers[1].get_weights()
        expected = (X[1] @ V + c) @ W + b
        np.testing.assert_allclose(model.predict(list(X)), expected, rtol=1e-5, atol=1e-6)
        same = Model(model.inputs, model.layers[0].get_output_at(0)[1])
        np.testing.assert_array_equal(model.predict(list(X)), same.predict(list(X)))
        again = model_from_json(model.to_json())
        model.save_weights(str(tmp_path / "w.h5"))
        again.load_weights(str(tmp_path / "w.h5"))
        np.testing.assert_array_equal(again.predict(list(X)), model.predict(list(X)))

    def test_what_the_head_does_not_read_is_not_trained(self):
        left, right = branches()
        model = Sequential([Siamese(Dense(2), [left, right], merge_mode=None), SiameseHead(1)])
        model.compile("sgd", "mse")
        before = left.get_weights(), right.get_weights()
        model.train_on_batch(list(X), np.ones((4, 2)))
        np.testing.assert_array_equal(left.get_weights()[0], before[0][0])
        assert (right.get_weights()[0] != before[1][0]).any()

    def test_it_is_added_to_each_of_the_models(self):
        left, right = branches()
        siamese = Siamese(Dense(2), [left.layers[-1], right.layers[-1]], merge_mode=None)
        for number, model in enumerate([left, right]):
            model.add(siamese)
            model.add(SiameseHead(number))
        model = Sequential([Merge([left, right], mode="sum")])
        (V1, c1, W, b), (V2, c2, *_) = left.get_weights(), right.get_weights()
        expected = (X[0] @ V1 + c1) @ W + b + (X[1] @ V2 + c2) @ W + b
        np.testing.assert_allclose(model.predict(list(X)), expected, rtol=1e-5, atol=1e-6)
        again = model_from_json(model.to_json())
        assert len(again.trainable_weights) == len(model.trainable_weights) == 6
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(again.predict(list(X)), model.predict(list(X)))

    def test_masks_pass_as_the_layer_passes_them(self):
        words = np.array([[1, 2, 0], [3, 0, 0]])
        left, right = (Sequential([Embedding(4, 2, mask_zero=True, input_length=3)]) for _ in "ab")
        siamese = Siamese(LSTM(2, return_sequences=True), [left, right], merge_mode=None)
        model = Sequential([siamese, SiameseHead(0), LSTM(3)])
        alone = Sequential([left, *siamese.layers[0].layers[1:], model.layers[-1]])
        np.testing.assert_array_equal(model.predict([words, words]), alone.predict(words))


def test_a_list_between_layers():
    """A layer may give several tensors where the one behind it takes a list."""
    model = Sequential([Bidirectional(LSTM(2), merge_mode=None, input_shape=(5, 3))])
    assert model.output_shape == [(None, 2), (None, 2)]
    for call in (
        lambda: model.compile("sgd", "mse"),
        lambda: model.predict_classes(X),
        lambda: model.predict_proba(X),
    ):
        with pytest.raises(ArgumentError, match="Bidirectional. gives 2 outputs, .*SiameseHe"):
            call()
    with pytest.raises(GraphcError, match="expected one input, received 2"):
        model.add(Dense(2))
    model.add(Merge(mode="concat"))
    assert model.output_shape == (None, 4)
    x = np.random.RandomState(1).rand(2, 5, 3)
    parts = Model(model.input, model.layers[0].output).predict(x)
    np.testing.assert_array_equal(model.predict(x), np.concatenate(parts, 1))
    model.add(Dense(1))
    model.pop()
    model.pop()
    assert model.output_shape == [(None, 2), (None, 2)]
    model.add(SiameseHead(1))
    np.testing.assert_array_equal(model.predict(x), parts[1])
    model.outputs = model.layers[0].output
    assert len(model.layers) == 1


def test_what_is_refused():
    left, right = branches()
    siamese = Siamese(Dense(2), [left.layers[-1], right.layers[-1]], merge_mode=None)
    left.add(siamese)
    for call, words in {
        lambda: left.add(
            SiameseHead(1)
        ): "head: expected 0, since sharedlayer_\\d+ reads here dense_",
        lambda: Sequential([Dense(2, input_dim=3), siamese]): "expected the output of one of its",
        lambda: Sequential([Dense(2, input_dim=3), SiameseHead(0)]): "a single tensor.*leave the",
        lambda: SiameseHead(2)([left.output, right.output]): "one of 2 tensors, received 2",
        lambda: SiameseHead(-1): "head: expected a number from 0, received -1",
        lambda: Siamese(Dense(2), branches(), is_graph=True): "a Graph has add_shared_node",
        lambda: Siamese(Dense(2), Dense(2)): "Siamese: inputs: expected a list of models, received",
        lambda: Siamese(Dense(2), right.layers): "expected a list of Sequentials, received",
        lambda: add_shared_layer(Dense(2), Dense(2)): "expected a list of models, received",
        lambda: add_shared_layer(Dense(2), [Dense(2)]): "expected a list of Sequentials, received",
    }.items():
        with pytest.raises(ArgumentError, match=words):
            call()
