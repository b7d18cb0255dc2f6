"""Layers that several models share, as Keras 0.3 had them."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import ArgumentError
from graphc.layers.core import Dense, Merge, Siamese, add_shared_layer
from graphc.models import Sequential, model_from_json

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


def test_what_is_not_there():
    with pytest.raises(ArgumentError, match=r"received merge_mode=None.* add_shared_layer\("):
        Siamese(Dense(2), branches(), merge_mode=None)
    for call in (Siamese, add_shared_layer):
        with pytest.raises(ArgumentError, match="expected a list of Sequentials, received"):
            call(Dense(2), Dense(2))
