"""Files keep to the rules of the house."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE_FOLDERS = ("graphc", "kernels", "templates", "tests", "benchmarks", "examples")
CODE_SUFFIXES = {".py", ".cuh", ".h", ".cu", ".j2"}


def code_files() -> Iterator[Path]:
    for folder in CODE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in CODE_SUFFIXES:
                yield path


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
    importers, imported = set(), set()
    for path in (ROOT / "graphc").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            of_pycuda = {module for module in modules if module.split(".")[0] == "pycuda"}
            imported |= of_pycuda
            if of_pycuda:
                importers.add(path.relative_to(ROOT / "graphc").as_posix())
    assert importers <= {"compiler/runtime/gpu/cuda.py"}
    assert imported == {"pycuda", "pycuda.driver"}  # curandom needs a build with cuRAND


def test_every_folder_is_a_package() -> None:
    """A folder without `__init__.py` imports all the same, but import-linter does not see it."""
    folders = {path.parent for path in (ROOT / "graphc").rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").exists()} == set()


def test_each_ignored_type_error_has_its_kind_and_a_reason() -> None:
    """``# type: ignore[override]  # read only``."""
    whole = re.compile(r"# type: ignore\[[a-z-]+\]  # \S")
    bare = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (ROOT / "graphc").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "# type: ignore" in line and not whole.search(line)
    ]
    assert bare == []


def test_pytorch_is_no_dependency() -> None:
    """Its plain wheel is 3 GB; only the recording of references uses it, in its own environment."""
    assert "torch" not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_no_folder_of_tests_is_passed_over(pytestconfig: pytest.Config) -> None:
    names = pytestconfig.getini("norecursedirs")
    assert [
        str(path)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for part in path.relative_to(ROOT).parts
        if any(fnmatch(part, name) for name in names)
    ] == []
