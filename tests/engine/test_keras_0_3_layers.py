"""Layers that users wrote for Keras 0.3, and what they asked of layers."""

import warnings

import numpy as np
import pytest

from graphc import activations, constraints, initializations, regularizers
from graphc import backend as K
from graphc.engine import InputSpec, Layer
from graphc.errors import ArgumentError
from graphc.layers import (
    LSTM,
    Activation,
    Convolution2D,
    Deconvolution2D,
    Dense,
    Dropout,
    Masking,
    Reshape,
)
from graphc.layers.core import LambdaMerge, MaskedLayer
from graphc.models import Sequential


class _Scaled(Layer):
    """x times a weight, doubled in training."""

    def __init__(self, factor, **kwargs):
        self.factor = factor
        super().__init__(**kwargs)

    def build(self):
        self.W = K.variable(np.full(self.input_shape[1:], self.factor))
        self.params = [self.W]
        self.constraints = [lambda p: K.clip(p, 0.0, 1.0)]

    @property
    def output_shape(self):
        return self.input_shape

    def get_output(self, train=False):
        y = self.get_input(train) * self.W
        return 2 * y if train else y


def test_a_layer_that_defines_get_output():
    layer = _Scaled(3.0)
    model = Sequential([Dense(4, input_dim=2, init="one"), layer])
    X = np.ones((2, 2))
    np.testing.assert_allclose(model.predict(X), np.full((2, 4), 6.0))
    in_training = K.function([model.input, K.learning_phase()], [model.output])
    np.testing.assert_allclose(in_training([X, 1])[0], np.full((2, 4), 12.0))
    assert layer.trainable_weights == [layer.W]
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.zeros((2, 4)))
    assert 0.0 <= layer.W.get_value().min() <= layer.W.get_value().max() <= 1.0


class _Rows(Layer):
    """Rows of a table, of numbers that come as floats."""

    def __init__(self, is_early, **kwargs):
        self.is_early = is_early
        if is_early:
            self.input = K.placeholder(ndim=2, dtype="int32")
        super().__init__(**kwargs)

    def build(self):
        if not self.is_early:
            self.input = K.placeholder(shape=(self.input_shape[0], 3), dtype="int32")
        self.W = K.variable(np.arange(8.0).reshape(4, 2))
        self.trainable_weights = [self.W]

    def get_output(self, train=False):
        return K.gather(self.W, self.get_input(train))


@pytest.mark.parametrize("is_early", [True, False])
def test_a_placeholder_that_a_layer_makes_for_its_input(is_early):
    model = Sequential([_Rows(is_early, input_shape=(3,))])
    found = model.predict(np.array([[0, 3, 1]]))
    np.testing.assert_array_equal(found, [[[0, 1], [6, 7], [2, 3]]])
    assert len(model.layers[0].inbound_nodes) == 1
    in_a_chain = Sequential([Activation("relu", input_shape=(3,)), _Rows(is_early)])
    np.testing.assert_array_equal(in_a_chain.predict(np.array([[2, 0, 2]]))[0, 0], [4, 5])


def test_outputs_of_layers_in_training_and_in_testing():
    model = Sequential([Dropout(0.5, input_shape=(100,)), Activation("linear")])
    X = np.ones((1, 100))
    for train, values in ((False, {1.0}), (True, {0.0, 2.0})):
        output = K.function([model.layers[0].input], [model.layers[1].get_output(train=train)])
        assert set(output([X])[0].ravel()) == values


def test_masks_go_on_behind_a_masked_layer():
    class Shifted(MaskedLayer):
        def get_output(self, train=False):
            assert self.get_input_mask(train) is not None
            return self.get_input(train) + 1.0

    X = np.random.RandomState(0).rand(2, 5, 3)
    X[:, 3:] = 0.0
    last = LSTM(2)
    model = Sequential([Masking(input_shape=(5, 3)), Shifted(), last])
    short = Sequential([LSTM(2, input_shape=(3, 3), weights=last.get_weights())])
    np.testing.assert_allclose(model.predict(X), short.predict(X[:, :3] + 1.0), rtol=1e-5)


def test_a_mask_of_its_own():
    class Cut(MaskedLayer):
        def get_output(self, train=False):
            return self.get_input(train)

        def get_output_mask(self, train=False):
            return None

    model = Sequential([Masking(input_shape=(5, 3)), Cut()])
    assert model.layers[1].output_mask is None


def test_functions_merge():
    parts = [Sequential([Dense(3, input_dim=2)]) for _ in range(2)]
    model = Sequential([LambdaMerge(parts, lambda xs: xs[0] - xs[1], output_shape=(3,))])
    X = np.random.RandomState(0).rand(4, 2)
    difference = parts[0].predict(X) - parts[1].predict(X)
    np.testing.assert_allclose(model.predict([X, X]), difference, atol=1e-6)


def test_reshape_takes_dims():
    assert Sequential([Reshape(dims=(2, 3), input_shape=(6,))]).output_shape == (None, 2, 3)


@pytest.mark.flags(image_dim_ordering="th")
def test_sizes_that_a_division_gave():
    """``16 / 2`` is a float in Python 3, and was an int where these programs were written."""
    sizes = [
        Sequential([Dense(6 / 2, input_dim=8 / 2)]),
        Sequential([Reshape((4 / 2, 3), input_shape=(12 / 2,))]),
        Sequential([Convolution2D(8 / 2, 3, 3, input_shape=(3, 16 / 2, 8))]),
        Sequential([Deconvolution2D(4 / 2, 2, 2, (None, 4 / 2, 4, 8 / 2), input_shape=(1, 3, 3))]),
    ]
    assert [model.output_shape for model in sizes] == [
        (None, 3),
        (None, 2, 3),
        (None, 4, 6, 6),
        (None, 2, 4, 4),
    ]
    assert sizes[0].layers[0].get_config()["output_dim"] == 3
    for wrong in (5 / 2, -4 / 2):
        with pytest.raises(ArgumentError, match="expected a whole number of at least 1"):
            Dense(wrong)
        with pytest.raises(ArgumentError, match="target_shape takes positive sizes"):
            Reshape((wrong, 3))


@pytest.mark.parametrize(
    "module",
    ["layers.core", "layers", "layers.recurrent", "models", "callbacks", "engine.topology"],
)
def test_modules_that_programs_have_by_a_star(module):
    names = {}
    exec(f"from graphc.{module} import *", names)
    assert names["np"] is np
    assert names["K"] is K


def test_modules_that_custom_layers_have_by_a_star():
    names = {}
    exec("from graphc.layers import *", names)
    assert names["initializations"].get("zero") is initializations.zero
    assert names["activations"].get("relu") is activations.relu
    assert names["regularizers"].l2 is regularizers.l2
    assert names["constraints"].maxnorm is constraints.maxnorm
    assert names["InputSpec"] is InputSpec
    assert names["warnings"].warn is warnings.warn
