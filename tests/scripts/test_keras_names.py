"""``import keras``: the modules are graphc's own, once, whatever name they are imported by."""

from __future__ import annotations

import importlib
import logging
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import graphc.engine.topology
import graphc.layers.core
import graphc.models
from graphc.config import config
from graphc.errors import AlreadyImportedError, MissingModuleError
from graphc.scripts import keras_names


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`keras` means graphc in the test, and nothing after it."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = dict(sys.modules)
    keras_names.install()
    yield
    for name in set(sys.modules) - set(before):
        if name.partition(".")[0] in ("keras", "theano", "tensorflow"):
            del sys.modules[name]


@pytest.mark.usefixtures("installed")
class TestModules:
    @pytest.mark.parametrize(
        "name", ["layers", "layers.core", "models", "backend", "engine.topology", "utils.np_utils"]
    )
    def test_are_graphcs(self, name):
        spec = importlib.import_module(f"graphc.{name}").__spec__
        module = importlib.import_module(f"keras.{name}")
        assert module is sys.modules[f"graphc.{name}"] is sys.modules[f"keras.{name}"]
        assert module.__spec__ is spec
        assert module.__name__ == f"graphc.{name}"

    def test_every_form_of_import(self):
        names: dict[str, object] = {}
        exec(
            "import keras\n"
            "import keras.layers.core as core\n"
            "from keras import backend as K\n"
            "from keras.models import Sequential\n"
            "from keras.layers import *\n"
            "from keras.datasets import mnist\n"
            "from keras.backend import tensorflow_backend\n"
            "import keras.backend.theano_backend as theano_backend\n",
            names,
        )
        assert names["core"] is graphc.layers.core
        assert names["Sequential"] is graphc.models.Sequential
        assert names["Dense"] is graphc.layers.core.Dense
        assert names["K"] is importlib.import_module("graphc.backend")
        assert names["theano_backend"] is names["tensorflow_backend"] is names["K"]
        assert names["mnist"] is importlib.import_module("graphc.datasets.mnist")

    def test_modules_are_attributes_of_keras_without_an_import_of_theirs(self):
        keras = importlib.import_module("keras")
        assert keras.optimizers is importlib.import_module("graphc.optimizers")
        assert not hasattr(keras, "no_such_module")

    @pytest.mark.parametrize(("release", "version"), [("1.0", "1.0.1"), ("1.2", "1.2.2")])
    def test_the_version_is_that_of_the_meanings(self, release, version):
        keras = importlib.import_module("keras")
        with config.changed(keras=release):
            assert keras.__version__ == version

    def test_a_module_that_is_not_there(self):
        with pytest.raises(MissingModuleError, match="'keras.no_such'") as raised:
            importlib.import_module("keras.no_such.module")
        assert raised.value.name == "keras.no_such"

    def test_pickles_name_graphc(self):
        names: dict[str, object] = {}
        exec("from keras.regularizers import l2", names)
        assert b"keras.regularizers" not in pickle.dumps(names["l2"])

    def test_a_second_call_changes_nothing(self):
        finders = list(sys.meta_path)
        keras_names.install()
        assert sys.meta_path == finders


def test_refused_once_another_keras_is_imported(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    other = ModuleType("keras")
    other.__file__ = "/site-packages/keras/__init__.py"
    monkeypatch.setitem(sys.modules, "keras", other)
    finders = list(sys.meta_path)
    with pytest.raises(AlreadyImportedError, match="from /site-packages/keras/__init__.py: put"):
        keras_names.install()
    assert sys.meta_path == finders


@pytest.mark.parametrize("file", ["keras.py", "keras/__init__.py", "keras/x.py"])
def test_a_keras_beside_the_program_is_logged(file, monkeypatch, tmp_path, caplog):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    with caplog.at_level(logging.WARNING, "graphc"):
        keras_names.install()
    (record,) = caplog.records
    shown = path.parent if path.name == "x.py" else path
    assert f"and {shown} is not imported" in record.getMessage()


def test_an_installed_keras_is_not_logged(monkeypatch, tmp_path, caplog):
    package: Path = tmp_path / "site-packages" / "keras"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    keras_names.install()
    assert not caplog.records
