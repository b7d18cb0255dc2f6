"""The package as others get it: the built wheel trains; files keep to the rules of the house."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE_FOLDERS = ("graphc", "kernels", "templates", "tests", "benchmarks", "examples")
CODE_SUFFIXES = {".py", ".cuh", ".h", ".cu", ".j2"}

TRAIN = """
import numpy as np
import graphc
from graphc.layers.core import Activation, Dense
from graphc.models import Sequential
from graphc.resources import folder

assert (folder("kernels") / "README.md").is_file()
assert (folder("templates") / "README.md").is_file()
np.random.seed(1)
model = Sequential()
model.add(Dense(4, input_dim=3, activation="relu"))
model.add(Dense(2))
model.add(Activation("softmax"))
model.compile(optimizer="sgd", loss="categorical_crossentropy")
x, y = np.random.rand(6, 3), np.eye(2)[[0, 1, 0, 1, 1, 0]]
before = model.get_weights()[0].copy()
loss = model.train_on_batch(x, y)
assert np.isfinite(loss)
assert not np.array_equal(before, model.get_weights()[0])
print(graphc.__version__, graphc.__file__)
"""


def code_files() -> Iterator[Path]:
    for folder in CODE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in CODE_SUFFIXES:
                yield path


def run(*command: object, cwd: Path) -> str:
    """Run to success and return what it printed; on failure show its errors."""
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, f"{command}:\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT, cwd=folder)
    (built,) = folder.glob("graphc-*.whl")
    return built


@pytest.mark.network
def test_the_wheel_carries_what_the_package_needs_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {
        "graphc/py.typed",
        "graphc/kernels/README.md",
        "graphc/templates/README.md",
        "graphc/datasets/digits.npz",
        "graphc/datasets/digits.LICENSE",
    } <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"graphc"}


@pytest.mark.network
def test_the_wheel_trains_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", wheel, cwd=tmp_path)
    version, location = run(python, "-c", TRAIN, cwd=tmp_path).split()
    assert location.startswith(str(environment))
    assert run(environment / "bin" / "graphc", "--version", cwd=tmp_path) == f"graphc {version}\n"


def test_no_file_is_too_long_and_lines_fit() -> None:
    problems = []
    for path in code_files():
        lines = path.read_text(encoding="utf-8").splitlines()
        shown = path.relative_to(ROOT)
        if len(lines) > 600:
            problems.append(f"{shown}: {len(lines)} lines, at most 600: cut it by concept")
        # A line of a template is a line of the text that it makes, one a node, and has tags on top.
        generates = path.suffix == ".j2" or path.parent.name == "golden"
        problems += [
            f"{shown}:{number}: {len(line)} columns, at most 100"
            for number, line in enumerate(lines, start=1)
            if len(line) > 100 and not generates
        ]
    assert problems == []


def test_one_file_alone_imports_pycuda() -> None:
    """All else works where the GPU stack is not installed."""
    importers = set()
    for path in (ROOT / "graphc").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            if any(module.split(".")[0] == "pycuda" for module in modules):
                importers.add(path.relative_to(ROOT / "graphc").as_posix())
    assert importers <= {"compiler/runtime/cuda.py"}


def test_every_folder_is_a_package() -> None:
    """A folder without `__init__.py` imports all the same, but import-linter does not see it."""
    folders = {path.parent for path in (ROOT / "graphc").rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").exists()} == set()


def test_pytorch_is_no_dependency() -> None:
    """Its plain wheel is 3 GB; only the recording of references uses it, in its own environment."""
    assert "torch" not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
