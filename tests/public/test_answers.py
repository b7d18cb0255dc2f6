"""Names that Keras 1 has not are told: an ImportError or an AttributeError with what to use."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

import graphc.layers
from graphc.errors import MissingAttributeError, MissingModuleError, MissingNameError
from graphc.public.answers import LaterModules

HERE = Path(__file__).parents[1]


def run(program: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(program, names)
    return names


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "from graphc.layers import Dense, Concatenate",
            "graphc.layers has no 'Concatenate': it is a name of Keras 2 or 3; here use "
            "graphc.layers.merge([a, b], mode='concat')",
        ),
        (
            "from graphc.layers import LayerNormalization",
            "graphc.layers has no 'LayerNormalization': it is a name of Keras 2 or 3, and there is "
            "nothing like it here",
        ),
        (
            "from graphc.utils import to_categorical",
            "graphc.utils has no 'to_categorical': it is in graphc.utils.np_utils",
        ),
        (
            "from graphc.utils import plot_model",
            "graphc.utils has no 'plot_model': it is a name of Keras 2 or 3; here use "
            "graphc.utils.visualize_util.plot",
        ),
        (
            "from graphc.optimizers import Lion",
            "graphc.optimizers has no 'Lion': it is a name of Keras 2 or 3, and there is nothing "
            "like it here",
        ),
        ("from graphc import Sequential", "graphc has no 'Sequential': it is in graphc.models"),
        (
            "from graphc import losses",
            "graphc has no 'losses': it is a name of Keras 2 or 3; here use graphc.objectives",
        ),
        (
            "from graphc.layers.core import Dens",
            "graphc.layers.core has no 'Dens': did you mean 'Dense'?",
        ),
        (
            "from graphc.applications import MobileNetV2",
            "graphc.applications has no 'MobileNetV2': it is a name of Keras 2 or 3, and there is "
            "nothing like it here",
        ),
        ("from graphc.layers import zzz", "graphc.layers has no 'zzz'"),
        ("from graphc.datasets import zzz", "graphc.datasets has no 'zzz'"),
    ],
)
def test_a_name_that_is_imported(program, message):
    with pytest.raises(MissingNameError) as raised:
        run(program)
    assert str(raised.value) == message
    assert isinstance(raised.value, ImportError)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "import graphc.layers\ngraphc.layers.Concatenate(axis=1)",
            "here use graphc.layers.merge(",
        ),
        ("import graphc\ngraphc.layers.Concatenate(axis=1)", "here use graphc.layers.merge("),
        ("from graphc import backend as K\nK.image_data_format()", "here use graphc.backend.image"),
        ("from graphc import optimizers\noptimizers.Adm()", "did you mean 'Adam' or 'adam'?"),
        ("import graphc\ngraphc.Sequential()", "it is in graphc.models"),
        ("import graphc\ngraphc.version()", "Keras 2 or 3; here use graphc.__version__"),
        (
            "from graphc import metrics\nmetrics.Mean('m')",
            "here use a function of y_true and y_pred: logs have its mean over an epoch",
        ),
        (
            "from graphc import backend as K\nK.set_image_data_format('channels_last')",
            "here use graphc.backend.set_image_dim_ordering('th') or ('tf')",
        ),
    ],
)
def test_an_attribute(program, message):
    with pytest.raises(MissingAttributeError, match="has no '") as raised:
        run(program)
    assert message in str(raised.value)
    assert raised.value.name in program


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import graphc.losses", "no module 'graphc.losses': .* here use graphc.objectives"),
        ("from graphc.losses import mse", "no module 'graphc.losses': .* use graphc.objectives"),
        (
            "from graphc.layers.merge import add",
            "layers.merge': .* use graphc.layers.merge",
        ),
        ("import graphc.applications.mobilenet.x", "'graphc.applications|nothing like it here"),
    ],
)
def test_a_module(program, message):
    with pytest.raises(ModuleNotFoundError, match=message):
        run(program)


def test_a_module_of_no_keras_is_pythons_own_error():
    with pytest.raises(ModuleNotFoundError) as raised:
        run("import graphc.no_such_module")
    assert not isinstance(raised.value, MissingModuleError)


def test_what_is_there_is_found():
    assert not hasattr(graphc.layers, "Concatenate")
    assert getattr(graphc.layers, "Concatenate", None) is None
    assert run("import graphc\nfound = graphc.layers.Dense")["found"] is graphc.layers.Dense
    assert run("from graphc.layers import core")["core"] is graphc.layers.core
    assert run("from graphc.layers import *")["Dense"] is graphc.layers.Dense
    with pytest.raises(AttributeError, match="^module 'graphc.utils' has no attribute '__all__'$"):
        run("import graphc.utils\ngraphc.utils.__all__")


def test_a_module_inside_of_another_is_imported_when_it_is_read(monkeypatch):
    for name in ("preprocessing.image", "layers.containers", "backend.common"):
        package, _, own = f"graphc.{name}".rpartition(".")
        module = importlib.import_module(f"graphc.{name}")
        monkeypatch.delattr(sys.modules[package], own)
        assert run(f"import graphc\nfound = graphc.{name}")["found"] is module


def test_messages_spell_a_module_as_the_program_does(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras.layers", graphc.layers)
    with pytest.raises(
        MissingNameError, match="^keras.layers has no 'Add': .* use keras.layers.merge"
    ):
        run("from graphc.layers import Add")


def test_every_module_of_keras_1_answers():
    """Ours, that is; their classes and functions may live elsewhere."""
    names = set()
    for file in ("keras1_api.json", "keras122_api.json"):
        inventory = json.loads((HERE / file).read_text(encoding="utf-8"))
        names |= {*inventory["modules"], *inventory["legacy_0_3_3"]}
    silent = []
    for name in sorted(names):
        try:
            module = importlib.import_module("graphc" + name.removeprefix("keras"))
        except ModuleNotFoundError:
            continue  # the inventory's own test tells
        if not hasattr(module, "__getattr__"):
            silent.append(module.__name__)
    assert silent == []


def test_one_finder_reports_missing_modules():
    assert sum(isinstance(finder, LaterModules) for finder in sys.meta_path) == 1
