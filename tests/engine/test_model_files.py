"""Weights in HDF5 files: Keras 1's layout, which layers they go to, and what is refused."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from graphc.engine import Input
from graphc.errors import ArgumentError, DataError, MissingFileError, ShapeError
from graphc.layers import BatchNormalization, Dense, Dropout, Merge, TimeDistributed, merge
from graphc.models import Model, Sequential, model_from_json
from tests.files.old_writers import as_bytes, write_keras_1


def chain(hidden=5, names=("first", "drop", "last")) -> Sequential:
    first, drop, last = names
    return Sequential(
        [Dense(hidden, input_dim=4, name=first), Dropout(0.5, name=drop), Dense(2, name=last)]
    )


def arrays(*shapes):
    rng = np.random.default_rng(11)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


W1, B1, W2, B2 = arrays((4, 5), (5,), (5, 2), (2,))
STORED = [
    ("dense_1", [("dense_1_W", W1), ("dense_1_b", B1)]),
    ("dropout_1", []),
    ("dense_2", [("dense_2_W", W2), ("dense_2_b", B2)]),
]


def check_equal(model, expected):
    for mine, theirs in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


class TestLayout:
    def test_that_of_keras(self, tmp_path):
        model = chain()
        model.save_weights(tmp_path / "w.h5")
        with h5py.File(tmp_path / "w.h5", "r") as file:
            assert list(file.attrs["layer_names"]) == [b"first", b"drop", b"last"]
            assert {name: list(group) for name, group in file.items()} == {
                "first": ["first_W", "first_b"],
                "drop": [],
                "last": ["last_W", "last_b"],
            }
            assert list(file["first"].attrs["weight_names"]) == [b"first_W", b"first_b"]
            assert len(file["drop"].attrs["weight_names"]) == 0
            np.testing.assert_array_equal(file["last/last_W"][()], model.get_weights()[2])
            assert file["last/last_W"].dtype == "float32"

    def test_a_model_has_its_inputs_and_merges(self, tmp_path):
        a, b = Input((3,), name="a"), Input((3,), name="b")
        both = merge([a, Dense(3, name="d")(b)], mode="sum", name="both")
        Model([a, b], both).save_weights(tmp_path / "w.h5")
        with h5py.File(tmp_path / "w.h5", "r") as file:
            assert list(file.attrs["layer_names"]) == [b"b", b"a", b"d", b"both"]

    def test_merged_branches_layer_by_layer_and_other_models_whole(self, tmp_path):
        inner = Sequential([Dense(3, input_dim=4, name="in"), BatchNormalization(name="norm")])
        left = Sequential([inner, Dense(2, name="left")])
        right = Sequential([Dense(2, input_dim=3, name="right")])
        model = Sequential([Merge([left, right], mode="sum"), Dense(2, name="out")])
        model.save_weights(tmp_path / "w.h5")
        with h5py.File(tmp_path / "w.h5", "r") as file:
            names = [name.decode() for name in file.attrs["layer_names"]]
            assert names == [inner.name, "left", "right", "out"]
            assert [name.decode() for name in file[inner.name].attrs["weight_names"]] == [
                "in_W", "in_b", "norm_gamma", "norm_beta", "norm_running_mean", "norm_running_std",
            ]  # fmt: skip
        made = model_from_json(model.to_json())
        made.load_weights(tmp_path / "w.h5")
        check_equal(made, model.get_weights())

    def test_names_that_are_no_ascii_or_the_same_twice(self, tmp_path):
        twins = [Sequential([Dense(3, input_dim=3, name="größe/1")]) for _ in range(2)]
        model = Sequential([Sequential(twins, name="inner/both")])
        model.save_weights(tmp_path / "w.h5")
        expected = model.get_weights()
        model.set_weights([0 * one for one in expected])
        model.load_weights(tmp_path / "w.h5")
        check_equal(model, expected)

    def test_more_names_than_a_header_holds(self, tmp_path):
        long = "n" * 2000
        model = Sequential([Dense(2, input_dim=2, name=f"{long}{k}") for k in range(40)])
        model.save_weights(tmp_path / "w.h5")
        expected = model.get_weights()
        model.set_weights([0 * one for one in expected])
        model.load_weights(tmp_path / "w.h5")
        check_equal(model, expected)

    @pytest.mark.parametrize("name", ["a\0b", "/", "a//b", "."])
    def test_names_that_hdf5_confuses(self, name, tmp_path):
        model = Sequential([Dense(2, input_dim=3, name=name)])
        with pytest.raises(ArgumentError, match="cannot name a layer or a weight"):
            model.save_weights(tmp_path / "w.h5")
        assert list(tmp_path.iterdir()) == []


class TestLoading:
    @pytest.mark.parametrize("stored", [as_bytes, str])
    def test_what_keras_wrote(self, stored, tmp_path):
        write_keras_1(tmp_path / "w.h5", STORED, stored)
        model = chain()
        model.load_weights(str(tmp_path / "w.h5"))
        check_equal(model, [W1, B1, W2, B2])
        x = np.ones((3, 4))
        np.testing.assert_allclose(model.predict(x), (x @ W1 + B1) @ W2 + B2, rtol=1e-5)

    def test_the_weights_of_a_whole_model(self, tmp_path):
        write_keras_1(tmp_path / "w.h5", STORED, root="model_weights")
        model = chain()
        model.load_weights(tmp_path / "w.h5")
        check_equal(model, [W1, B1, W2, B2])

    def test_by_name_where_the_names_are_the_same(self, tmp_path):
        stored = [("b", [("W", W2), ("b", B2)]), ("a", [("W", W1), ("b", B1)])]
        write_keras_1(tmp_path / "w.h5", stored)
        model = Sequential([Dense(5, input_dim=4, name="a"), Dense(2, name="b")])
        model.load_weights(tmp_path / "w.h5")
        check_equal(model, [W1, B1, W2, B2])

    @pytest.mark.flags(keras="1.0")
    def test_by_place_where_names_put_layers_in_another_order(self, tmp_path):
        def two_sides(left, right):
            x = Input((3,))
            sides = [Dense(2, name=left)(x), Dense(2, name=right)(x)]
            return Model(x, merge(sides, mode="concat"))

        model, other = two_sides("dense_9", "dense_10"), two_sides("dense_11", "dense_12")
        assert [one.name for one in model.layers[1:3]] == ["dense_10", "dense_9"]
        model.save_weights(tmp_path / "w.h5")
        other.load_weights(tmp_path / "w.h5")
        x = np.arange(6.0).reshape(2, 3)
        np.testing.assert_array_equal(other.predict(x), model.predict(x))

    def test_ranks_that_are_no_permutation(self, tmp_path):
        chain().save_weights(tmp_path / "w.h5")
        with h5py.File(tmp_path / "w.h5", "a") as file:
            file.attrs["ranks"] = [0, 2, 2]
        with pytest.raises(DataError, match=r"ranks: expected each number below 3 once, .*0, 2, 2"):
            chain(names="abc").load_weights(tmp_path / "w.h5")

    @pytest.mark.flags(keras="1.0")
    def test_trainable_weights_first(self, tmp_path):
        # As Keras wrote a model inside of another; it read them layer by layer (bug 18).
        inner = Sequential([BatchNormalization(input_shape=(3,), name="n"), Dense(3, name="d")])
        model = Sequential([inner])
        values = arrays((3,), (3,), (3, 3), (3,), (3,), (3,))
        names = ["n_gamma", "n_beta", "d_W", "d_b", "n_running_mean", "n_running_std"]
        write_keras_1(tmp_path / "w.h5", [("whole", list(zip(names, values, strict=True)))])
        model.load_weights(tmp_path / "w.h5", running_std="std")
        gamma, beta, W, b, mean, std = values
        check_equal(model, [gamma, beta, mean, std, W, b])

    def test_a_training_step_sees_them(self, tmp_path):
        write_keras_1(tmp_path / "w.h5", STORED)
        model = Sequential([Dense(5, input_dim=4), Dropout(0), Dense(2)])
        model.compile("sgd", "mse")
        x, y = np.ones((3, 4)), np.zeros((3, 2))
        model.train_on_batch(x, y)
        model.load_weights(tmp_path / "w.h5")
        expected = np.mean(((x @ W1 + B1) @ W2 + B2) ** 2)
        np.testing.assert_allclose(model.train_on_batch(x, y), expected, rtol=1e-5)

    def test_wrapped_layers(self, tmp_path):
        def make():
            return Sequential([TimeDistributed(Dense(3), input_shape=(2, 4))])

        model, other = make(), make()
        model.save_weights(tmp_path / "w.h5")
        other.load_weights(tmp_path / "w.h5")
        check_equal(other, model.get_weights())


class TestRefusals:
    @pytest.mark.flags(keras="1.0")
    def test_a_file_that_is_there(self, tmp_path):
        path = tmp_path / "w.h5"
        path.write_text("mine")
        with pytest.raises(ArgumentError, match=r"save_weights: .*w.h5 is there.*overwrite=True"):
            chain().save_weights(path)
        assert path.read_text() == "mine"
        model = chain()
        model.save_weights(path, overwrite=True)
        other = chain()
        other.load_weights(path)
        check_equal(other, model.get_weights())
        assert [one.name for one in tmp_path.iterdir()] == ["w.h5"]

    def test_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(MissingFileError, match="there is no folder .*nowhere; make it first"):
            chain().save_weights(tmp_path / "nowhere" / "w.h5")

    def test_no_file(self, tmp_path):
        with pytest.raises(MissingFileError, match="there is no file .*w.h5"):
            chain().load_weights(tmp_path / "w.h5")

    def test_no_hdf5(self, tmp_path):
        (tmp_path / "w.h5").write_bytes(b"weights")
        with pytest.raises(DataError, match=r"w.h5 cannot be read as an HDF5 file"):
            chain().load_weights(tmp_path / "w.h5")

    def test_a_file_cut_short(self, tmp_path):
        chain().save_weights(tmp_path / "w.h5")
        whole = (tmp_path / "w.h5").read_bytes()
        (tmp_path / "w.h5").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match="w.h5"):
            chain().load_weights(tmp_path / "w.h5")

    def test_another_number_of_layers(self, tmp_path):
        chain().save_weights(tmp_path / "w.h5")
        shorter = Sequential([Dense(5, input_dim=4, name="first"), Dropout(0.5, name="other")])
        with pytest.raises(DataError) as raised:
            shorter.load_weights(tmp_path / "w.h5")
        for words in (
            f"w.h5 for {shorter.name}: the file has 3 layers and the model 2",
            "the file alone has drop, last",
            "the model alone has other",
            "build the model as it was",
        ):
            assert words in str(raised.value)

    def test_another_number_of_weights(self, tmp_path):
        write_keras_1(tmp_path / "w.h5", [STORED[0], ("dense_3", STORED[0][1]), STORED[2]])
        with pytest.raises(DataError) as raised:
            chain().load_weights(tmp_path / "w.h5")
        assert "'dense_3' of the file has 2 weights (dense_1_W (4, 5)" in str(raised.value)
        assert "'drop' of the model needs no weights" in str(raised.value)

    def test_other_shapes_and_the_model_stays(self, tmp_path):
        chain(hidden=6).save_weights(tmp_path / "w.h5")
        model = chain()
        before = model.get_weights()
        with pytest.raises(ShapeError) as raised:
            model.load_weights(tmp_path / "w.h5")
        assert "'first_W' of the file's layer 'first' has the shape (4, 6)" in str(raised.value)
        assert "'first_W' of the model's layer 'first' needs (4, 5)" in str(raised.value)
        check_equal(model, before)

    def test_a_file_of_something_else(self, tmp_path):
        with h5py.File(tmp_path / "w.h5", "w") as file:
            file["data"] = np.zeros(3)
        with pytest.raises(DataError, match=r"attribute layer_names, found \['data'\]"):
            chain().load_weights(tmp_path / "w.h5")

    def test_links_and_objects(self, tmp_path):
        write_keras_1(tmp_path / "good.h5", STORED)
        path = tmp_path / "w.h5"
        for spoil, words in (
            (lambda f: f.__setitem__("dense_1/dense_1_W", h5py.SoftLink("/dense_2")), "a link"),
            (
                lambda f: f.__setitem__(
                    "dense_1/dense_1_W", h5py.ExternalLink(str(tmp_path / "good.h5"), "/dense_2")
                ),
                "a link to another place",
            ),
            (
                lambda f: f["dense_1"].create_dataset(
                    "dense_1_W", (4, 5), "f4", external=[(str(tmp_path / "raw"), 0, 80)]
                ),
                "lies in other files",
            ),
            (lambda f: f["dense_1"].create_dataset("dense_1_W", data=[b"x"]), "array of numbers"),
            (lambda f: f.create_group("dense_1/dense_1_W"), "array of numbers"),
            (lambda f: None, "expected an entry 'dense_1_W', there is none"),
        ):
            write_keras_1(path, STORED)
            with h5py.File(path, "a") as file:
                del file["dense_1/dense_1_W"]
                spoil(file)
            with pytest.raises(DataError, match=words):
                chain().load_weights(path)

    def test_an_attribute_of_another_kind(self, tmp_path):
        write_keras_1(tmp_path / "w.h5", STORED)
        with h5py.File(tmp_path / "w.h5", "a") as file:
            file.attrs["layer_names"] = [1, 2, 3]
        with pytest.raises(
            DataError, match="layer_names: expected texts, received values of type int64"
        ):
            chain().load_weights(tmp_path / "w.h5")
