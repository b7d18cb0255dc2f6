"""Changes to the package's code, each of which the tests of its own folder have to notice."""

from __future__ import annotations

import argparse
import ctypes
import difflib
import io
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pytest

from tests.campaigns.campaign import Campaign, Cases, Result
from tests.campaigns.mutations_of_code import TUNING, Change, changes

ROOT = Path(__file__).parents[2]
PACKAGE = ("graphc", "kernels", "templates")
"""Folders of which the copy has what was committed."""
COPIED = ("tests", "docs", "examples", "benchmarks", "pyproject.toml", "mkdocs.yml", "Makefile",
          "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")  # fmt: skip
"""Folders and files of which it has what is in the working tree."""

OWN = {
    "as_keras.py": ("scripts",),
    "compiler/lowering/cpu": ("compiler/lowering/cpu", "native"),
    "compiler/interpret": ("compiler/interpret", "compiler/graph"),  # which has the table of ops
    "compiler/runtime/cache": ("compiler/runtime",),
    "compiler/runtime/cpu": ("compiler/runtime", "native"),
    "compiler/runtime/fallback.py": ("compiler/runtime", "native"),
    "compiler/runtime/gpu/bound_program.py": ("compiler/runtime", "native"),
    "compiler/runtime/observed.py": ("compiler/runtime", "native"),
    "compiler/program": ("compiler/program", "compiler/lowering", "native"),
    "engine/configs": ("engine", "files"),
    "engine/models/sequential.py": ("engine", "test_models.py"),
    "engine/training/compile_config.py": ("engine", "files"),
    "engine/training/checkpoint.py": ("engine", "files"),
    "engine/training/run_state.py": ("engine", "files"),
    "engine/training/synchronising.py": ("engine", "parallel"),
    "files/weights.py": ("files", "engine/test_load_by_name.py"),
    "legacy": ("layers",),
    "marshalled.py": ("utils",),
    "models.py": ("files",),
    "utils/io_utils.py": ("utils", "rows"),
    "whole_files.py": ("files",),
}
"""The tests of a file or folder, where they are not those of its own name alone."""

EMULATED = (
    "cli/bench/gpu.py",
    "compiler/lowering",
    "compiler/runtime/gpu/between_gpus.py",
    "compiler/runtime/gpu/cuda.py",
    "compiler/runtime/gpu/executor.py",
    "compiler/runtime/gpu/device_array.py",
    "compiler/runtime/gpu/observed.py",
    "compiler/runtime/gpu/pool.py",
    "compiler/runtime/gpu/timing.py",
    "compiler/runtime/gpu/workspace.py",
    "parallel/gpus.py",
    "parallel/nccl.py",
)
"""Files and folders that only a GPU runs, or whose text it does: the emulated driver, where `make
test-cuda` has made it, is tried behind their own tests."""
EMULATOR_TESTS = "tests/cuda_emulator"
EMULATOR_PYTHON = ROOT / ".venv-cuda" / "bin" / "python"
EMULATOR_DRIVER = ROOT / ".venv-cuda" / "driver-plain" / "libcuda.so.1"

CPU_SECONDS = 60
"""Processor time that each run of tests has, and 5 seconds more for each of them: a loop that a
change made endless ends there, however busy the machine is."""
MOST_MEMORY = 6 << 30
"""Bytes that the tests' process may have in memory, for a list that a change lets grow forever."""


@dataclass(frozen=True)
class Fate:
    """The outcome of a change.

    Attributes:
        path: of the file.
        diff: the change, as a patch.
        ended: 'killed', 'hung' or 'survived'; 'not run' where no test of its own notices and the
            emulated driver, which runs it, is not there.
        failed: the test that failed, or its file where that could not be imported.
        seconds: of the processor, that it took to know.
    """

    path: Path
    diff: str
    ended: str
    failed: str
    seconds: float


def tests_of(path: Path) -> list[str]:
    """The tests of a file of the package: those of its own name first, then its folder's. The
    folder of what has none below tests is tests itself, without the folders in it."""
    inside = path.relative_to("graphc")
    own = Path("tests", *inside.parts[:-1], f"test_{inside.stem}.py")
    found = [str(own)] if (ROOT / own).is_file() else []
    for one in (inside, *inside.parents[:-1]):
        if str(one) in OWN:
            return [*found, *(f"tests/{name}" for name in OWN[str(one)])]
        if (ROOT / "tests" / one).is_dir():
            return [*found, f"tests/{one}"]
        of_package = Path("tests", one.parent, f"test_{one.name}.py")
        if (ROOT / of_package).is_file() and str(of_package) not in found:
            found.append(str(of_package))
    top = sorted(str(one.relative_to(ROOT)) for one in (ROOT / "tests").glob("test_*.py"))
    return [*found, *(one for one in top if one not in found)] if found else []


def is_emulated(path: Path) -> bool:
    """True for a file of the package that only a GPU, or the emulated driver, runs."""
    inside = path.relative_to("graphc")
    of_own = any(str(one) in OWN for one in inside.parents)  # native code, beside text for a GPU
    return not of_own and any(str(one) in EMULATED for one in (inside, *inside.parents))


def stages(path: Path, tests: list[str]) -> list[list[str]]:
    """Put the tests of a file into an order in which a change to it is noticed early.

    Returns its own files of tests, with those of the folder's kernels' texts, which most changes to
    what prints them show in; those that name the module, by how often; and all others.
    """
    first, name = (
        (f"test_{path.stem}.py", "test_golden.py"),
        re.compile(rf"\b{path.stem}\b", re.IGNORECASE),
    )
    named: dict[str, int] = {}
    for one in tests:
        at = ROOT / one
        for file in sorted(at.rglob("test_*.py")) if at.is_dir() else [at]:
            named.setdefault(str(file.relative_to(ROOT)), len(name.findall(file.read_text())))
    own = [file for file in named if file == tests[0] or Path(file).name in first]
    others = sorted(named.keys() - set(own), key=lambda file: (-named[file], file))
    near = [file for file in others if named[file]]
    return [own, near, others[len(near) :]]


@cache
def sites(folder: Path, under: str) -> list[tuple[Path, Change]]:
    """All changes to the files of a copy below some folders or files, where they have tests."""
    found = []
    for name in under.split(","):
        below = folder / name
        for path in sorted(below.rglob("*.py")) if below.is_dir() else [below]:
            inside = path.relative_to(folder)
            if tests_of(inside):
                tuning = TUNING.get(str(inside), ())
                found += [(inside, one) for one in changes(path.read_bytes(), tuning)]
    return found


def diff(path: Path, before: bytes, after: bytes) -> str:
    """Return the change as a patch."""
    lines = [text.decode().splitlines(keepends=True) for text in (before, after)]
    return "".join(difflib.unified_diff(*lines, f"a/{path}", f"b/{path}", n=2))


_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _limit(cpu_seconds: int) -> None:
    """Limit this process, which is about to run tests, and let it end with the one that began it:
    a campaign that is stopped kills that one, and the tests are in a session of their own."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))


def _memory(process: int) -> int:
    """The bytes that a process has in memory; 0 of one that has ended."""
    with suppress(OSError, IndexError):
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    return 0


def outcome(folder: Path, tests: list[str], seconds: float, *options: str) -> tuple[str, list[str]]:
    """Run tests on a copy of the project that has a change, and return the outcome.

    Returns 'killed' with what failed, tests or files that cannot be imported, 'hung' or 'survived'.

    Args:
        folder: the copy.
        tests: files of tests, or single ones; all of the emulated driver, or none.
        seconds: that they may take, of the clock.
        options: of pytest.
    """
    emulated = tests[0].startswith(EMULATOR_TESTS)
    python = str(EMULATOR_PYTHON) if emulated else sys.executable
    driver = {"GRAPHC_CUDA_DRIVER": str(EMULATOR_DRIVER)} if emulated else {}
    process = subprocess.Popen(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *tests],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=partial(_limit, CPU_SECONDS + 5 * len(tests)),
        env={
            **os.environ,
            **driver,
            "PYTHONPATH": str(folder),
            "XDG_CACHE_HOME": str(folder / ".cache"),
        },
    )
    ends, text = time.monotonic() + seconds, None
    try:
        while text is None:
            with suppress(subprocess.TimeoutExpired):
                text, _ = process.communicate(timeout=1)
            if text is None and (time.monotonic() > ends or _memory(process.pid) > MOST_MEMORY):
                return "hung", []
    finally:
        with suppress(ProcessLookupError):  # and what the tests began
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if process.returncode in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        return "survived", []
    if process.returncode == -signal.SIGXCPU:
        return "hung", []
    return "killed", re.findall(r"^(?:FAILED|ERROR) ([^\s\[]+)", text, re.MULTILINE)


def _write(path: Path, content: bytes) -> None:
    """Write a module. Its bytecode would be taken for that of one of the same size and second."""
    path.write_bytes(content)
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout


def commit_of(name: str) -> str:
    """Return the hash of a commit.

    HEAD, the default, is refused where the package is not as it was committed: the changes would
    not be to what is in the working tree.
    """
    try:
        found = _git("rev-parse", "--verify", f"{name}^{{commit}}").decode().strip()
        edited = _git("status", "--porcelain", "--", *PACKAGE).decode().split("\n")[0]
    except (OSError, subprocess.CalledProcessError) as error:
        raise argparse.ArgumentTypeError(
            f"{name} is no commit of a Git checkout in {ROOT}: changes are drawn from one"
        ) from error
    if name == "HEAD" and edited:
        raise argparse.ArgumentTypeError(
            f"{edited.split()[-1]} is not as it was committed, and changes are drawn from a "
            f"commit: commit it, or name the commit to change, as --commit {found[:12]}"
        )
    return found


@cache
def copy_of_the_project(commit: str) -> Path:
    """Copy what the tests need, for this process: the working tree stays as it is.

    The package is that of a commit, and the tests are those of the working tree: so a number is one
    change for as long as a state is kept, and a test that was written since may notice it.

    The kernels that the user's tests have compiled come along, so that a change compiles its own
    alone, and no change writes into the user's cache.
    """
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    folder.chmod(0o755)  # some tests run programs as another user
    if folder.parent.stat().st_mode & 0o077 == 0:
        folder.parent.chmod(0o711)
    ignored = shutil.ignore_patterns(".*")
    kernels = Path.home() / ".cache" / "graphc"
    with suppress(OSError):  # there may be none, and others may remove some meanwhile
        shutil.copytree(kernels, folder / ".cache" / "graphc")
    with tarfile.open(fileobj=io.BytesIO(_git("archive", commit, *PACKAGE))) as package:
        package.extractall(folder, filter="data")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def run(cases: Cases) -> Iterator[Result]:
    """Yield what became of each change; one that no test notices is a failure."""
    options, folder = cases.options, copy_of_the_project(cases.options.commit)
    found, fates = sites(folder, options.under), []
    for index in cases:
        path, change = found[int(cases.random(index).integers(len(found)))]
        fates.append(fate_of(folder, path, change, options.limit))
    unsound = failing(folder, {fate.failed for fate in fates if fate.failed}, options.limit)
    for index, fate in zip(cases, fates, strict=True):
        ended, fault = fate.ended, ""
        if fate.failed in unsound:
            ended, fault = "no test", f"{fate.failed} fails without the change, too"
        elif ended == "survived":
            fault = f"no test of {' '.join(tests_of(fate.path))} notices"
        counts = {ended: 1, "processor seconds": round(fate.seconds)}
        yield Result(index, fault and f"{fault}\n{fate.diff}", counts)


def failing(folder: Path, tests: set[str], seconds: float) -> set[str]:
    """Return those tests, and files that could not be imported, that fail without a change, too;
    all of them where they do not end."""
    alike: dict[tuple[bool, bool], list[str]] = {}
    for one in sorted(tests):
        alike.setdefault((one.startswith(EMULATOR_TESTS), "::" in one), []).append(one)
    failed: set[str] = set()
    for (_, single), several in alike.items():
        ended, names = outcome(folder, several, seconds, *([] if single else ["--collect-only"]))
        failed |= set(several if ended == "hung" else names)
    return failed


def fate_of(folder: Path, path: Path, change: Change, seconds: float) -> Fate:
    """Put a change into the copy of the project, run the tests of its file, and take it out.

    Args:
        folder: the copy.
        path: of the file.
        change: to it.
        seconds: that one stage of the tests may take.
    """
    before, started = (folder / path).read_bytes(), _processor_seconds()
    after = change.of(before)
    _write(folder / path, after)
    parts, emulated = stages(path, tests_of(path)), is_emulated(path)
    if emulated and EMULATOR_DRIVER.exists():
        parts += stages(path, [EMULATOR_TESTS])
    ended, first = "survived", ""
    for stage in filter(None, parts):
        ended, failed = outcome(folder, stage, seconds, "-x")
        if ended == "killed":
            first = failed[0] if failed else stage[0]  # no test runs where pytest cannot begin
        if ended != "survived":
            break
    if ended == "survived" and emulated and not EMULATOR_DRIVER.exists():
        ended = "not run"
    _write(folder / path, before)
    taken = _processor_seconds() - started
    return Fate(path, diff(path, before, after), ended, first, taken)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--under", default="graphc", help="files and folders, by commas")
    # A default that is text is parsed as if it were given.
    help_of_commit = "whose package is changed, under the tests of the working tree"
    parser.add_argument("--commit", default="HEAD", type=commit_of, help=help_of_commit)
    parser.add_argument("--limit", type=float, default=1800, help="seconds that tests may take")


CAMPAIGN = Campaign("mutants", __doc__, run, _add_options, group=10, limit=7200)
