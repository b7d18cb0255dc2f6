"""The core layers against numbers computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import regularizers
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.passes.simplify import simplify
from graphc.engine import Input, InputLayer, Model
from graphc.errors import ArgumentError, ShapeError, UnknownNameError
from graphc.layers.core import (
    Activation,
    ActivityRegularization,
    Dense,
    Dropout,
    Flatten,
    Reshape,
)
from graphc.models import Sequential
from tests.layers.kernels import layers_with_kernels


def run(layer, x, training=False, shape=None):
    """The layer's output for an array."""
    node = InputLayer(input_shape=shape or x.shape[1:]).output
    return function([node], layer(node), givens=[(g.learning_phase(), training)])(x)


class TestDense:
    def test_activation_of_the_product_and_the_bias(self):
        layer = Dense(
            2, activation="relu", weights=[[[1.0, -2.0], [0.5, 1.0], [-1.0, 3.0]], [0.25, -4.0]]
        )
        x = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 2.0]], "float32")
        # row 0: 1 + 1 - 3 + .25 < 0 and -2 + 2 + 9 - 4 = 5; row 1: -.5 - 2 + .25 < 0, -1 + 6 - 4
        np.testing.assert_array_equal(run(layer, x), [[0.0, 5.0], [0.0, 1.0]])

    def test_weights_come_from_numpys_generator_as_keras_drew_them(self):
        layer = Dense(5)
        np.random.seed(1337)
        layer(InputLayer(input_shape=(7,)).output)
        np.random.seed(1337)
        limit = np.sqrt(6.0 / (7 + 5))
        expected = np.random.uniform(-limit, limit, (7, 5)).astype("float32")
        np.testing.assert_array_equal(layer.get_weights()[0], expected)
        np.testing.assert_array_equal(layer.get_weights()[1], np.zeros(5))

    def test_axes_between_batch_and_features_stay(self):
        layer = Dense(2, activation="tanh")
        x = np.random.default_rng(1).normal(size=(3, 4, 5, 6)).astype("float32")
        model = Model(entry := Input((4, 5, 6)), layer(entry))
        W, b = layer.get_weights()
        np.testing.assert_allclose(model.predict(x), np.tanh(x @ W + b), rtol=1e-4, atol=1e-6)

    def test_no_features(self):
        layer = Dense(2, name="head")
        with pytest.raises(
            ShapeError, match=r"head \(Dense\): expected a 2-D input .*Flatten"
        ) as e:
            layer(InputLayer(input_shape=()).output)
        assert "input_shape leaves out the batch axis" in str(e.value)

    def test_an_open_number_of_features(self):
        with pytest.raises(ShapeError, match="axis 1 of the input has no known size"):
            Dense(2)(InputLayer(input_shape=(None,)).output)

    def test_other_features_at_a_second_call(self):
        layer = Dense(2, name="head")
        layer(InputLayer(input_shape=(3,)).output)
        with pytest.raises(ShapeError, match=r"head \(Dense\): axis 1.*expected 3.*received 4"):
            layer(InputLayer(input_shape=(4,)).output)

    @pytest.mark.parametrize("output_dim", [0, -1, 2.5, "2", True])
    def test_output_dim(self, output_dim):
        with pytest.raises(ArgumentError, match="output_dim: expected a whole number"):
            Dense(output_dim)

    def test_unknown_names(self):
        with pytest.raises(UnknownNameError, match="'rellu'.*Did you mean 'relu'"):
            Dense(2, activation="rellu")
        with pytest.raises(UnknownNameError, match="glorot_unifrom.*'glorot_uniform'"):
            Dense(2, init="glorot_unifrom")

    def test_the_activity_penalty_watches_the_output(self):
        layer = Dense(2, activity_regularizer=regularizers.activity_l2(0.1))
        output = layer(InputLayer(input_shape=(3,)).output)
        assert layer.regularizers[0].layer.output is output


class TestActivation:
    def test_softmax_of_other_ranks_names_the_layer(self):
        with pytest.raises(ShapeError, match="head: softmax: expected .*received the shape"):
            run(Activation("softmax", name="head"), np.zeros((2, 3, 4, 5)), shape=(3, 4, 5))

    def test_by_name_and_by_function(self):
        x = np.array([[-1.0, 0.0, 2.0]], "float32")
        np.testing.assert_array_equal(run(Activation("relu"), x), [[0.0, 0.0, 2.0]])
        np.testing.assert_array_equal(run(Activation(lambda v: v * 3), x), [[-3.0, 0.0, 6.0]])


class TestDropout:
    x = np.ones((200, 50), "float32")

    def test_training_drops_a_fraction_and_scales_the_rest(self):
        y = run(Dropout(0.2), self.x, training=True)
        assert set(np.unique(y)) == {np.float32(0.0), np.float32(1.25)}
        # 10,000 draws: the dropped fraction lies within 5 standard deviations, sqrt(.16 / 10000).
        assert abs(np.mean(y == 0.0) - 0.2) < 5 * 0.004

    def test_testing_leaves_the_input(self):
        np.testing.assert_array_equal(run(Dropout(0.5), self.x), self.x)

    def test_the_same_seed_gives_the_same_mask_and_another_another(self):
        masks = []
        for seed in (1, 1, 2):
            np.random.seed(seed)
            masks.append(run(Dropout(0.5), self.x, training=True))
        np.testing.assert_array_equal(masks[0], masks[1])
        assert np.any(masks[0] != masks[2])

    def test_masks_differ_by_layer_by_use_and_by_step(self):
        node = InputLayer(input_shape=(50,)).output
        layer, other = Dropout(0.5), Dropout(0.5)
        outputs = [layer(node), layer(node), other(node)]
        step = function([node], outputs, givens=[(g.learning_phase(), True)])
        drawn = [*step(self.x), *step(self.x)]
        for i, one in enumerate(drawn):
            for two in drawn[i + 1 :]:
                assert 0.4 < np.mean(one == two) < 0.6  # independent masks agree half of the time

    def test_channels_last_drop_what_channels_first_do(self):
        """A mask is drawn in the order in which its input is stored, that of the convolution."""
        x = np.ones((3, 5, 6, 4), "float32")
        node = InputLayer(input_shape=x.shape[1:]).output
        last = g.tanh(g.transpose(g.exp(node), (0, 2, 3, 1)) + 1.0)
        outputs = [Dropout(0.5, seed=7)(one) for one in (g.tanh(g.exp(node) + 1.0), last)]
        step = function([node], outputs, givens=[(g.learning_phase(), True)])
        first, second = step(x)
        assert 0.3 < np.mean(first == 0.0) < 0.7
        np.testing.assert_array_equal(first == 0.0, np.moveaxis(second == 0.0, 3, 1))

    def test_the_seed_is_drawn_once_at_the_first_call(self):
        layer = Dropout(0.5)
        np.random.seed(3)
        node = InputLayer(input_shape=(2,)).output
        layer(node)
        after_first = np.random.get_state()[2]
        np.random.seed(3)
        assert layer._graphc.seed == np.random.randint(1, int(10e6))
        layer(node)
        assert np.random.get_state()[2] == after_first

    def test_p_zero_is_the_identity(self):
        node = InputLayer(input_shape=(2,)).output
        assert simplify([Dropout(0.0)(node)]) == [node]

    @pytest.mark.parametrize("p", [1.0, -0.1, 2, "0.5", None, float("nan")])
    def test_p_is_a_fraction(self, p):
        with pytest.raises(ArgumentError, match="expected 0 <= p < 1"):
            Dropout(p)


class TestFlattenAndReshape:
    x = np.arange(24, dtype="float32").reshape(2, 3, 4)

    def test_flatten(self):
        np.testing.assert_array_equal(run(Flatten(), self.x), self.x.reshape(2, 12))

    def test_flatten_names_what_is_missing(self):
        with pytest.raises(ShapeError, match=r"\(Flatten\): expected an input of at least 3 axes"):
            Flatten()(InputLayer(input_shape=(3,)).output)
        with pytest.raises(ShapeError, match=r"\(Flatten\): every axis but the batch needs"):
            Flatten()(InputLayer(input_shape=(None, 3)).output)

    @pytest.mark.parametrize("target", [(12,), (4, 3), (2, -1), (-1,), (2, 2, -1)])
    def test_reshape(self, target):
        expected = self.x.reshape(2, *target)
        np.testing.assert_array_equal(run(Reshape(target), self.x), expected)

    @pytest.mark.parametrize("target", [8, (2.5, 2), ("a",), (None, 2), (0, 2), (-1, -1), (True,)])
    def test_reshape_takes_whole_numbers(self, target):
        with pytest.raises(ArgumentError, match="target_shape takes positive sizes"):
            Reshape(target)

    def test_reshape_of_an_open_size(self):
        layer = Reshape((-1, 2))
        y = run(layer, self.x, shape=(None, 4))
        np.testing.assert_array_equal(y, self.x.reshape(2, 6, 2))
        assert layer.output_shape == (None, None, 2)

    def test_reshape_that_does_not_fit(self):
        for target in ((5,), (5, -1)):
            with pytest.raises(ShapeError, match=r"\(Reshape\): a sample of shape \(3, 4\) has 12"):
                Reshape(target)(InputLayer(input_shape=(3, 4)).output)
        with pytest.raises(ArgumentError, match="at most one -1"):
            Reshape((-1, -1))
        with pytest.raises(ArgumentError, match="positive sizes"):
            Reshape((0, 3))


class TestActivityRegularization:
    x = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], "float32")

    def model(self, **factors):
        model = Sequential([ActivityRegularization(input_shape=(3,), **factors)])
        model.compile("sgd", "mse")
        return model

    def test_the_input_passes(self):
        np.testing.assert_array_equal(run(ActivityRegularization(0.1, 0.2), self.x), self.x)

    @pytest.mark.flags(keras="1.0")
    def test_the_penalty_is_in_the_training_loss_alone(self):
        model = self.model(l1=0.5, l2=0.25)
        # mean |x| over samples: .75, 3, 2; mean x^2: .625, 10, 5
        assert model.train_on_batch(self.x, self.x) == 0.5 * 5.75 + 0.25 * 15.625
        assert model.test_on_batch(self.x, self.x) == 0.0

    def test_no_factor_no_penalty(self):
        assert self.model().train_on_batch(self.x, self.x) == 0.0

    def test_it_shrinks_the_output_of_the_layer_before_and_the_step_has_kernels(self):
        sizes = []
        for l2 in (0.0, 1.0):
            np.random.seed(5)
            model = Sequential([Dense(3, input_dim=3), ActivityRegularization(l2=l2)])
            model.compile("sgd", "mse")
            for _ in range(20):
                model.train_on_batch(self.x, self.x)
            assert ("gradient of penalties" in layers_with_kernels(model)) == (l2 > 0)
            sizes.append(np.square(model.predict(self.x)).sum())
        assert sizes[1] < 0.5 * sizes[0]

    @pytest.mark.flags(keras="1.0")
    def test_used_twice_it_is_paid_twice(self):
        layer = ActivityRegularization(l2=1.0, input_shape=(3,))
        model = Sequential([layer, layer])
        model.compile("sgd", "mse")
        x = np.array([[1.0, 2.0, 2.0]])
        assert model.train_on_batch(x, x) == pytest.approx(2 * 9.0)
        assert model.test_on_batch(x, x) == 0.0

    @pytest.mark.parametrize("factor", ["0.1", None, float("inf"), [1.0]])
    def test_factors_are_numbers(self, factor):
        with pytest.raises(
            ArgumentError, match=r"\(ActivityRegularization\): l2: expected a finite"
        ):
            ActivityRegularization(l2=factor)
