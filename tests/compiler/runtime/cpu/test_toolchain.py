"""Finding the C++ compiler, and what it can do."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import pytest

from graphc.compiler.runtime.cache.kernels import KernelCache
from graphc.compiler.runtime.cpu import toolchain
from graphc.compiler.targets.cpu import facts
from graphc.errors import CompilerError, DeviceError
from tests.stand_in_compiler import runs, stand_in_compiler


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> KernelCache:
    """An empty one; PATH is `tmp_path` alone."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(toolchain, "_logged", set())
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    return KernelCache(folder)


def test_a_compiler_is_tried_once_and_what_it_can_do_is_kept(
    cache: KernelCache, tmp_path: Path
) -> None:
    path = stand_in_compiler(tmp_path)
    found = toolchain.find_compiler(cache)
    assert (found.path, found.version) == (str(path), "g++ 12.4")
    assert found.flags == (*toolchain.FLAGS, "-fopenmp")
    assert found.has_threads
    count = len(runs(tmp_path))
    assert toolchain.find_compiler(cache) == found
    assert len(runs(tmp_path)) == count


def test_without_openmp_one_thread_is_used_which_is_said_once(
    cache: KernelCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = stand_in_compiler(tmp_path, refused=("-fopenmp",))
    with caplog.at_level(logging.WARNING, "graphc"):
        found = [toolchain.find_compiler(cache) for _ in range(2)]
    assert [one.flags[-1] for one in found] == ["-fopenmp-simd"] * 2
    assert not found[0].has_threads
    (message,) = caplog.messages
    assert message.startswith(f"native code runs on one thread: {path} has no OpenMP. What to do:")


def test_a_compiler_is_taken_for_one_that_can_do_all_until_it_is_known(
    cache: KernelCache, tmp_path: Path
) -> None:
    stand_in_compiler(tmp_path, refused=("-fopenmp",))
    likely = toolchain.likely_compiler(cache)
    assert likely.has_threads
    assert not any("trial" in run for run in runs(tmp_path))
    assert not toolchain.find_compiler(cache).has_threads
    toolchain.keep(likely, cache)  # too late: it was tried
    assert not toolchain.likely_compiler(cache).has_threads


def test_what_a_compiler_made_is_a_trial_of_it(cache: KernelCache, tmp_path: Path) -> None:
    stand_in_compiler(tmp_path)
    toolchain.keep(toolchain.likely_compiler(cache), cache)
    assert toolchain.find_compiler(cache).has_threads
    assert not any("trial" in run for run in runs(tmp_path))


def test_a_compiler_that_compiles_nothing_is_an_error_with_what_it_said(
    cache: KernelCache, tmp_path: Path
) -> None:
    path = stand_in_compiler(tmp_path, refused=("-O3",))
    with pytest.raises(DeviceError) as raised:
        toolchain.find_compiler(cache)
    message = str(raised.value)
    assert f"{path} (g++ 12.4) does not compile a small program with -std=c++17 -O3" in message
    assert "What to do: install a C++ compiler" in message
    assert message.endswith("cannot do -O3")


@pytest.mark.parametrize(
    "killed",
    ["kill -KILL $$", "echo 'g++: fatal error: Killed signal terminated program' >&2; exit 1"],
)
def test_a_trial_that_is_broken_off_says_nothing_of_what_the_compiler_can_do(
    killed: str, cache: KernelCache, tmp_path: Path
) -> None:
    state = tmp_path / "killed"
    stand_in_compiler(tmp_path, trial=f"if [ ! -e {state} ]; then : > {state}; {killed}; fi")
    with pytest.raises(CompilerError, match="a small program: the C.* compiler .*What to do"):
        toolchain.find_compiler(cache)
    assert toolchain.find_compiler(cache).has_threads


def test_the_environment_names_another_compiler(
    cache: KernelCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("CXX", str(stand_in_compiler(other)))
    assert toolchain.find_compiler(cache).path == str(other / "g++")


def test_the_program_that_is_tried_is_one_that_compiles_without_a_word(
    tmp_path: Path,
) -> None:
    path = toolchain.compiler_path()
    if path is None:
        pytest.skip("needs a C++ compiler")
    source = tmp_path / "trial.cpp"
    source.write_text(toolchain._TRIAL)
    command = [path, "-std=c++17", "-Wall", "-Wextra", "-Wno-unknown-pragmas", "-c", str(source)]
    done = subprocess.run([*command, "-o", str(tmp_path / "trial.o")], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("wanted", "count", "said"),
    [
        (None, 3, "3, one per core (OMP_NUM_THREADS chooses)"),
        ("", 3, "3, one per core (OMP_NUM_THREADS chooses)"),
        ("2", 2, "2, by OMP_NUM_THREADS"),
        (" 5 ,2", 5, "5, by OMP_NUM_THREADS"),
        ("0", 3, "3, one per core (OMP_NUM_THREADS chooses)"),
        ("many", 3, "3, one per core (OMP_NUM_THREADS chooses)"),
    ],
)
def test_threads_are_those_of_the_environment_or_one_a_core(
    wanted: str | None, count: int, said: str, cache: KernelCache, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 4, 7})
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if wanted is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert facts.thread_count() == count
    stand_in_compiler(tmp_path)
    assert toolchain.threads(toolchain.find_compiler(cache)) == said
