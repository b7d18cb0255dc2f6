import numpy as np
import pytest

from graphc import backend as K
from graphc.engine.topology.layer import Layer
from graphc.errors import ArgumentError, ShapeError
from graphc.layers import Dense
from graphc.layers.embeddings import Embedding
from graphc.utils.test_utils import get_test_data, layer_test


def test_classes_to_learn():
    (x_train, y_train), (x_test, y_test) = get_test_data(300, 100, (3, 2), nb_class=4)
    assert (x_train.shape, y_train.shape) == ((300, 3, 2), (300,))
    assert (x_test.shape, y_test.shape) == ((100, 3, 2), (100,))
    assert set(y_train) == {0, 1, 2, 3}
    for label in range(4):
        inputs = x_train[y_train == label]
        assert np.mean(inputs) == pytest.approx(label, abs=0.15)
        assert np.std(inputs) == pytest.approx(0.7, abs=0.1)


def test_values_to_learn():
    (x, y), (_, y_test) = get_test_data(400, 1, (50,), (60, 2), classification=False)
    assert y.shape == (400, 60, 2)
    assert y_test.shape == (1, 60, 2)
    centres = x.mean(axis=1)
    assert np.corrcoef(centres, y.mean(axis=(1, 2)))[0, 1] > 0.8
    assert centres.min() > -0.4
    assert centres.max() < 1.4


def test_bad_counts():
    with pytest.raises(ArgumentError, match="nb_train: expected a whole number of at least 0"):
        get_test_data(-1)
    with pytest.raises(ArgumentError, match="nb_class: expected a whole number of at least 1"):
        get_test_data(nb_class=0)


class Scaled(Layer):
    """A layer of one's own, as in Keras 1.0: x times a weight for each feature."""

    def __init__(self, factor=2.0, weights=None, **kwargs):
        self.factor = factor
        self.initial_weights = weights
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.W = K.variable(np.full(input_shape[-1], self.factor), name=f"{self.name}_W")
        self.trainable_weights = [self.W]
        if self.initial_weights is not None:
            self.set_weights(self.initial_weights)

    def call(self, x, mask=None):
        return x * self.W


class ShapeLost(Scaled):
    def get_output_shape_for(self, input_shape):
        return (input_shape[0], 5)


class ConfigLost(Scaled):
    def __init__(self, shift=0.0, **kwargs):
        self.shift = shift
        super().__init__(**kwargs)

    def call(self, x, mask=None):
        return x * self.W + self.shift

    def get_config(self):
        return {key: value for key, value in super().get_config().items() if key != "shift"}


class WeightsLost(Scaled):
    def __init__(self, factor=2.0, weights=None, **kwargs):
        super().__init__(factor, None, **kwargs)


DATA = np.random.RandomState(1).rand(4, 3)


def test_a_right_layer_passes():
    output = layer_test(Scaled, {"factor": 3.0}, input_data=DATA, expected_output=3 * DATA)
    np.testing.assert_allclose(output, 3 * DATA, rtol=1e-6)
    assert layer_test(Scaled, input_shape=(2, None, 3)).shape[0::2] == (2, 3)


def test_built_in_layers_pass():
    output = layer_test(Dense, {"output_dim": 2, "activation": "relu"}, input_shape=(3, 4))
    assert output.shape == (3, 2)
    numbers = np.array([[0, 2], [1, 1]])
    layer_test(
        Embedding,
        {"input_dim": 3, "output_dim": 2},
        input_data=numbers,
        input_dtype="int32",
        expected_output_dtype="float32",
    )


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        (Scaled, {"expected_output": 3 * DATA}, "layer_test: the output"),
        (Scaled, {"expected_output_dtype": "int32"}, "expected an output of int32, received float"),
        (ConfigLost, {"kwargs": {"shift": 1.0}}, "the output of a Model of the model's config"),
        (WeightsLost, {"expected_output": 2 * DATA}, "the weights given to the constructor"),
    ],
)
def test_a_wrong_layer_is_found(layer, options, message):
    with pytest.raises(AssertionError, match=message):
        layer_test(layer, input_data=DATA.astype("float32"), **options)


def test_a_wrong_shape_is_found():
    with pytest.raises((ShapeError, AssertionError), match="get_output_shape_for"):
        layer_test(ShapeLost, input_shape=(2, 3))


def test_no_data():
    with pytest.raises(ArgumentError, match="expected input_shape or input_data"):
        layer_test(Dense, {"output_dim": 2})
