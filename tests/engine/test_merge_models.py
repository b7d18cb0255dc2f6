"""Merge of layers and models: which of their outputs, and as the first layer of a Sequential."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphc import backend as K
from graphc import lookup
from graphc.compiler import graph as g
from graphc.engine import Input, Merge, Model, merge
from graphc.errors import ArgumentError, UnknownNameError
from graphc.layers import BatchNormalization, Dense, Dropout, SimpleRNN
from graphc.models import Sequential
from tests.layers.kernels import layers_with_kernels


class TestIndices:
    def shared(self):
        layer = Dense(2, name="shared", init="one")
        return layer, [layer(Input((3,), name=name)) for name in ("one", "two")]

    @pytest.mark.parametrize("node_indices", [1, (1, 1), [1, -1]])
    def test_which_use(self, node_indices):
        layer, (_, second) = self.shared()
        merged = Merge([layer, layer], node_indices=node_indices, tensor_indices=0)
        assert merged.input == [second, second]

    def test_which_output(self):
        x = Input((3,))
        two = Model(x, [Dense(2)(x), Dense(2)(x)])
        merged = Merge([two, two], mode="concat", tensor_indices=[0, 1])
        assert merged.input == two.outputs

    @pytest.mark.parametrize(
        ("indices", "message"),
        [
            ({"node_indices": 2}, "node_indices: shared .Dense. was called 2 times, .* received 2"),
            ({"tensor_indices": [0, 1]}, "tensor_indices: shared .Dense. has 1 outputs"),
            ({"node_indices": [0]}, "node_indices: expected a whole number for each of the 2"),
            ({"node_indices": "0"}, "node_indices: expected a whole number for each of the 2"),
        ],
    )
    def test_indices_of_nothing(self, indices, message):
        layer, _ = self.shared()
        with pytest.raises(ArgumentError, match=message):
            Merge([layer, layer], **indices)

    def test_indices_without_layers(self):
        with pytest.raises(ArgumentError, match="say which outputs of `layers` are merged"):
            Merge(node_indices=[0, 0])


class TestInFront:
    def branches(self):
        left = Sequential([Dense(4, input_dim=3, name="l1"), Dense(2, name="l2")])
        right = Sequential([Dense(2, input_dim=5, name="r1")])
        return left, right

    def arrays(self, n=6):
        rng = np.random.default_rng(1)
        return [rng.normal(size=(n, 3)), rng.normal(size=(n, 5))], rng.normal(size=(n, 1))

    def test_two_models_are_the_first_layer_and_train(self):
        left, right = self.branches()
        model = Sequential([Merge([left, right], mode="concat"), Dense(1)])
        x, y = self.arrays()
        assert model.input_shape == [(None, 3), (None, 5)]
        W, b = model.layers[-1].get_weights()
        expected = np.concatenate([left.predict(x[0]), right.predict(x[1])], 1) @ W + b
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5)
        model.compile("sgd", "mse")
        before = model.get_weights()
        losses = [model.train_on_batch(x, y) for _ in range(20)]
        assert losses[-1] < losses[0]
        shapes = [(3, 4), (4,), (4, 2), (2,), (5, 2), (2,), (4, 1), (1,)]
        assert [weight.shape for weight in before] == shapes
        assert all(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))
        assert model.count_params() == 12 + 4 + 8 + 2 + 10 + 2 + 4 + 1
        assert "l1" in layers_with_kernels(model, 6)

    def test_layers_that_say_what_comes_in(self):
        model = Sequential([Merge([Dense(2, input_dim=3), Dense(2, input_dim=4)]), Dense(1)])
        assert model.predict([np.ones((2, 3)), np.ones((2, 4))]).shape == (2, 1)

    def test_one_model_in_two_branches_has_one_input_and_one_set_of_weights(self):
        left, _ = self.branches()
        model = Sequential([Merge([left, left], mode="concat"), Dense(1)])
        assert model.input_shape == (None, 3)
        assert len(model.get_weights()) == 6
        x = self.arrays()[0][0]
        W, b = model.layers[-1].get_weights()
        code = left.predict(x)
        expected = np.concatenate([code, code], 1) @ W + b
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5)

    def test_nested_merges_take_their_inputs_in_order(self):
        left, right = self.branches()
        inner = Merge([left, right], name="inner")
        model = Sequential([Merge([Dense(2, input_dim=1), inner], mode="mul"), Dense(1)])
        assert model.input_shape == [(None, 1), (None, 3), (None, 5)]
        assert len(model.get_weights()) == 2 + 4 + 2 + 2

    def test_a_models_inputs_keep_their_order(self):
        a, b = Input((3,), name="a"), Input((2,), name="b")
        two = Model([b, a], merge([Dense(2)(a), b]))
        model = Sequential([Merge([two, Dense(2, input_dim=1)]), Dense(1)])
        assert model.input_shape == [(None, 2), (None, 3), (None, 1)]

    def test_a_layer_behind_others_brings_them_along(self):
        x = Input((3,))
        behind = Dense(2, name="behind")
        behind(Dense(4, name="before")(x))
        model = Sequential([Merge([behind, Dense(2, input_dim=1)]), Dense(1)])
        assert [g.name_of(one) for one in model.weights[:2]] == ["before_W", "before_b"]
        model.compile("sgd", "mse")
        before = model.get_weights()
        model.train_on_batch([np.ones((2, 3)), np.ones((2, 1))], np.ones((2, 1)))
        assert np.any(before[0] != model.get_weights()[0])

    def test_what_is_added_to_a_branch_later_is_not_in_the_model(self):
        left, right = self.branches()
        model = Sequential([Merge([left, right]), Dense(1)])
        right.add(Dense(7, name="later"))
        assert "later_W" not in [g.name_of(one) for one in model.weights]
        x, y = self.arrays()
        model.compile("sgd", "mse")
        model.train_on_batch(x, y)

    def test_a_frozen_branch_is_not_trained(self):
        left, right = self.branches()
        left.trainable = False
        model = Sequential([Merge([left, right]), Dense(1)])
        model.compile("sgd", "mse")
        before = left.get_weights()
        x, y = self.arrays()
        model.train_on_batch(x, y)
        for one, other in zip(before, left.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_dropout_and_statistics_in_a_branch(self):
        K.set_floatx("float64")
        left = Sequential([BatchNormalization(input_shape=(3,), momentum=0.0)])
        right = Sequential([Dropout(0.5, input_shape=(3,))])
        model = Sequential([Merge([left, right])])
        model.compile("sgd", "mse")
        x = np.random.normal(size=(8, 3))
        model.train_on_batch([x, x], x)
        running_mean = left.layers[0].get_weights()[2]
        np.testing.assert_allclose(running_mean, x.mean(0), rtol=1e-12)

    def test_it_is_a_layer_of_another_model(self):
        left, right = self.branches()
        inner = Sequential([Merge([left, right]), Dense(2)])
        outer = Sequential([inner, Dense(1)])
        x, _ = self.arrays()
        W, b = outer.layers[-1].get_weights()
        np.testing.assert_allclose(outer.predict(x), inner.predict(x) @ W + b, rtol=1e-5)

    def test_stateful_branches_are_reset(self):
        def branch():
            return Sequential([SimpleRNN(2, stateful=True, batch_input_shape=(2, 3, 1))])

        model = Sequential([Merge([branch(), branch()]), Dense(1)])
        x = [np.ones((2, 3, 1)), np.ones((2, 3, 1))]
        first = model.predict(x, batch_size=2)
        assert np.any(model.predict(x, batch_size=2) != first)
        model.reset_states()
        np.testing.assert_array_equal(model.predict(x, batch_size=2), first)


class TestConfig:
    @pytest.mark.parametrize(
        "layer",
        [
            lambda: Merge(mode="concat", concat_axis=1, name="m"),
            lambda: Merge(mode="dot", dot_axes=[1, 2], output_shape=(None, 3)),
        ],
    )
    def test_back_and_forth(self, layer):
        config = layer().get_config()
        assert Merge.from_config(json.loads(json.dumps(config))).get_config() == config
        assert config["mode_type"] == config["output_shape_type"] == "raw"

    def test_a_function_of_keras_by_name(self):
        config = {**Merge(name="m").get_config(), "mode": "mine", "mode_type": "function"}
        with pytest.raises(UnknownNameError, match="m.mode is the function 'mine'.*custom_objects"):
            Merge.from_config(config)
        with lookup.custom_objects({"mine": lambda xs: xs[0] - xs[1]}):
            layer = Merge.from_config(config)
        one, other = Input((3,)), Input((3,))
        run = K.function([one, other], [layer([one, other])])
        np.testing.assert_array_equal(
            run([[[1.0, 2.0, 3.0]], [[4.0, 4.0, 4.0]]])[0], [[-3, -2, -1]]
        )
