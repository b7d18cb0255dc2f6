"""The manual shows what runs: each page's blocks, in order, in a folder of their own.

``GRAPHC_UPDATE_DOCS=1 pytest tests/docs/test_code_blocks.py`` writes outputs that have changed
into the pages; look at the difference before it is committed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graphc.cli import COMMANDS
from graphc.config import ENVIRONMENT_VARIABLE
from tests.docs.pages import ROOT, blocks, difference, name_of, pages, updated

PAGES = {name_of(page): page for page in pages()}
WITH_CODE = [
    name
    for name, page in PAGES.items()
    if any(block.is_run for block in blocks(page.read_text(encoding="utf-8")))
]
# Pages whose code is compiled for the CPU.
NEED_A_COMPILER = ("guides/cpu.md",)
COMPILERS = ("g++", "clang++", "c++")


def run(page: Path, folder: Path) -> list[dict[str, str]]:
    """Return the output of each block that is run, with the default flags and an empty home."""
    environment = {k: v for k, v in os.environ.items() if k != ENVIRONMENT_VARIABLE}
    environment |= {
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHONPATH": str(ROOT),
        # The same numbers with and without a compiler.
        ENVIRONMENT_VARIABLE: "cpu=numpy",
    }
    (folder / "work").mkdir()
    process = subprocess.run(
        [sys.executable, str(ROOT / "tests/docs/run_page.py"), str(page)],
        cwd=folder / "work",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize("name", WITH_CODE)
def test_blocks_print_what_is_shown(name: str, tmp_path: Path) -> None:
    if name in NEED_A_COMPILER and not any(map(shutil.which, COMPILERS)):
        pytest.skip(f"no C++ compiler on PATH: {', '.join(COMPILERS)}")
    page = PAGES[name]
    text = page.read_text(encoding="utf-8")
    wrong: list[str] = []
    changed: dict[int, str] = {}
    ran = [block for block in blocks(text) if block.is_run]
    results = run(page, tmp_path)
    for block, result in zip(ran, results, strict=False):
        if block.output is None:
            if result["trace"] or result["printed"]:
                wrong.append(f"line {block.line}: {result['trace'] or result['printed']}")
            continue
        found = difference(block.output, result["printed"])
        if found:
            wrong.append(f"line {block.output.line}: {found}")
            changed[block.output.start] = result["printed"]
    if changed and os.environ.get("GRAPHC_UPDATE_DOCS"):
        page.write_text(updated(text, changed), encoding="utf-8")
    assert not wrong, (
        f"{name} shows other outputs than its code prints; if a change was meant, run the test "
        "with GRAPHC_UPDATE_DOCS=1 and look at the difference:\n" + "\n".join(wrong)
    )
    assert len(results) == len(ran)


@pytest.mark.parametrize("name", PAGES)
def test_each_block_says_what_it_is(name: str) -> None:
    """So that no code escapes for want of a language; what is not run says why."""
    for block in blocks(PAGES[name].read_text(encoding="utf-8")):
        assert block.language in ("python", "sh", "text", "diff", "ini", "yaml"), block.line
        if block.mark.startswith("not run"):
            assert re.match(r"not run, \w+", block.mark), block.line


def test_commands_are_there() -> None:
    """Of those that are shown and not run, too."""
    targets = set(re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = {command.name for command in COMMANDS}
    for name, page in PAGES.items():
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.language == "sh":
                made = set(re.findall(r"\bmake ([\w.-]*\w)", block.text))
                called = set(re.findall(r"^(?:\w+=\S+ )?graphc (\w+)", block.text, re.MULTILINE))
                assert made <= targets, name
                assert called <= known, name


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("loss 0.50\n", "loss 0.51\n"),
        ("<!-- about -->loss 0.50\n", "acc 0.50\n"),
        ("3 kernels\n", "4 kernels\n"),
    ],
)
def test_another_output_is_found(shown: str, printed: str) -> None:
    page = f"```python\nf()\n```\n\n```text\n{shown}```\n"
    (block,) = blocks(page)
    assert block.output is not None
    assert difference(block.output, printed)


def test_decimals_may_be_off_by_what_the_page_says() -> None:
    page = "```python\nf()\n```\n<!-- test: about 0.02 -->\n```text\nloss 0.50, 0.1 s\n```\n"
    (block,) = blocks(page)
    assert block.output is not None
    assert difference(block.output, "loss 0.51, 0.2 s\n") is None
    assert difference(block.output, "loss 0.53, 0.1 s\n")
    assert updated(page, {block.output.start: "loss 0.9\n"}).endswith("```text\nloss 0.9\n```\n")
