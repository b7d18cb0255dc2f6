"""The diffs of the manual's contributing pages apply, and what they add passes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, blocks

PAGES = sorted((DOCS / "contributing").glob("*.md"))
NEEDED = ("graphc", "kernels", "templates", "tests", "docs", "pyproject.toml", "Makefile")


def diffs_and_commands(page: Path) -> tuple[list[str], list[str]]:
    """A page's diffs, and the commands behind them that run tests."""
    found = blocks(page.read_text(encoding="utf-8"))
    diffs = [block.text for block in found if block.language == "diff"]
    lines = "\n".join(block.text for block in found if block.language == "sh").splitlines()
    return diffs, [line for line in lines if line.startswith("python -m pytest")]


WITH_DIFFS = [page for page in PAGES if diffs_and_commands(page)[0]]


def copy_of_the_source(folder: Path) -> Path:
    copy = folder / "graphc"
    copy.mkdir()
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("*.so")
            shutil.copytree(source, copy / name, ignore=ignored)
        else:
            shutil.copy(source, copy)
    return copy


@pytest.mark.parametrize("page", WITH_DIFFS, ids=lambda page: page.stem)
def test_a_diff_applies_and_its_tests_pass(page: Path, tmp_path: Path) -> None:
    diffs, commands = diffs_and_commands(page)
    assert commands
    copy = copy_of_the_source(tmp_path)
    for diff in diffs:
        # Fewer lines around a change than usual, so that a change nearby does not spoil the page.
        applied = subprocess.run(
            ["git", "apply", "-"], input=diff, cwd=copy, capture_output=True, text=True
        )
        assert applied.returncode == 0, applied.stderr
    environment = os.environ | {"PYTHONPATH": str(copy), "HOME": str(tmp_path)}
    for command in commands:
        run = subprocess.run(
            ["bash", "-c", f'python() {{ "{sys.executable}" "$@"; }}\n{command}'],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        passed = re.search(r"(\d+) passed", run.stdout)
        assert passed, run.stdout


def test_there_is_one_for_each_thing_that_is_added_often() -> None:
    assert {"op", "layer", "kernel_kind", "rewrite", "mapping", "intrinsic"} <= {
        page.stem for page in WITH_DIFFS
    }
