"""Runs an example as its user would, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
DATA_VARIABLE = "GRAPHC_EXAMPLE_DATA"


def module(monkeypatch: pytest.MonkeyPatch, name: str) -> ModuleType:
    """An example as a module; what lies beside it is found as it is where the script is run."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@dataclass(frozen=True)
class Run:
    """The lines that an example printed, its results and its picture."""

    lines: list[str]
    results: dict[str, object]
    picture: bytes


def data(name: str) -> Path:
    """A file or folder of the examples' data, which are not part of the project: in the folder
    that GRAPHC_EXAMPLE_DATA names, else in shared/data beside the checkout."""
    folder = Path(os.environ.get(DATA_VARIABLE) or ROOT.parent / "shared" / "data")
    if not (folder / name).exists():
        pytest.skip(f"there is no {folder / name}; {DATA_VARIABLE} may name a folder that has it")
    return folder / name


def process(script: str, folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    """The script in its quick setting, results in `folder`, whatever came of it."""
    command = [EXAMPLES / script, "--quick", "--out", folder, *options]
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def run(script: str, folder: Path, *options: object, name: str = "") -> Run:
    """The same where it has to succeed and leave results and a picture, under the script's name
    or another one."""
    done = process(script, folder, *options)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    name = name or script.removesuffix(".py")
    results = json.loads(lines[-1])
    assert lines[0].startswith("data: ")
    assert results["example"] == name
    assert json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) == results
    return Run(lines, results, (folder / f"{name}.png").read_bytes())
