"""README.md is true: its programs print what it shows, its flag table is that of graphc."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from graphc.config import ENVIRONMENT_VARIABLE, FLAGS

README = Path(__file__).resolve().parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
NUMBER = re.compile(r"\d+\.\d+")


class Snippet(NamedTuple):
    """A program, and what it prints: the ```text block that follows it."""

    code: str
    output: str


def snippets() -> list[Snippet]:
    pattern = r"^```python\n(.*?)^```\n(?:\s*^```text\n(.*?)^```\n)?"
    return [Snippet(*block) for block in re.findall(pattern, TEXT, re.MULTILINE | re.DOTALL)]


def printed_by(code: str, home: Path) -> str:
    """Return the output of a process of its own, with the default flags."""
    environment = {k: v for k, v in os.environ.items() if k != ENVIRONMENT_VARIABLE}
    environment |= {"HOME": str(home), "PYTHONPATH": str(README.parent)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=home, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def without_times(text: str) -> str:
    """Nor what a first run prints of its compiler."""
    text = re.sub(r"\d+\.\d+ ?s\b", "TIME", text)
    return re.sub(r"^Compiling .* TIME\n", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("snippet", snippets(), ids=lambda snippet: snippet.code.split("\n")[0])
def test_program_prints_what_is_shown(snippet: Snippet, tmp_path: Path) -> None:
    shown = without_times(snippet.output)
    printed = without_times(printed_by(snippet.code, tmp_path))
    assert NUMBER.sub("NUMBER", printed) == NUMBER.sub("NUMBER", shown)
    # Another BLAS sums in another order, which training amplifies.
    received = [float(number) for number in NUMBER.findall(printed)]
    assert received == pytest.approx([float(number) for number in NUMBER.findall(shown)], abs=0.02)


def test_there_are_programs_with_output() -> None:
    assert len(snippets()) >= 2
    assert all(snippet.output for snippet in snippets())


def test_first_screen_has_the_two_commands() -> None:
    first_screen = "\n".join(TEXT.splitlines()[:40])
    assert "make demo" in first_screen
    assert "make test" in first_screen
    assert "pip install ." in first_screen


def test_first_program_is_short() -> None:
    statements = [line for line in snippets()[0].code.splitlines() if line.strip()]
    assert len(statements) <= 12


def test_flags_and_their_defaults_are_current() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", TEXT, re.MULTILINE)
    assert rows
    assert set(rows) <= {(flag.name, flag.default) for flag in FLAGS}


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)#]+)\)", TEXT))
def test_links_lead_to_files(path: str) -> None:
    assert (README.parent / path).exists()
