"""Theano and TensorFlow where they are missing: imports pass, a use is told."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from graphc import backend as K
from graphc import graph
from graphc.errors import MissingModuleError, StandInError
from graphc.scripts.replacements import _RENAMED, replacement
from graphc.scripts.stand_ins import PACKAGES, StandInFinder


@pytest.fixture(autouse=True)
def _missing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """They are missing, whatever is installed."""
    monkeypatch.setattr(sys, "meta_path", [StandInFinder(), *sys.meta_path])
    real = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_one(name)}
    yield
    for name in filter(_is_one, list(sys.modules)):
        del sys.modules[name]
    sys.modules.update(real)


def _is_one(name: str) -> bool:
    return name.partition(".")[0] in PACKAGES


def run(program: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(program, "/home/user/program.py", "exec"), names)
    return names


@pytest.mark.parametrize(
    "program",
    [
        "import theano",
        "import theano.tensor as T",
        "from theano import config",
        "from theano import tensor as T, function, shared",
        "from theano.tensor.signal import downsample",
        "from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams",
        "from theano.tensor import *",
        "import theano\nT = theano.tensor",
        "import tensorflow as tf",
        "from tensorflow.python.ops import nn",
        "import tensorflow as tf\nif hasattr(tf, 'reduce_mean'): raise ValueError",
    ],
)
def test_imports_pass(program):
    run(program)


@pytest.mark.parametrize(
    ("program", "name", "remedy"),
    [
        ("import theano.tensor as T\nT.mean(3)", "theano.tensor.mean", "Call K.mean "),
        ("import theano.tensor as T\nT.nnet.relu", "theano.tensor.nnet.relu", "Call K.relu "),
        ("import theano\nf = theano.function([], 3)", "theano.function", "Call K.function("),
        ("from theano import config\nconfig.floatX", "theano.config.floatX", "Read K.floatx()"),
        (
            "import theano\ntheano.config.floatX = 'float32'",
            "theano.config.floatX",
            "K.set_floatx('float32')",
        ),
        ("from theano import shared\nshared(3)", "theano.shared", "Call K.variable "),
        ("from theano import Op\nclass Mine(Op): pass", "theano.Op", "Nothing here stands for it"),
        ("from theano import tensor\ntensor()", "theano.tensor", ""),
        ("import tensorflow as tf\ntf.reduce_mean(3)", "tensorflow.reduce_mean", "Call K.mean "),
        (
            "from tensorflow import reduce_sum\nreduce_sum(3)",
            "tensorflow.reduce_sum",
            "Call K.sum ",
        ),
        ("import tensorflow as tf\ntf.Session()", "tensorflow.Session", "Delete the session"),
        ("import tensorflow as tf\ntf.nn.softmax(3)", "tensorflow.nn.softmax", "Call K.softmax "),
        ("import tensorflow as tf\ntf.keras.layers", "tensorflow.keras", "Import from keras"),
        ("import theano.tensor as T\nT.log1p(3)", "theano.tensor.log1p", "Call graphc.graph.log1p"),
        ("from graphc import backend as K\nK.T.mean(3)", "theano.tensor.mean", "Call K.mean "),
        ("from graphc import backend as K\nK.theano.shared(3)", "theano.shared", "K.variable"),
        ("from graphc import backend as K\nK.tf.nn.softmax(3)", "tensorflow.nn.softmax", "K.soft"),
        ("from theano import Op\nOp.make", "theano.Op.make", "Nothing here stands for it"),
    ],
)
def test_a_use_names_the_line_and_the_remedy(program, name, remedy):
    with pytest.raises(StandInError) as raised:
        run(program)
    message = str(raised.value)
    assert message.startswith(f"/home/user/program.py:2: {name}: ")
    assert "is not installed" in message
    assert remedy in message


@pytest.mark.parametrize(
    "program",
    [
        "import tensorflow.keras",
        "from tensorflow.keras.layers import Dense",
        "from tensorflow import keras",
        "from tensorflow.python.keras.models import Sequential",
    ],
)
def test_keras_within_tensorflow_is_an_error_with_what_to_import(program):
    with pytest.raises(MissingModuleError, match="it is Keras 2 or 3.*graphc has.*Keras 1"):
        run(program)


@pytest.mark.parametrize("package", ["keras_core", "keras_tuner", "tf_keras"])
def test_a_package_around_later_releases(package):
    with pytest.raises(MissingModuleError, match=f"'{package}': it is a package of Keras 2 or 3"):
        run(f"import {package}")


def test_a_module_that_a_real_package_lacks_is_no_stand_in(tmp_path, monkeypatch):
    (tmp_path / "theano").mkdir()
    (tmp_path / "theano" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path[1:], StandInFinder()])
    with pytest.raises(ModuleNotFoundError, match="^No module named 'theano.tensor'$"):
        run("import theano.tensor")


@pytest.mark.parametrize("package", PACKAGES)
def test_what_the_table_names_is_there(package):
    for name in _RENAMED[package]:
        sentence = replacement(f"{package}.{name}")
        for function in re.findall(r"\bK\.(\w+)", sentence):
            assert hasattr(K, function), name
        for function in re.findall(r"\bgraphc\.graph\.(\w+)", sentence):
            assert hasattr(graph, function), name
