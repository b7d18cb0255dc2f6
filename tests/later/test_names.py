"""The tables of later names: none of them is here, and what they say to use is."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
from pathlib import Path

import pytest

import graphc
from graphc.later.names import ELSEWHERE, MODULES, NOTHING, USE, advice_for
from graphc.public.answers import public_names

INVENTORY = json.loads(
    (Path(__file__).parents[1] / "keras122_api.json").read_text(encoding="utf-8")
)
PARTS = {**INVENTORY["modules"], **INVENTORY["legacy_0_3_3"]}


def module(name: str) -> object | None:
    """Our module of Keras' name, None where there is none."""
    ours = "graphc" + name.removeprefix("keras")
    try:
        return importlib.import_module(ours)
    except ModuleNotFoundError:
        return None


OF_KERAS_1 = {
    name
    for facts in PARTS.values()
    for name in (*facts["classes"], *facts["functions"], *facts.get("exports", []))
}


def test_no_name_is_one_of_keras_1_or_ours():
    later = set(USE) | NOTHING
    assert later & OF_KERAS_1 == set()
    for name in PARTS:
        ours = module(name)
        assert ours is None or later & set(public_names(ours)) == set(), name
    assert set(USE) & NOTHING == set()


def test_no_module_is_one_of_keras_1_or_ours():
    of_keras_1 = {name.removeprefix("keras.") for name in PARTS}
    assert not set(MODULES) & of_keras_1
    for name in MODULES:
        path = Path(graphc.__file__).parent.joinpath(*name.split("."))
        assert not path.is_dir(), name
        assert not path.with_suffix(".py").is_file(), name


def test_what_is_elsewhere_is_there():
    for name, home in ELSEWHERE.items():
        assert hasattr(importlib.import_module(f"graphc.{home}"), name)


def is_there(dotted: str) -> bool:
    found: object = graphc
    for name in dotted.split(".")[1:]:
        found = getattr(found, name, None)
    return found is not None or module("keras" + dotted.removeprefix("graphc")) is not None


@pytest.mark.parametrize("use", sorted({*USE.values(), *MODULES.values()} - {""}))
def test_what_to_use_is_there(use):
    """Or is a name of Keras 1.2 that is still owed, which the test of the inventory tells."""
    for dotted in re.findall(r"\bgraphc(?:\.\w+)+", use):
        assert is_there(dotted) or dotted.rpartition(".")[2] in OF_KERAS_1, dotted


def test_every_public_name_of_keras_2_and_3_is_answered():
    """By a module that has it, or with what to use."""
    later = json.loads((Path(__file__).parent / "later_names.json").read_text(encoding="utf-8"))
    silent = []
    for home, names in later["modules"].items():
        for name in names.split():
            try:
                exec(f"from graphc{home.removeprefix('keras')} import {name}", {})
            except ImportError as error:
                if not re.search("Keras 2 or 3|it is in graphc", str(error)):
                    silent.append(f"{home}.{name}: {error}")
    assert silent == []


def test_whatever_the_case():
    assert advice_for("AdamW") == advice_for("adamw") == advice_for("adam_w")
    assert advice_for("adam") is None


def test_names_are_sorted_out_once():
    """No key stands twice: the later one would win in silence."""
    source = Path(importlib.util.find_spec("graphc.later.names").origin).read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            assert len(keys) == len(set(keys))
