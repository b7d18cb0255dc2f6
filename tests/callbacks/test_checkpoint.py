"""When weights are saved, and where."""

from __future__ import annotations

import logging

import pytest

from graphc.callbacks import ModelCheckpoint
from graphc.config import config
from graphc.errors import ArgumentError
from tests.callbacks.small_model import X, Y, compiled


class Saves:
    """A model that writes down when it is saved."""

    def __init__(self):
        self.paths = []

    def save_weights(self, filepath, overwrite=False):
        assert overwrite
        self.paths.append(filepath)

    def save(self, filepath, overwrite=True):
        assert overwrite
        self.paths.append(f"whole {filepath}")


def saved(values, name="score", filepath="{epoch}", **arguments):
    """Where weights are saved in epochs with these values."""
    checkpoint = ModelCheckpoint(filepath, monitor=name, **arguments)
    checkpoint.model = model = Saves()
    checkpoint.on_train_begin()
    for epoch, value in enumerate(values):
        checkpoint.on_epoch_end(epoch, {name: value, "loss": 0.125})
    return model.paths


@pytest.mark.flags(keras="1.0")
def test_every_epoch_is_saved_at_a_path_of_its_number_and_logs():
    paths = saved([3.0, 2.5], filepath="w.{epoch:02d}-{loss:.2f}-{score}.h5")
    assert paths == ["w.00-0.12-3.0.h5", "w.01-0.12-2.5.h5"]
    assert saved([3.0, 2.5], filepath="same.h5") == ["same.h5", "same.h5"]


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(
    ("name", "mode", "values", "epochs"),
    [
        ("val_loss", "auto", [3, 2, 2, 2.5, 1], ["0", "1", "4"]),
        ("val_acc", "auto", [0.5, 0.4, 0.5, 0.6], ["0", "3"]),
        ("val_acc", "min", [0.5, 0.4, 0.5, 0.3], ["0", "1", "3"]),
        ("score", "max", [1, 2, 1], ["0", "1"]),
        ("score", "auto", [float("nan"), 2, float("nan"), 1], ["1", "3"]),
    ],
)
def test_only_the_best(name, mode, values, epochs):
    assert saved(values, name, mode=mode, save_best_only=True) == epochs


@pytest.mark.flags(keras="1.0")
def test_every_so_many_epochs():
    assert saved([5, 4, 3, 2, 1], period=2) == ["1", "3"]
    assert saved([5, 4, 3, 6, 1, 0.5], period=2, save_best_only=True) == ["1", "5"]
    with pytest.raises(ArgumentError, match="period: expected a whole number of at least 1"):
        ModelCheckpoint("a", period=0)


def test_epochs_since_the_last_are_counted():
    checkpoint = ModelCheckpoint("a", period=3)
    checkpoint.model = Saves()
    counts = []
    for epoch in range(4):
        checkpoint.on_epoch_end(epoch, {})
        counts.append(checkpoint.epochs_since_last_save)
    assert counts == [1, 2, 0, 1]


@pytest.mark.flags(keras="1.0")
def test_order_and_defaults_are_those_of_the_release():
    first = ModelCheckpoint("a", "loss", 1, True, "max")
    assert (first.mode, first.save_weights_only) == ("max", True)
    with config.changed(keras="1.2"):
        assert saved([1.0]) == ["whole 0"]
        later = ModelCheckpoint("a", "loss", 1, True, True, "max", 3)
    assert (later.save_weights_only, later.mode, later.period) == (True, "max", 3)


@pytest.mark.flags(keras="1.0")
def test_the_best_stays_over_a_second_training():
    checkpoint = ModelCheckpoint("{epoch}", monitor="loss", save_best_only=True)
    checkpoint.model = model = Saves()
    for values in ([2.0, 1.0], [1.5, 0.5]):
        checkpoint.on_train_begin()
        for epoch, value in enumerate(values):
            checkpoint.on_epoch_end(epoch, {"loss": value})
    assert model.paths == ["0", "1", "1"]
    assert checkpoint.best == 0.5


def test_a_value_that_is_missing_is_logged_once(caplog):
    checkpoint = ModelCheckpoint("w.h5", save_best_only=True)
    checkpoint.model = model = Saves()
    checkpoint.on_train_begin()
    with caplog.at_level(logging.WARNING, "graphc"):
        for epoch in range(2):
            checkpoint.on_epoch_end(epoch, {"loss": 1.0})
    (record,) = caplog.records
    message = record.getMessage()
    assert "ModelCheckpoint saves nothing: the logs of an epoch have no 'val_loss'" in message
    assert "they have 'loss'; give fit validation_data" in message
    assert model.paths == []


def test_whole_models(capsys):
    arguments = {"save_weights_only": False, "verbose": 1}
    assert saved([2.0, 3.0], **arguments) == ["whole 0", "whole 1"]
    assert capsys.readouterr().out.splitlines()[1] == "ModelCheckpoint: epoch 2: model saved to 1"
    assert saved([2.0, 3.0], save_best_only=True, **arguments) == ["whole 0"]


@pytest.mark.flags(keras="1.0")
def test_what_is_printed(capsys):
    saved([3.0, 4.0, 2.0], filepath="w.h5", verbose=1, save_best_only=True)
    assert capsys.readouterr().out.splitlines() == [
        "ModelCheckpoint: epoch 1: score is 3, inf before; weights saved to w.h5",
        "ModelCheckpoint: epoch 2: score is 4, no better than 3",
        "ModelCheckpoint: epoch 3: score is 2, 3 before; weights saved to w.h5",
    ]
    saved([3.0], filepath="w.h5", verbose=1)
    assert capsys.readouterr().out == "ModelCheckpoint: epoch 1: weights saved to w.h5\n"
    saved([3.0], filepath="w.h5")
    assert capsys.readouterr().out == ""


class TestWhatGoesWrong:
    def test_arguments(self):
        with pytest.raises(ArgumentError, match="ModelCheckpoint: mode: expected one of .*'best'"):
            ModelCheckpoint("w.h5", mode="best")
        with pytest.raises(ArgumentError, match="ModelCheckpoint: monitor: expected the name"):
            ModelCheckpoint("w.h5", monitor=3)
        with pytest.raises(ArgumentError, match="save_weights_only: expected True or False, rec"):
            ModelCheckpoint("w.h5", save_weights_only="yes")
        with pytest.raises(ArgumentError, match="save_best_only: expected True or False, rec.*min"):
            ModelCheckpoint("w.h5", "loss", 0, "min")

    @pytest.mark.parametrize("filepath", ["w.{val_loss:.2f}.h5", "w.{loss:d}.h5", "w.{.h5", "{}"])
    def test_fields_that_cannot_be_filled(self, filepath):
        with pytest.raises(
            ArgumentError, match="field cannot be filled .*the logs of an epoch have epoch, loss"
        ):
            saved([1.0], "loss", filepath=filepath)

    def test_a_folder_that_is_not_there(self, tmp_path):
        checkpoint = ModelCheckpoint(str(tmp_path / "none" / "w.h5"))
        model = compiled()
        before = model.get_weights()[0].copy()
        with pytest.raises(ArgumentError, match="filepath: .* no folder '.*none'; make it first"):
            model.fit(X, Y, verbose=0, callbacks=[checkpoint])
        assert (model.get_weights()[0] == before).all()
