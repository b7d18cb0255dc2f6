"""Models in Keras 1.0 and in 1.2: the order of layers and weights, what is trainable, what is
counted, and files whose layers stand in another order or have no weights."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from graphc import backend as K
from graphc.config import config
from graphc.engine import Input, Model
from graphc.engine.topology.merge import merge
from graphc.errors import ArgumentError, DataError
from graphc.layers import Activation, BatchNormalization, Dense, Dropout
from graphc.models import Graph, Sequential, model_from_json
from graphc.utils.layer_utils import layer_from_config

RELEASES = ["1.0", "1.2"]


def _side_by_side() -> Model:
    """Dense layers side by side, whose names are in another order than a walk from the output
    meets them: z, then a."""
    x = Input((1,), name="x")
    return Model(x, merge([Dense(1, name="z")(x), Dense(1, name="a")(x)], name="m"))


class TestOrder:
    @pytest.mark.parametrize(("release", "names"), [("1.0", "xazm"), ("1.2", "xzam")])
    def test_of_layers_side_by_side(self, release, names):
        with config.changed(keras=release):
            model = _side_by_side()
        text = model.to_json()
        for other in RELEASES:
            with config.changed(keras=other):
                assert [layer.name for layer in model.layers] == list(names)
                assert [layer.name for layer in model_from_json(text).layers] == list(names)

    def test_what_to_json_gives_may_go_to_layer_from_config(self):
        with config.changed(keras="1.2"):
            entry = json.loads(_side_by_side().to_json())
        assert [layer.name for layer in layer_from_config(entry).layers] == list("xzam")
        with pytest.raises(ArgumentError, match="an architecture of Keras 1, received one"):
            layer_from_config({**entry, "keras_version": "2.0.4"})

    @pytest.mark.parametrize("release", RELEASES)
    def test_a_model_of_a_models_config_takes_its_weights(self, release):
        """Of equal shapes, so that another order would pass unseen."""
        with config.changed(keras=release):
            x = Input((1,))
            model = Model(x, BatchNormalization()(BatchNormalization()(x)))
        model.set_weights([np.array([k]) for k in range(8)])
        for other in RELEASES:
            with config.changed(keras=other):
                again = Model.from_config(model.get_config())
            again.set_weights(model.get_weights())
            for mine, theirs in zip(again.layers, model.layers, strict=True):
                assert mine.get_weights() == theirs.get_weights()

    def test_of_a_layer_that_is_met_twice_counts_its_longest_path(self):
        """x to b to the sum, and x to the sum: x is deepest; then b; by the first visit."""
        with config.changed(keras="1.2"):
            x = Input((1,), name="x")
            c, b = Dense(1, name="c"), Dense(1, name="b")
            model = Model(x, merge([c(b(x)), b(x), Dense(1, name="a")(x)], name="m"))
        assert [layer.name for layer in model.layers] == ["x", "b", "c", "a", "m"]

    def test_the_legacy_order_can_be_set(self, monkeypatch):
        monkeypatch.setattr(K.settings, "_legacy_weight_ordering", False)
        K.set_legacy_weight_ordering(True)
        assert K.legacy_weight_ordering()
        with config.changed(keras="1.2"):
            assert [layer.name for layer in _side_by_side().layers] == list("xazm")
        with pytest.raises(ArgumentError, match="value: expected True or False, received 'no'"):
            K.set_legacy_weight_ordering("no")

    def test_of_weights(self):
        """A BatchNormalization in front: its running statistics stand behind all other weights in
        1.0, behind its own in 1.2."""
        for release, positions in (("1.0", [0, 1, 4, 5, 2, 3]), ("1.2", [0, 1, 2, 3, 4, 5])):
            with config.changed(keras=release):
                x = Input((1,))
                n, d = BatchNormalization(), Dense(1)
                model = Model(x, d(n(x)))
            every = [*n.weights, *d.weights]
            K.batch_set_value([(one, np.full(one.shape, k)) for k, one in enumerate(every)])
            assert [one.item() for one in model.get_weights()] == positions
            model.set_weights([one + 10 for one in model.get_weights()])
            assert [K.get_value(one).item() for one in every] == [10, 11, 12, 13, 14, 15]


def test_a_graph_is_one_of_1_0_under_either_flag():
    with config.changed(keras="1.2"):
        graph = Graph()
        graph.add_input(name="x", input_shape=(1,))
        graph.add_node(BatchNormalization(), name="n", input="x")
        graph.add_node(Dense(1), name="d", input="n")
        graph.add_output(name="y", input="d")
    positions = {weight: k for k, weight in enumerate(graph.weights)}
    K.batch_set_value([(weight, np.full(weight.shape, k)) for weight, k in positions.items()])
    assert [one.item() for one in graph.get_weights()] == [0, 1, 2, 3, 4, 5]
    assert graph.predict({"x": np.ones((1, 1))})["y"].dtype == "float64"
    again = Graph.from_config(graph.get_config())
    again.set_weights(graph.get_weights())
    assert again.get_weights() == graph.get_weights()


class TestTrainable:
    @pytest.mark.parametrize(("release", "counts"), [("1.0", (2, 0)), ("1.2", (0, 2))])
    def test_weights_of_a_layer(self, release, counts):
        with config.changed(keras=release):
            layer = Dense(1, input_dim=1, trainable=False)
            model = Sequential([layer])
        before = layer.weights
        assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == counts
        assert (len(model.trainable_weights), len(model.non_trainable_weights)) == counts
        layer.trainable = True
        assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (2, 0)
        assert layer.weights == before

    def test_a_frozen_model_keeps_the_order_of_its_weights(self):
        with config.changed(keras="1.2"):
            inside = Sequential([Dense(1, input_dim=1), BatchNormalization(), Dense(1)])
        before = inside.weights
        inside.trainable = False
        assert (inside.trainable_weights, inside.non_trainable_weights) == ([], before)
        inside.trainable, inside.layers[0].trainable = True, False
        assert inside.weights == before
        assert len(inside.trainable_weights) == 4

    def test_lists_of_a_users_layer(self):
        class Own(Dense):
            def build(self, input_shape):
                self.a, self.b = K.variable([1.0]), K.variable([2.0])
                self.trainable_weights = [self.a]
                self.non_trainable_weights.append(self.b)

            def call(self, x, mask=None):
                return x * self.a + self.b

        with config.changed(keras="1.2"):
            layer = Own(1, input_dim=1, trainable=False)
            Sequential([layer])
        assert layer.weights == [layer.a, layer.b]
        assert (layer.trainable_weights, layer.non_trainable_weights) == ([], layer.weights)


class TestCounts:
    @pytest.mark.parametrize(("release", "counts"), [("1.0", [2, 2]), ("1.2", [4, 2])])
    def test_of_numbers(self, release, counts):
        model = Sequential([BatchNormalization(input_shape=(1,)), Dense(1)])
        with config.changed(keras=release):
            assert [layer.count_params() for layer in model.layers] == counts
            assert model.count_params() == sum(counts)

    def test_the_last_lines_of_a_summary(self, capsys):
        with config.changed(keras="1.2"):
            model = Sequential([BatchNormalization(input_shape=(1,)), Dense(1), Dense(1)])
            model.layers[1].trainable = False
            model.summary()
        lines = capsys.readouterr().out.splitlines()
        assert lines[-3:] == ["Total params: 8", "Trainable params: 4", "Non-trainable params: 4"]


def test_an_input_that_is_not_defined_is_no_attribute():
    layer = Dense(1)
    for name in ("input", "output", "input_shape", "output_shape"):
        assert not hasattr(layer, name)
        with pytest.raises(ArgumentError):
            getattr(layer, name)


class TestFiles:
    def test_layers_without_weights_need_not_agree(self, tmp_path):
        model = Sequential([Dense(2, input_dim=1), Dropout(0.5), Dense(1)])
        model.save_weights(tmp_path / "w.h5")
        others = [
            Sequential([Dense(2, input_dim=1), Dense(1), Activation("relu")]),
            Sequential([Dense(2, input_dim=1), Dense(1)]),
        ]
        for other in others:
            other.load_weights(tmp_path / "w.h5")
            for mine, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
                np.testing.assert_array_equal(mine, theirs)
        with pytest.raises(DataError, match="the file has 3 layers and the model 1"):
            Sequential([Dense(2, input_dim=1)]).load_weights(tmp_path / "w.h5")

    def test_a_file_of_keras_is_in_the_order_of_the_models_release(self, tmp_path):
        """Of other names than the model's; a walk meets the layer of 1 first, names that of 2."""
        with h5py.File(tmp_path / "w.h5", "w") as file:
            file.attrs["layer_names"] = [b"input_7", b"dense_8", b"dense_9", b"merge_3"]
            for name, value in (("input_7", 0), ("dense_8", 1), ("dense_9", 2), ("merge_3", 0)):
                group = file.create_group(name)
                group.attrs["weight_names"] = [b"W", b"b"] if value else np.array([], "S1")
                if value:
                    group["W"], group["b"] = np.full((1, 1), value), np.zeros(1)
        for release, first in (("1.0", "a"), ("1.2", "z")):
            with config.changed(keras=release):
                model = _side_by_side()
            model.load_weights(tmp_path / "w.h5")
            assert model.get_layer(first).get_weights()[0] == 1.0

    @pytest.mark.flags(keras="1.0")
    def test_a_file_that_is_there_is_replaced_under_1_2(self, tmp_path):
        model = Sequential([Dense(1, input_dim=1)])
        model.save_weights(tmp_path / "w.h5")
        with pytest.raises(ArgumentError, match="is there already"):
            model.save_weights(tmp_path / "w.h5")
        with config.changed(keras="1.2"):
            model.save_weights(tmp_path / "w.h5")
            with pytest.raises(ArgumentError, match="is there already"):
                model.save_weights(tmp_path / "w.h5", overwrite=False)
