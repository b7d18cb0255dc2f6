"""The reference has every public name: those of Keras, and those that modules export."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from graphc import layers
from tests.docs.pages import DOCS, ROOT

PAGES = sorted((DOCS / "reference").glob("*.md"))
INVENTORY = json.loads((ROOT / "tests" / "keras1_api.json").read_text(encoding="utf-8"))
ENTRY = re.compile(r"^::: (\S+)\n((?:    .*\n|\n(?=    ))*)", re.MULTILINE)
# What users do not call: how Keras tests itself, and what it is made of inside.
INSIDE = ("keras.engine", "keras.legacy", "keras.layers.containers", "keras.utils.test_utils")


def entries() -> list[tuple[str, list[str]]]:
    """Each identifier that mkdocstrings is given, and the members that it is to show."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES) + "\n"
    found = []
    for name, options in ENTRY.findall(text):
        members = re.search(r"members:\n((?:        - .*\n?)+)", options)
        found.append((name, re.findall(r"- (\w+)", members[1]) if members else []))
    return found


@cache
def defined_in(module: ModuleType) -> set[str]:
    """The public functions and classes that a module's own file defines."""
    assert module.__file__
    body = ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body
    names = {one.name for one in body if isinstance(one, ast.FunctionDef | ast.ClassDef)}
    return {name for name in names if not name.startswith("_")}


def resolved(name: str) -> object:
    """Return the object that an identifier stands for."""
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:k]))
        except ModuleNotFoundError:
            continue
        for part in parts[k:]:
            found = getattr(found, part)
        return found
    raise AssertionError(name)


def documented() -> set[object]:
    """The functions and classes that the reference shows."""
    found = []
    for name, members in entries():
        subject = resolved(name)
        if isinstance(subject, ModuleType):
            names = members or list(getattr(subject, "__all__", ())) or defined_in(subject)
            found += [getattr(subject, one) for one in names]
        else:
            found.append(subject)
    return {inspect.unwrap(one) for one in found if callable(one)}


def test_every_entry_and_every_member_is_there() -> None:
    for name, members in entries():
        subject = resolved(name)
        assert [one for one in members if not hasattr(subject, one)] == [], name


@pytest.mark.parametrize("module", [m for m in INVENTORY["modules"] if not m.startswith(INSIDE)])
def test_what_keras_had_is_in_the_reference(module: str) -> None:
    facts = INVENTORY["modules"][module]
    ours = importlib.import_module("graphc" + module.removeprefix("keras"))
    names = [*facts.get("classes", ()), *facts.get("functions", ()), *facts.get("exports", ())]
    public = [name for name in names if not name.startswith("_") and hasattr(ours, name)]
    shown = documented()
    calls = {name: getattr(ours, name) for name in public if callable(getattr(ours, name))}
    assert [name for name, one in calls.items() if inspect.unwrap(one) not in shown] == []


def test_what_is_in_the_reference_is_described() -> None:
    """An object without a docstring would be left out without a word."""
    subjects = [one for one in documented() if isinstance(one, type | FunctionType)]
    assert [one for one in subjects if not (one.__doc__ or "").strip()] == []


def test_every_layer_is_in_the_reference() -> None:
    shown = documented()
    calls = {name: getattr(layers, name) for name in layers.__all__}
    missing = [n for n, one in calls.items() if callable(one) and inspect.unwrap(one) not in shown]
    assert missing == []
