"""Files of whole models that cannot be written or read: the reason, and that nothing is changed."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from graphc.errors import ArgumentError, DataError, MissingFileError, ShapeError
from graphc.models import Sequential, load_model
from graphc.optimizers import Optimizer
from tests.files.small_files import chain, edited, saved, set_text, trained, with_loss


class Adam(Optimizer):
    def get_updates(self, params, constraints, loss):
        return [(p, p * 0.5) for p in params]


class Bare:
    def get_updates(self, params, constraints, loss):
        return [(p, p * 0.5) for p in params]


class TestWhatCannotBeSaved:
    def test_optimizers(self, tmp_path):
        for optimizer, message in (
            (Adam(), "optimizer Adam: graphc has one of this name; give your class another name"),
            (Bare(), "optimizer Bare: define get_config"),
        ):
            with pytest.raises(ArgumentError, match=message):
                trained(optimizer=optimizer).save(tmp_path / "m.h5")
        assert list(tmp_path.iterdir()) == []

    def test_a_file_that_is_there(self, tmp_path):
        path = saved(tmp_path)
        before = path.read_bytes()
        with pytest.raises(ArgumentError, match=r"save: .*model.h5 is there already.*overwrite=T"):
            trained().save(path, overwrite=False)
        assert path.read_bytes() == before
        chain().save(path)
        assert path.read_bytes() != before

    def test_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(MissingFileError, match="no folder"):
            chain().save(tmp_path / "none" / "m.h5")

    def test_a_model_without_layers(self, tmp_path):
        with pytest.raises(ArgumentError, match=r"save: the model has no layers"):
            Sequential().save(tmp_path / "m.h5")

    def test_another_generator(self, tmp_path):
        path = saved(tmp_path)
        before = np.random.get_bit_generator()
        np.random.set_bit_generator(np.random.PCG64(3))
        try:
            with pytest.raises(
                ArgumentError, match="save: expected .*MT19937.*, found PCG64.*set_b"
            ):
                chain().save(tmp_path / "other.h5")
            with pytest.raises(ArgumentError, match="model.h5.*found PCG64: restore_generator=Fal"):
                load_model(path)
            load_model(path, restore_generator=False)
        finally:
            np.random.set_bit_generator(before)


def attribute(place, name, value):
    def edit(file):
        file[place].attrs[name] = value

    return edit


def array(name, value):
    def edit(file):
        del file[name]
        file[name] = value

    return edit


def without(*names):
    def edit(file):
        for name in names:
            del file[name]

    return edit


BROKEN = {
    "a newer format": (attribute("graphc", "format", 2), "format: .*received.*a later graphc"),
    "no format": (lambda file: file["graphc"].attrs.clear(), "the attribute format"),
    "negative epochs": (attribute("graphc", "epochs_done", -1), "epochs_done: expected a whole"),
    "a text for a count": (attribute("graphc", "call_step", "many"), "call_step: expected a whole"),
    "a third choice": (attribute("graphc", "native", 2), "native: expected a whole number from 0"),
    "no plans": (attribute("graphc", "plans", "{}x"), "plans: expected a list of bytes, shapes"),
    "a plan for no samples": (
        attribute("graphc", "plans", "[[100, [[0, 3]], 2]]"),
        "plans: expected a list of bytes, shapes",
    ),
    "a position too far": (attribute("graphc/generator", "position", 625), "position: expected a"),
    "a short key": (
        array("graphc/generator/key", np.zeros(5, "u4")),
        "key: expected whole numbers",
    ),
    "draws of another model": (
        array("graphc/draws", np.zeros((3, 2), "u4")),
        "draws: .*custom_obj",
    ),
    "fractions for keys": (
        array("graphc/draws", np.zeros((1, 2))),
        "draws: expected whole numbers",
    ),
    "another shuffle": (attribute("graphc", "shuffle", "rows"), "shuffle: expected one of"),
    "an order that is none": (
        array("graphc/order", np.zeros(12, "i8")),
        "order: expected each num",
    ),
    "no order": (without("graphc/order"), "expected an entry 'order'"),
    "weights that are none": (
        array("graphc/trained", [0, 1, 2, 9]),
        "trained: expected positions of 4",
    ),
    "a weight twice": (array("graphc/trained", [0, 1, 2, 2]), "trained: expected positions of 4"),
    "no generator": (without("graphc/generator"), "expected an entry 'generator'"),
    "no weights": (without("model_weights"), "expected an entry 'model_weights'"),
    "another moment": (
        lambda file: array(_name(file, 2), np.zeros((3, 3), "f4"))(file),
        r"\(3, 3\).*needs \(",
    ),
    "moments that are missing": (
        attribute("optimizer_weights", "weight_names", [b"iterations"]),
        "has 1 weights",
    ),
    "no optimizer": (with_loss(None), "loss"),
    "no config": (
        lambda file: set_text(file, "training_config", json.dumps({"loss": "mse"})),
        "optimizer_config: expected an object with class_name",
    ),
    "not JSON": (lambda file: set_text(file, "model_config", "{"), "model_config: not JSON"),
    "a layer": (
        lambda file: set_text(file, "model_config", json.dumps({"a": 1})),
        "model_config: expected an object with the keys class_name",
    ),
}


def _name(file, k):
    return f"optimizer_weights/{file['optimizer_weights'].attrs['weight_names'][k].decode()}"


class TestWhatCannotBeLoaded:
    @pytest.mark.parametrize("kind", BROKEN)
    def test_broken_files(self, kind, tmp_path):
        """The reason and the file are told, and NumPy's generator is as before."""
        edit, message = BROKEN[kind]
        path = edited(saved(tmp_path), edit)
        np.random.seed(3)
        with pytest.raises((DataError, ArgumentError, ShapeError), match=message) as caught:
            load_model(path)
        assert str(path) in str(caught.value)
        found = np.random.rand(2)
        np.random.seed(3)
        np.testing.assert_array_equal(found, np.random.rand(2))

    def test_weights_alone(self, tmp_path):
        chain().save_weights(tmp_path / "w.h5")
        with pytest.raises(DataError, match=r"has weights and no model; .*model.load_weights\('"):
            load_model(tmp_path / "w.h5")

    def test_other_files(self, tmp_path):
        with pytest.raises(MissingFileError, match="there is no file"):
            load_model(tmp_path / "none.h5")
        (tmp_path / "text.h5").write_text("a model")
        with pytest.raises(DataError, match="cannot be read as an HDF5 file"):
            load_model(tmp_path / "text.h5")
        with h5py.File(tmp_path / "other.h5", "w") as file:
            file["x"] = [1.0]
        with pytest.raises(
            DataError, match="expected a file of model.save, .*model_config, found x"
        ):
            load_model(tmp_path / "other.h5")

    def test_cut_short(self, tmp_path):
        path = saved(tmp_path)
        whole = path.read_bytes()
        for part in (0.1, 0.5, 0.9, 0.99):
            path.write_bytes(whole[: int(len(whole) * part)])
            with pytest.raises(DataError, match="model.h5"):
                load_model(path)
