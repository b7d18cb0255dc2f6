"""The table of the epochs, line by line."""

from __future__ import annotations

import csv
import logging

import numpy as np
import pytest

from graphc.callbacks import CSVLogger
from graphc.errors import ArgumentError, DataError
from tests.callbacks.small_model import X, Y, compiled


def rows(path, separator=","):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter=separator))


def write(logger, *epochs, first=0):
    logger.on_train_begin()
    for epoch, logs in enumerate(epochs, first):
        logger.on_epoch_end(epoch, logs)


def test_a_line_of_numbers_for_each_epoch(tmp_path):
    path = tmp_path / "log.csv"
    history = compiled().fit(
        X, Y, nb_epoch=3, verbose=0, callbacks=[CSVLogger(path)], validation_data=(X, Y)
    )
    table = rows(path)
    assert list(table[0]) == ["epoch", "acc", "loss", "val_acc", "val_loss"]
    assert [int(row["epoch"]) for row in table] == [0, 1, 2]
    for name, values in history.history.items():
        assert [float(row[name]) for row in table] == values


def test_the_text(tmp_path):
    path = tmp_path / "log.csv"
    write(CSVLogger(path, separator=";"), {"loss": np.float32(0.5), "best": True, "a;b": "x"})
    assert path.read_bytes() == b'epoch;"a;b";best;loss\n0;x;True;0.5\n'


def test_the_separator_and_the_columns_by_the_names_of_keras(tmp_path):
    logger = CSVLogger(tmp_path / "log.csv", separator=";")
    assert (logger.sep, logger.keys) == (";", None)
    write(logger, {"loss": 0.5, "acc": 1.0})
    assert logger.keys == ["acc", "loss"]


def test_lines_are_there_while_training_goes_on(tmp_path):
    path = tmp_path / "log.csv"
    logger = CSVLogger(path)
    logger.on_train_begin()
    assert path.read_text() == ""
    logger.on_epoch_end(0, {"loss": 1.0})
    assert path.read_text() == "epoch,loss\n0,1.0\n"


def test_a_second_training_begins_anew_or_goes_on(tmp_path):
    path = tmp_path / "log.csv"
    write(CSVLogger(path), {"loss": 1.0})
    write(CSVLogger(path), {"loss": 2.0})
    assert path.read_text() == "epoch,loss\n0,2.0\n"
    write(CSVLogger(path, append=True), {"loss": 3.0}, first=1)
    assert path.read_text() == "epoch,loss\n0,2.0\n1,3.0\n"


def test_going_on_without_a_file_begins_one(tmp_path):
    path = tmp_path / "log.csv"
    write(CSVLogger(path, append=True), {"loss": 1.0})
    assert path.read_text() == "epoch,loss\n0,1.0\n"


def test_a_line_that_was_cut_off_is_ended(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n0,1.")
    write(CSVLogger(path, append=True), {"loss": 3.0}, first=1)
    assert path.read_text() == "epoch,loss\n0,1.\n1,3.0\n"


def test_values_that_come_late_and_those_that_are_missing(tmp_path, caplog):
    path = tmp_path / "log.csv"
    with caplog.at_level(logging.WARNING, "graphc"):
        write(CSVLogger(path), {"loss": 1.0, "acc": 0.5}, {"loss": 2.0, "new": 1}, {"new": 2})
    assert path.read_text() == "epoch,acc,loss\n0,0.5,1.0\n1,,2.0\n2,,\n"
    (record,) = caplog.records
    assert "CSVLogger leaves 'new' out" in record.getMessage()


class TestWhatGoesWrong:
    def test_no_path_and_no_flag(self):
        with pytest.raises(ArgumentError, match="CSVLogger: filename: .* path .*received int"):
            CSVLogger(5)
        with pytest.raises(ArgumentError, match="CSVLogger: append: expected True or False"):
            CSVLogger("log.csv", append="no")

    @pytest.mark.parametrize("separator", ["", ", ", None, '"', "\n"])
    def test_separators(self, separator):
        with pytest.raises(ArgumentError, match="CSVLogger: separator: expected one character"):
            CSVLogger("log.csv", separator=separator)

    def test_a_folder_that_is_not_there(self, tmp_path):
        logger = CSVLogger(tmp_path / "none" / "log.csv")
        with pytest.raises(ArgumentError, match="filename: .*no folder '.*none'; make it first"):
            compiled().fit(X, Y, verbose=0, callbacks=[logger])

    def test_going_on_with_a_file_of_other_columns(self, tmp_path):
        path = tmp_path / "log.csv"
        path.write_text("epoch,loss\n0,1.0\n")
        logger = CSVLogger(path, append=True)
        with pytest.raises(
            DataError, match=r"has the columns epoch, loss, and not acc; .*append=False"
        ):
            compiled().fit(X, Y, verbose=0, callbacks=[logger])
        assert path.read_text() == "epoch,loss\n0,1.0\n"
