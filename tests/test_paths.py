"""Paths that users give, and how messages show them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from graphc.callbacks import CSVLogger, ModelCheckpoint
from graphc.errors import ArgumentError, GraphcError, StorageError
from graphc.layers import Dense
from graphc.models import Sequential, load_architecture, load_model
from graphc.paths import ask_to_proceed_with_overwrite, checked_path, shown_path
from graphc.preprocessing.image import list_pictures, load_img
from graphc.utils.io_utils import HDF5Matrix, load_array, save_array

ODD = os.fsdecode(b"a \xff \xc3\xa4.h5")
"""A name that is no UTF-8."""


class Given:
    def __init__(self, path: object):
        self._path = path

    def __fspath__(self) -> object:
        return self._path


@pytest.mark.parametrize("value", ["a.h5", b"a.h5", Path("a.h5"), Given("a.h5"), Given(b"a.h5")])
def test_what_is_a_path(value):
    assert checked_path("f", value) == "a.h5"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "f: expected the path of a file, e.g. 'weights.h5', received int"),
        (None, "received NoneType"),
        ("", "received ''"),
        (b"", "received b''"),
        (Given(b""), "received <"),
        ("a\0b", r"f: 'a\\x00b' cannot name a file: it has a NUL; give another name"),
        (b"\0", r"'\\x00' cannot name a file: it has a NUL"),
        ("a\ud800", r"'a\\ud800' cannot name a file: it has no bytes"),
    ],
)
def test_what_is_none(value, message):
    with pytest.raises(ArgumentError, match=message):
        checked_path("f", value)


def test_how_it_is_shown():
    assert shown_path("/ä/b.h5") == "/ä/b.h5"
    assert shown_path(Path(ODD)) == r"a \xff ä.h5"


def model() -> Sequential:
    made = Sequential([Dense(2, input_dim=2)])
    made.compile("sgd", "mse")
    return made


def trained_with(callback: object) -> None:
    rows = np.ones((2, 2))
    model().fit(rows, rows, nb_epoch=1, verbose=0, callbacks=[callback])


USERS = {
    "save": lambda path: model().save(path),
    "save_weights": lambda path: model().save_weights(path, overwrite=True),
    "load_weights": lambda path: model().load_weights(path),
    "load_model": load_model,
    "load_architecture": load_architecture,
    "checkpoint": lambda path: trained_with(ModelCheckpoint(path)),
    "log": lambda path: trained_with(CSVLogger(path)),
    "matrix": lambda path: HDF5Matrix(path, "data", 0, 1),
    "save_array": lambda path: save_array(np.ones(2), path),
    "load_array": load_array,
    "load_img": load_img,
    "list_pictures": list_pictures,
}


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("path", ["a\0.h5", "\0", "a\ud800.h5"])
def test_names_that_no_system_has(user, path):
    with pytest.raises(ArgumentError, match="cannot name a file"):
        USERS[user](path)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("name", [os.fsencode(ODD), ODD + "/b.h5"])
def test_messages_are_texts(user, name, tmp_path):
    """A call that fails says so in words that can be printed; one that works writes to that
    name."""
    path = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
    messages = []
    try:
        USERS[user](path)
    except GraphcError as error:
        messages.append(str(error).encode().decode())
    assert os.path.exists(path) or r"a \xff ä.h5" in messages[0]


@pytest.mark.flags(keras="1.0")
def test_a_model_under_a_name_that_is_no_text(tmp_path, capsys):
    path = tmp_path / ODD
    saved = model()
    saved.save(path)
    np.testing.assert_array_equal(load_model(path).get_weights()[0], saved.get_weights()[0])
    saved.save_weights(os.fsencode(path), overwrite=True)
    saved.load_weights(os.fsencode(path))
    trained_with(ModelCheckpoint(path, verbose=1))
    assert r"weights saved to " in capsys.readouterr().out.encode().decode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="Linux")
@pytest.mark.parametrize("path", ["/proc/a.csv", "/dev/full"])
def test_a_log_that_cannot_be_written(path):
    with pytest.raises(StorageError, match=f"CSVLogger: {path} cannot be written"):
        trained_with(CSVLogger(path))


def test_a_question_is_repeated_until_it_is_answered(monkeypatch, tmp_path):
    questions, answers = [], iter(["what", "Y", "n"])
    monkeypatch.setattr("builtins.input", lambda text: questions.append(text) or next(answers))
    assert ask_to_proceed_with_overwrite(tmp_path / "a")
    assert "is there already" in questions[0]
    assert not ask_to_proceed_with_overwrite(tmp_path / "a")
