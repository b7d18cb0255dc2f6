"""Weights of some layers: by their names, and in groups of HDF5 files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from graphc.errors import ArgumentError, DataError, ShapeError
from graphc.layers import Dense
from graphc.models import Graph, Sequential, load_model, save_model
from tests.files.old_writers import write_keras_1


def chain(*names, sizes=(3, 2)):
    layers = [Dense(size, name=name) for name, size in zip(names, sizes, strict=True)]
    layers[0].batch_input_shape = (None, 4)
    return Sequential(layers)


def numbers(*shapes):
    rng = np.random.default_rng(5)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def test_the_layers_of_the_same_name_alone(tmp_path, caplog):
    trained, other = chain("body", "head"), chain("body", "new_head", sizes=(3, 7))
    trained.save_weights(tmp_path / "w.h5")
    kept = other.layers[1].get_weights()
    other.load_weights(tmp_path / "w.h5", by_name=True)
    for mine, theirs in zip(other.layers[0].get_weights(), trained.get_weights(), strict=False):
        np.testing.assert_array_equal(mine, theirs)
    for mine, before in zip(other.layers[1].get_weights(), kept, strict=True):
        np.testing.assert_array_equal(mine, before)
    assert "by_name: 1 layers have weights of the file; it has none for new_head" in caplog.text


def test_all_names_are_there_and_nothing_is_said(tmp_path, caplog):
    trained, other = chain("a", "b"), chain("a", "b")
    save_model(trained, str(tmp_path / "m.h5"))
    caplog.clear()
    other.load_weights(tmp_path / "m.h5", by_name=True)
    x = np.ones((2, 4))
    np.testing.assert_array_equal(other.predict(x), trained.predict(x))
    assert not caplog.messages
    np.testing.assert_array_equal(load_model(tmp_path / "m.h5").predict(x), trained.predict(x))


def test_another_order_in_a_file_of_keras(tmp_path):
    W, b = numbers((3, 2), (2,))
    layers = [("b", [("b_W", W), ("b_b", b)]), ("unknown", [("u_W", W)]), ("a", [])]
    write_keras_1(tmp_path / "w.h5", layers)
    model = chain("x", "b")
    model.load_weights(tmp_path / "w.h5", by_name=True)
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], W)


@pytest.mark.parametrize(
    ("stored", "error", "words"),
    [
        ([("b_W", (3, 2))], DataError, "'b' of the file has 1 weights"),
        ([("b_W", (3, 9)), ("b_b", (9,))], ShapeError, r"shape \(3, 9\)"),
    ],
)
def test_a_layer_of_the_name_that_does_not_fit_changes_nothing(tmp_path, stored, error, words):
    arrays = [(name, np.ones(shape, "float32")) for name, shape in stored]
    whole = [("a_W", np.ones((4, 3), "float32")), ("a_b", np.ones(3, "float32"))]
    write_keras_1(tmp_path / "w.h5", [("a", whole), ("b", arrays)])
    model = chain("a", "b")
    before = model.get_weights()
    with pytest.raises(error, match=words):
        model.load_weights(tmp_path / "w.h5", by_name=True)
    for mine, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, old)


def test_a_graph(tmp_path):
    graphs = []
    for _ in range(2):
        graph = Graph()
        graph.add_input("x", (4,))
        graph.add_node(Dense(2), "d", input="x")
        graph.add_output("y", input="d")
        graphs.append(graph)
    graphs[0].save_weights(tmp_path / "w.h5")
    graphs[1].load_weights(tmp_path / "w.h5", by_name=True)
    for mine, theirs in zip(*(graph.get_weights() for graph in graphs), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_is_no_file_of_names(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["nb_layers"] = 2
    with pytest.raises(DataError, match="expected the weights of Keras 1, with an attribute layer"):
        chain("a", "b").load_weights(tmp_path / "w.h5", by_name=True)
    with pytest.raises(ArgumentError, match="by_name: expected True or False"):
        chain("a", "b").load_weights(tmp_path / "w.h5", by_name="yes")
    with pytest.raises(ArgumentError, match="save_model: expected a model"):
        save_model(Dense(2), tmp_path / "m.h5")


def test_groups_of_a_file(tmp_path):
    trained, other, third = chain("a", "b"), chain("a", "b"), chain("a", "c")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        trained.save_weights_to_hdf5_group(group := file.create_group("mine"))
        other.load_weights_from_hdf5_group(group)
        third.load_weights_from_hdf5_group_by_name(group)
    for mine, theirs in zip(other.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(third.get_weights()[0], trained.get_weights()[0])
