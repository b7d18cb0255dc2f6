"""Weights in files of Keras 0.3: numbered groups and parameters, no names."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from graphc.engine import Input
from graphc.errors import DataError, ShapeError
from graphc.layers import AutoEncoder, BatchNormalization, Dense, Dropout, Merge
from graphc.models import Graph, Model, Sequential
from tests.files.old_writers import write_keras_0_3


def arrays(*shapes):
    rng = np.random.default_rng(4)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def check_equal(found, expected):
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def chain():
    return Sequential([Dense(5, input_dim=4, name="a"), Dropout(0.5), Dense(2, name="b")])


def test_a_sequential(tmp_path):
    values = arrays((4, 5), (5,), (5, 2), (2,))
    write_keras_0_3(tmp_path / "w.h5", [values[:2], [], values[2:]])
    model = chain()
    model.load_weights(tmp_path / "w.h5")
    check_equal(model.get_weights(), values)
    x = np.ones((3, 4))
    W, b, W2, b2 = values
    np.testing.assert_allclose(model.predict(x), (x @ W + b) @ W2 + b2, rtol=1e-5)


@pytest.mark.flags(keras="1.0")
def test_merged_models_are_one_layer_and_models_inside_too(tmp_path):
    left = Sequential([Dense(3, input_dim=4), BatchNormalization()])
    right = Sequential([Dense(3, input_dim=2)])
    inner = Sequential([BatchNormalization(input_shape=(3,)), Dense(2)])
    model = Sequential([Merge([left, right], mode="sum"), inner])
    values = arrays((4, 3), *[(3,)] * 5, (2, 3), (3,), *[(3,)] * 4, (3, 2), (2,))
    write_keras_0_3(tmp_path / "w.h5", [values[:8], values[8:]])
    model.load_weights(tmp_path / "w.h5")
    check_equal(model.get_weights(), values)
    check_equal(right.get_weights(), values[6:8])


@pytest.mark.parametrize("output_reconstruction", [True, False])
def test_autoencoders(tmp_path, output_reconstruction):
    model = Sequential([AutoEncoder(Dense(2, input_dim=4), Dense(4), output_reconstruction)])
    values = arrays((4, 2), (2,), (2, 4), (4,))
    write_keras_0_3(tmp_path / "w.h5", [values])
    model.load_weights(tmp_path / "w.h5")
    check_equal(model.get_weights(), values)


def test_a_graph_has_its_nodes_as_they_were_added(tmp_path):
    graph = Graph()
    graph.add_input("x", input_shape=(4,))
    graph.add_node(Dense(3), "z", input="x")
    graph.add_node(Dense(2), "a", input="z", create_output=True)
    graph.add_node(Dense(1), "m", input="z", create_output=True)
    values = arrays((4, 3), (3,), (3, 2), (2,), (3, 1), (1,))
    write_keras_0_3(tmp_path / "w.h5", [values], graph=True)
    graph.load_weights(tmp_path / "w.h5")
    for k, name in enumerate(["z", "a", "m"]):
        check_equal(graph.nodes[name].get_weights(), values[2 * k : 2 * k + 2])


def test_other_models(tmp_path):
    write_keras_0_3(tmp_path / "w.h5", [[]])
    x = Input((3,))
    model = Model(x, Dense(2)(x))
    with pytest.raises(DataError, match="Keras 0.3, which had no models but .* this is a Model"):
        model.load_weights(tmp_path / "w.h5")


def test_what_does_not_fit(tmp_path):
    path = tmp_path / "w.h5"
    values = arrays((4, 5), (5,), (5, 2), (2,))
    model = chain()
    before = model.get_weights()
    write_keras_0_3(path, [values[:2], values[2:]])
    with pytest.raises(DataError, match="the file has 2 layers and the model 3: a, dropout_"):
        model.load_weights(path)
    write_keras_0_3(path, [values[:2], values[2:], []])
    with pytest.raises(DataError, match=r"'layer_1' of the file has 2 weights \(param_0 \(5, 2\)"):
        model.load_weights(path)
    write_keras_0_3(path, [[values[0].T, values[1]], [], values[2:]])
    with pytest.raises(ShapeError, match=r"'param_0' of .*'layer_0' has the shape \(5, 4\); 'a_W'"):
        model.load_weights(path)
    for count in (-1, 2.0, [1, 2], "many"):
        write_keras_0_3(path, [values[:2], [], values[2:]])
        with h5py.File(path, "a") as file:
            file.attrs["nb_layers"] = count
        with pytest.raises(DataError, match="nb_layers: expected a number of layers"):
            model.load_weights(path)
    check_equal(model.get_weights(), before)
