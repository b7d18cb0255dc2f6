"""``graphc view``: which models it takes, and what it refuses."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphc import cli
from graphc.layers.core import Dense
from graphc.models import Sequential
from graphc.reference_models import REFERENCE_MODELS
from tests.view.steps import SMALL

PROGRAM = """
from keras.layers import Dense
from keras.models import Sequential

def made(name, compiled=True):
    model = Sequential([Dense(2, input_dim=3, name="dense_of_" + name)], name=name)
    if compiled:
        model.compile("sgd", "mse")
    return model

"""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, model in SMALL.items():
        monkeypatch.setitem(REFERENCE_MODELS, name, model)


@pytest.fixture
def _own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back what running a program changes."""
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    kept = dict(sys.modules)
    yield
    for name in sys.modules.keys() - kept.keys():
        if name.split(".")[0] == "keras":
            del sys.modules[name]
    sys.modules["__main__"] = kept["__main__"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["view", *arguments]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["view", *arguments]) == 2
    assert not list(Path().glob("*.html"))
    return capsys.readouterr().err


def shown(path: str) -> dict[str, Any]:
    text = Path(path).read_text(encoding="utf-8")
    found = re.search(r'id="compiled-view">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_reference_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert "small.html" in run(capsys, "small")
    assert shown("small.html")["kernels"]["sizes"] == {"batch": 6}


def test_where_the_page_goes_and_of_what(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "small", "-o", "other.html", "--batch", "3", "--target", "cpu")
    found = shown("other.html")
    assert (found["kernels"]["sizes"], found["memory"]["target"]) == ({"batch": 3}, "cpu")


def test_an_architecture_and_a_saved_model(capsys: pytest.CaptureFixture[str]) -> None:
    model = Sequential([Dense(2, input_dim=3, name="dense_of_file")], name="kept")
    Path("plain.json").write_text(model.to_json(), encoding="utf-8")
    run(capsys, "plain.json", "--optimizer", "adam")
    assert shown("plain.html")["kernels"]["summary"] == "loss mse, optimizer adam"
    model.compile("sgd", "mae")
    model.save("saved.h5")
    run(capsys, "saved.h5")
    found = shown("saved.html")
    assert found["kernels"]["summary"] == "loss mae, optimizer sgd"
    assert "dense_of_file" in {layer["name"] for layer in found["layers"]}
    assert "leave --loss and --optimizer out" in capsys_error(capsys, "saved.h5", "--loss", "mse")


def capsys_error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["view", *arguments]) == 2
    return capsys.readouterr().err


@pytest.mark.usefixtures("_own_process")
def test_a_program_and_its_one_model(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(PROGRAM + "made('first', False)\nmade('second')\nraise SystemExit")
    run(capsys, "train.py")
    assert shown("train.html")["kernels"]["model"] == "second"


@pytest.mark.usefixtures("_own_process")
def test_a_program_with_several_models(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(PROGRAM + "models = [made('first'), made('second')]\n")
    error = refused(capsys, "train.py")
    assert "compiled 2 models, first, second" in error
    assert "--model" in error
    assert "'third'" in refused(capsys, "train.py", "--model", "third")
    run(capsys, "train.py", "--model", "first")
    assert shown("train.html")["kernels"]["model"] == "first"


@pytest.mark.usefixtures("_own_process")
def test_a_program_without_a_compiled_model(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(PROGRAM + "made('first', False)\n")
    assert "compiled no model" in refused(capsys, "train.py")
    Path("fails.py").write_text(PROGRAM + "made('first')\nraise SystemExit(3)\n")
    with pytest.raises(SystemExit):
        cli.main(["view", "fails.py"])
    assert not list(Path().glob("*.html"))


def test_what_is_no_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no reference model is named 'smal'" in refused(capsys, "smal")
    assert "missing.py" in refused(capsys, "missing.py")
    assert "--model chooses" in refused(capsys, "small", "--model", "other")
    assert "its models itself" in refused(capsys, "train.py", "--loss", "mse")


def test_pages_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no folder" in refused(capsys, "small", "-o", "missing/page.html")


def test_measuring_what_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    Path("plain.json").write_text(Sequential([Dense(2, input_dim=3)]).to_json(), encoding="utf-8")
    assert "leave --measure out" in refused(capsys, "plain.json", "--measure")
    assert "add --measure" in refused(capsys, "small", "--trace", "trace.json")


@pytest.mark.flags(cpu="numpy")
def test_measuring_without_native_code(capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, "small", "--measure", "--target", "cpu")
    assert "expected native code" in error
