"""Layers that are connected by hand, as programs of Keras 0.3 did: `set_previous` and its kin."""

import numpy as np
import pytest

from graphc import backend as K
from graphc.constraints import Constraint, NonNeg
from graphc.engine import Layer
from graphc.errors import ArgumentError, AttributeMissingError, ShapeError, UndefinedError
from graphc.layers import (
    LSTM,
    AutoEncoder,
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    Masking,
    Merge,
)
from graphc.layers.containers import Graph, Sequential
from graphc.models import Model
from graphc.regularizers import l2

X = np.random.RandomState(0).rand(5, 3).astype("float32")


def values(layer: Layer, source: Layer, x: np.ndarray = X) -> np.ndarray:
    """The output of a layer where another one reads the data."""
    (found,) = K.function([source.input], [layer.get_output(train=False)])([x])
    return found


def product(layer: Dense, x: np.ndarray) -> np.ndarray:
    W, b = layer.get_weights()
    return x @ W + b


class TestPrevious:
    """A layer reads the output of the one that it was connected to last."""

    def test_the_output_of_the_layer_before(self):
        first, second = Dense(4, input_dim=3), Dense(2)
        second.set_previous(first)
        assert second.previous is first
        assert (second.input_shape, second.output_shape) == ((None, 4), (None, 2))
        expected = product(second, product(first, X))
        np.testing.assert_allclose(values(second, first), expected, rtol=1e-5)

    def test_another_layer_before_takes_its_place(self):
        first, other, second = Dense(4, input_dim=3), Dense(4, input_dim=3), Dense(2)
        second.set_previous(first)
        weights = second.get_weights()
        second.set_previous(other, reset_weights=False)
        assert second.previous is other
        np.testing.assert_array_equal(second.get_weights()[0], weights[0])
        expected = product(second, product(other, X))
        np.testing.assert_allclose(values(second, other), expected, rtol=1e-5)

    def test_weights_are_drawn_anew_unless_they_are_to_stay(self):
        first, second = Dense(4, input_dim=3), Dense(2)
        second.set_previous(first)
        second.set_weights([np.full((4, 2), 7.0), np.full(2, 7.0)])
        second.set_previous(first)
        W, b = second.get_weights()
        assert np.abs(W).max() <= 1.0  # glorot_uniform of 4 and 2: the bound is 1
        np.testing.assert_array_equal(b, [0.0, 0.0])

    def test_a_model_made_before_stays_as_it_is(self):
        model = Sequential([Dense(4, input_dim=3), Dense(2)])
        before = model.predict(X)
        model.layers[1].set_previous(Dense(4, input_dim=3), reset_weights=False)
        np.testing.assert_array_equal(model.predict(X), before)

    def test_layers_of_a_model_have_it(self):
        model = Sequential([Dense(4, input_dim=3), Dropout(0.5), Dense(2)])
        chain = [model.layers[-1]]
        while hasattr(chain[-1], "previous"):
            chain.append(chain[-1].previous)
        assert chain == model.layers[::-1]

    def test_other_shapes_than_the_weights_are_refused(self):
        second = Dense(2)
        second.set_previous(Dense(4, input_dim=3))
        with pytest.raises(ShapeError, match="4"):
            second.set_previous(Dense(5, input_dim=3))
        assert second.input_shape == (None, 4)

    def test_what_is_no_layer_and_what_has_several_outputs(self):
        x = Dense(4, input_dim=3)
        with pytest.raises(ArgumentError, match="set_previous: expected a layer, received 'x'"):
            Dense(2).set_previous("x")
        x.set_input_shape((None, 3))
        with pytest.raises(ArgumentError, match="expected a layer with one output.*has 2"):
            Dense(2).set_previous(Model(x.input, [x.output, x.output]))

    def test_several_layers_before_are_not_one(self):
        parts = [Sequential([Dense(2, input_dim=3)]) for _ in range(2)]
        model = Sequential([Merge(parts, mode="sum"), Dense(2)])
        assert model.layers[1].previous is model.layers[0]
        with pytest.raises(UndefinedError, match="reads 2 layers"):
            _ = model.layers[0].previous


class TestInput:
    """`set_input_shape` and `clear_previous` connect a layer to an input of its own."""

    def test_weights_are_made_for_the_shape(self):
        layer = Dense(2)
        layer.set_input_shape((None, 3))
        assert [one.shape for one in layer.get_weights()] == [(3, 2), (2,)]
        np.testing.assert_allclose(values(layer, layer), product(layer, X), rtol=1e-5)
        model = Sequential([layer, Dense(4)])
        np.testing.assert_allclose(model.predict(X), product(model.layers[1], product(layer, X)),
                                   rtol=1e-5)  # fmt: skip

    def test_a_layer_reads_the_data_itself_again(self):
        first, second = Dense(4, input_dim=3), Dense(2)
        second.set_previous(first)
        weights = second.get_weights()[0]
        second.clear_previous(reset_weights=False)
        assert not hasattr(second, "previous")
        np.testing.assert_array_equal(second.get_weights()[0], weights)
        x = np.ones((2, 4), "float32")
        np.testing.assert_allclose(values(second, second, x), product(second, x), rtol=1e-5)
        second.clear_previous()
        assert (second.get_weights()[0] != weights).any()


class TestContainers:
    """The layers of a container that read its input are connected."""

    def test_a_sequential_resets_its_first_layer(self):
        model, before = Sequential([Dense(4, input_dim=3), Dense(2)]), Dense(3, input_dim=3)
        weights = model.get_weights()
        model.set_previous(before)
        changed = [(a != b).any() for a, b in zip(weights, model.get_weights(), strict=True)]
        assert changed == [True, False, False, False]  # biases are 0, drawn anew or not
        expected = model.predict(product(before, X))
        np.testing.assert_allclose(values(model, before), expected, rtol=1e-5)

    def test_an_autoencoder_resets_its_encoder(self):
        auto = AutoEncoder(Dense(2, input_dim=3), Dense(3, input_dim=2))
        before = Dense(3, input_dim=3)
        auto.set_previous(before)
        weights = auto.get_weights()
        auto.set_previous(before)
        changed = [(a != b).any() for a, b in zip(weights, auto.get_weights(), strict=True)]
        assert changed == [True, False, False, False]

    def test_inputs_of_a_graph_by_name(self):
        source, graph = Graph(), Graph()
        source.add_input("x", (3,))
        for name, width in (("p", 2), ("q", 4)):
            source.add_node(Dense(width), name, input="x", create_output=True)
        for name, width in (("a", 4), ("b", 2)):
            graph.add_input(name, (width,))
        graph.add_node(Dense(5), "d", inputs=["a", "b"])
        graph.add_output("y", input="d")
        assert (graph.nb_input, graph.nb_output, source.nb_output, Dense(2).nb_input) == (
            2,
            1,
            2,
            1,
        )
        graph.set_previous(source, {"a": "q", "b": "p"})
        (found,) = K.function(source.inputs, [graph.get_output()])([X])
        by_name = source.predict({"x": X})
        expected = graph.predict({"a": by_name["q"], "b": by_name["p"]})["y"]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        with pytest.raises(ArgumentError, match=r"an output of another Graph \(p, q\) for each"):
            graph.set_previous(source, {"a": "q"})


class _Doubled(Layer):
    """A layer of 0.3 that takes a mask and ends it."""

    def supports_masked_input(self):
        return True

    def get_output(self, train=False):
        assert self.get_input_mask(train) is not None
        return 2 * self.get_input(train)


class TestMasks:
    """A layer says whether it takes a mask: `supports_masked_input`."""

    @pytest.mark.parametrize(
        ("layer", "takes"),
        [(Dense(2), False), (Embedding(3, 2), False), (LSTM(2), True), (Dropout(0.5), True)],
    )
    def test_it_is_what_supports_masking_says(self, layer, takes):
        assert layer.supports_masked_input() is takes

    def test_a_layer_that_defines_it_is_given_masks(self):
        model = Sequential([Masking(input_shape=(4, 3)), _Doubled(), Dense(2)])
        assert model.layers[1].output_mask is None
        x = np.ones((2, 4, 3), "float32")
        np.testing.assert_allclose(model.predict(x), product(model.layers[2], 2 * x), rtol=1e-5)


def test_parameters_as_an_optimizer_of_0_3_took_them():
    layer = Dense(2, input_dim=3, W_regularizer=l2(0.1), W_constraint=NonNeg())
    normalized = BatchNormalization()
    model = Sequential([layer, normalized])
    weights, penalties, rules, updates = layer.get_params()
    assert weights == layer.trainable_weights
    assert penalties == layer.regularizers
    assert len(penalties) == 1
    assert [type(one) for one in rules] == [NonNeg, Constraint]
    assert updates == []
    assert model.get_params()[0] == [*layer.trainable_weights, *normalized.trainable_weights]
    assert len(model.get_params()[2]) == 4
    assert [old for old, _ in model.get_params()[3]] == normalized.non_trainable_weights


class TestCaches:
    """Outputs are computed once, whatever a program of 0.3 says."""

    def test_it_is_always_on(self):
        assert Dense(2, cache_enabled=True).cache_enabled
        with pytest.warns(UserWarning, match="cache_enabled=False has no effect"):
            assert Dense(2, cache_enabled=False).cache_enabled
        with pytest.raises(ArgumentError, match="cache_enabled"):
            Dense(2, cache_enabled="yes")

    @pytest.mark.parametrize("name", ["layer_cache", "shape_cache"])
    def test_there_is_none_to_look_at(self, name):
        with pytest.raises(AttributeMissingError, match="nothing is computed twice"):
            getattr(Dense(2), name)
