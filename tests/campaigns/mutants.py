"""Changes to the package's code, each of which the tests of its own folder have to notice."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.campaigns.campaign import Campaign, Cases, Result
from tests.campaigns.mutations_of_code import Change, changes

ROOT = Path(__file__).parents[2]
COPIED = ("graphc", "kernels", "templates", "tests", "docs", "examples", "benchmarks",
          "pyproject.toml", "README.md", "CHANGELOG.md", "mkdocs.yml", "Makefile")  # fmt: skip

ELSEWHERE = {"compiler/codegen/native": ["native"], "legacy": ["engine", "files"]}
"""Where the tests of a folder are, if not in the one of its name."""


def tests_of(path: Path) -> list[str]:
    """The tests of a file of the package: those of its own name first, then its folder's."""
    inside = path.relative_to("graphc")
    own = Path("tests", *inside.parts[:-1], f"test_{inside.stem}.py")
    found = [own] if (ROOT / own).is_file() else []
    for folder in inside.parents:
        if str(folder) in ELSEWHERE:
            return [*map(str, found), *(f"tests/{one}" for one in ELSEWHERE[str(folder)])]
        if folder == Path("."):
            break
        if (ROOT / "tests" / folder).is_dir():
            return [*map(str, found), str(Path("tests", folder))]
        of_package = Path("tests", folder.parent, f"test_{folder.name}.py")
        if (ROOT / of_package).is_file():
            found.append(of_package)
    return list(map(str, found))


@cache
def sites(under: str) -> list[tuple[Path, Change]]:
    """All changes to the files below some folders or files, where they have tests."""
    found = []
    for name in under.split(","):
        below = ROOT / name
        for path in sorted(below.rglob("*.py")) if below.is_dir() else [below]:
            inside = path.relative_to(ROOT)
            if tests_of(inside):
                found += [(inside, one) for one in changes(path.read_bytes())]
    return found


def diff(path: Path, before: bytes, after: bytes) -> str:
    """What the change is, as a patch."""
    lines = [text.decode().splitlines(keepends=True) for text in (before, after)]
    return "".join(difflib.unified_diff(*lines, f"a/{path}", f"b/{path}", n=2))


def outcome(folder: Path, tests: list[str], seconds: float) -> tuple[str, str]:
    """What becomes of a change that is in a copy of the project.

    Returns 'killed' with the test that failed, if it was one, 'hung' or 'survived'.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return "hung", ""
    finally:
        with suppress(ProcessLookupError):  # and what the tests began
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if process.returncode == 0:
        return "survived", ""
    failed = re.search(r"^(?:FAILED|ERROR) ([^\s\[]+)", text, re.MULTILINE)
    return "killed", failed[1] if failed else ""


def _write(path: Path, content: bytes) -> None:
    """Write a module. Its bytecode would be taken for that of one of the same size and second."""
    path.write_bytes(content)
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()


@cache
def copy_of_the_project() -> Path:
    """A copy of what the tests need, for this process: the working tree stays as it is."""
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def run(cases: Cases) -> Iterator[Result]:
    """Yield what became of each change; one that no test notices is a failure."""
    found, folder = sites(cases.options.under), copy_of_the_project()
    for index in cases:
        path, change = found[int(cases.random(index).integers(len(found)))]
        before = (folder / path).read_bytes()
        after = change.of(before)
        _write(folder / path, after)
        tests, limit, fault = tests_of(path), cases.options.limit, ""
        ended, failed = outcome(folder, tests, limit)
        _write(folder / path, before)
        if ended == "survived":
            fault = f"no test of {' '.join(tests)} notices"
        elif ended == "killed":
            failed = failed or tests[0]  # of a package that cannot be imported no test has run
            if outcome(folder, [failed], limit)[0] != "survived":
                fault, ended = f"{failed} fails without the change, too", "no test"
        yield Result(index, fault and f"{fault}\n{diff(path, before, after)}", {ended: 1})


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--under", default="graphc", help="files and folders, by commas")
    parser.add_argument("--limit", type=float, default=900, help="seconds that tests may take")


CAMPAIGN = Campaign("mutants", __doc__, run, _add_options, group=5, limit=7200)
