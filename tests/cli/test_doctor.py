"""`graphc doctor` says what is there, what is missing with its fix, and every flag."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphc import cli
from graphc.cli import doctor
from graphc.compiler.runtime.gpu import probe
from graphc.config import FLAGS, Config, config
from graphc.package_version import __version__
from graphc.parallel import nccl
from graphc.parallel import probe as ranks
from tests.stand_in_compiler import stand_in_compiler


def lines_of(label: str, report: str) -> str:
    """A label and what the report says under it, as one line."""
    lines = report.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"  {label} "))
    end = start + 1
    while end < len(lines) and lines[end].startswith(" " * 4):
        end += 1
    first = lines[start].strip().removeprefix(label)
    return " ".join([label, *(line.strip() for line in [first, *lines[start + 1 : end]])])


DRIVER = probe.Driver("12.8", ("H100", "A100"), capabilities=((9, 0), (8, 0)))


def nvcc_of(folder: Path, release: str) -> None:
    """A program that says that it is the nvcc of this release."""
    folder.mkdir(parents=True, exist_ok=True)
    said = f"nvcc: NVIDIA\\nrelease {release}, V{release}.0\\n"
    (folder / "nvcc").write_text(f"#!/bin/sh\nprintf '{said}'\n")
    (folder / "nvcc").chmod(0o755)


@pytest.fixture(autouse=True)
def no_named_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the environment names a compiler or a toolkit."""
    for name in ("CXX", probe.COMPILER_VARIABLE, *probe.TOOLKIT_VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing on PATH, no driver, no pycuda, nothing for ranks."""
    driver = probe.cuda_driver("libcuda-of-nobody.so")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(probe, "cuda_driver", lambda: driver)
    monkeypatch.setattr(probe, "has_pycuda", lambda: False)
    without_ranks(monkeypatch)


def without_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mpi4py, mpiexec or NCCL, whatever the environment of the tests has."""
    monkeypatch.setattr(ranks.sys, "executable", "/nowhere/python")
    monkeypatch.setattr(ranks.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(nccl, "find_library", lambda: "libnccl-of-nobody.so")
    version = ranks.importlib.metadata.version

    def none_of_mpi4py(name: str) -> str:
        if name == "mpi4py":
            raise ranks.importlib.metadata.PackageNotFoundError
        return version(name)

    monkeypatch.setattr(ranks.importlib.metadata, "version", none_of_mpi4py)


def test_the_command_prints_the_report_and_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"graphc {__version__}\n")
    assert platform.python_version() in lines_of("Python", text)
    assert np.__version__ in lines_of("NumPy", text)
    assert "BLAS" in lines_of("NumPy", text)


@pytest.mark.parametrize("folder", ["cache", "a folder/with/" + 9 * "a/long/path/"])
def test_it_fits_a_terminal_of_80_columns(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for a path that is longer by itself, which is for copying."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / folder))
    lines = doctor.report().splitlines()
    (start,) = {len(line) - len(line.lstrip()) for line in lines if line.startswith("   ")}
    long = [line for line in lines if len(line) > 80]
    assert not [line for line in long if " " in line[start:]]


def test_labels_and_what_they_stand_for_are_two_columns() -> None:
    """One for the whole report, the labels of the flags included."""
    lines = [line for line in doctor.report().splitlines() if line.startswith("  ")]
    (start,) = {len(line) - len(line.lstrip()) for line in lines if line.startswith("   ")}
    assert all(line[start - 1] == " " and line[start] != " " for line in lines)
    assert {line[2:start].strip() for line in lines} >= {flag.name for flag in FLAGS}


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize(
    ("label", "found", "fix"),
    [
        ("C++ compiler", "missing: no g++, clang++, c++ on PATH", "sudo apt install g++"),
        ("CUDA driver", "no CUDA driver", "sudo apt install nvidia-driver"),
        ("nvcc", "missing: not on PATH", "sudo apt install nvidia-cuda-toolkit"),
        ("pycuda", "missing", "python -m pip install 'pycuda>=2025.1.2'"),
        ("mpi4py", "missing", "python -m pip install mpi4py mpich (an MPI from wheels)"),
        ("mpiexec", "missing: neither beside this Python nor on PATH", "mpi4py mpich"),
        ("NCCL", "NCCL is missing", "python -m pip install nvidia-nccl-cu12"),
    ],
)
def test_a_missing_piece_comes_with_the_command_that_fixes_it(
    label: str, found: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    before, after = lines_of(label, doctor.report()).split("fix: ")
    assert found in before
    assert fix in after


@pytest.mark.usefixtures("bare_machine")
def test_nccl_is_never_shown_without_what_was_tested_with_it() -> None:
    assert "; graphc has never run with it on several GPUs" in lines_of("NCCL", doctor.report())


def test_a_complete_machine_needs_no_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in_compiler(tmp_path)
    nvcc_of(tmp_path, "12.8")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    config.cuda_cache = str(tmp_path / "kernels")
    monkeypatch.setattr(probe, "cuda_driver", lambda: DRIVER)
    monkeypatch.setattr(probe, "has_pycuda", lambda: True)
    monkeypatch.setattr(probe, "linked_curand", lambda: "")
    for name in ("mpi4py_version", "mpi_library", "mpiexec_path", "nccl_library"):
        monkeypatch.setattr(ranks, name, lambda name=name: ranks.PackageState(f"a {name}"))
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: "2025.1")
    report = doctor.report()
    assert lines_of("C++ compiler", report) == f"C++ compiler g++ 12.4 ({tmp_path}/g++)"
    assert "-O3" in lines_of("its flags", report)
    assert lines_of("threads", report) == "threads 3, by OMP_NUM_THREADS"
    assert lines_of("cache", report).startswith(f"cache {tmp_path}/kernels")
    assert lines_of("nvcc", report) == f"nvcc release 12.8, V12.8.0 ({tmp_path}/nvcc)"
    assert lines_of("CUDA driver", report).endswith("for CUDA 12.8; GPUs: H100, A100")
    assert "2025.1, built without cuRAND" in lines_of("pycuda", report)
    assert lines_of("GPU usable", report).endswith("yes: H100, A100")
    assert lines_of("mpi4py", report) == "mpi4py a mpi4py_version"
    assert lines_of("MPI library", report) == "MPI library a mpi_library"
    assert "fix:" not in report


def test_a_driver_older_than_the_toolkit_is_said_with_the_fix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nvcc_of(tmp_path, "13.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(probe, "cuda_driver", lambda: DRIVER)
    monkeypatch.setattr(probe, "has_pycuda", lambda: True)
    monkeypatch.setattr(probe, "linked_curand", lambda: "")
    report = doctor.report()
    for label in ("nvcc", "GPU usable"):
        said = lines_of(label, report)
        assert f"the driver is for CUDA 12.8, {tmp_path}/nvcc is of CUDA 13.0" in said
        assert "fix: update NVIDIA's driver" in said


@pytest.mark.parametrize(
    ("release", "capability", "problem", "fix"),
    [
        (
            "11.5",
            (9, 0),
            "CUDA 11.5 does not know sm_90 yet, H100, which needs CUDA 11.8 or later",
            "put the nvcc of CUDA 11.8 or later first on PATH",
        ),
        (
            "13.0",
            (7, 0),
            "CUDA 13.0 no longer compiles for sm_70, H100, which needs CUDA 9.0 or later and "
            "before 13.0",
            "put the nvcc of CUDA 9.0 or later and before 13.0 first on PATH",
        ),
    ],
)
def test_an_nvcc_that_does_not_compile_for_a_card_is_said_with_the_version_it_needs(
    release: str,
    capability: tuple[int, int],
    problem: str,
    fix: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    nvcc_of(tmp_path, release)
    monkeypatch.setenv("PATH", str(tmp_path))
    driver = replace(DRIVER, version="13.0", capabilities=(capability,))
    monkeypatch.setattr(probe, "cuda_driver", lambda: driver)
    monkeypatch.setattr(probe, "has_pycuda", lambda: True)
    monkeypatch.setattr(probe, "linked_curand", lambda: "")
    report = doctor.report()
    assert problem in lines_of("nvcc", report)
    assert fix in lines_of("nvcc", report)
    assert f"no: {problem}" in lines_of("GPU usable", report)


def test_an_nvcc_that_the_environment_names_and_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDACXX", "/nowhere/nvcc")
    said = lines_of("nvcc", doctor.report())
    assert said.startswith("nvcc missing: not at /nowhere/nvcc, as CUDACXX says")


@pytest.mark.usefixtures("bare_machine")
def test_a_toolkit_of_the_environment_that_is_not_the_one_in_use_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nvcc_of(tmp_path, "13.0")
    assert "CUDA_HOME" not in doctor.report()
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "cuda-12.4"))
    said = lines_of("CUDA_HOME", doctor.report())
    assert f"names {tmp_path}/cuda-12.4, which has no bin/nvcc" in said
    assert "fix: set CUDA_HOME to the folder of a CUDA toolkit, or unset it" in said
    nvcc_of(tmp_path / "cuda-12.4" / "bin", "12.4")
    said = lines_of("CUDA_HOME", doctor.report())
    assert "whose nvcc is another one: release 12.4, V12.4.0" in said
    assert f"export CUDACXX={tmp_path}/cuda-12.4/bin/nvcc" in said
    nvcc_of(tmp_path / "cuda-12.4" / "bin", "13.0")  # by another path the same
    assert "CUDA_HOME" not in doctor.report()


@pytest.mark.usefixtures("bare_machine")
def test_a_pycuda_with_a_curand_that_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nvcc_of(tmp_path, "12.8")
    monkeypatch.setattr(probe, "cuda_driver", lambda: DRIVER)
    monkeypatch.setattr(probe, "has_pycuda", lambda: True)
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: "2026.1")
    monkeypatch.setattr(probe, "linked_curand", lambda: "libcurand-of-nobody.so.10")
    report = doctor.report()
    for label in ("pycuda", "GPU usable"):
        said = lines_of(label, report)
        assert "whose library libcurand-of-nobody.so.10 is not found" in said
        assert "CUDA_ENABLE_CURAND = False" in said
    monkeypatch.setattr(probe, "is_loadable", lambda library: True)
    report = doctor.report()
    assert "built with cuRAND (libcurand-of-nobody.so.10)" in lines_of("pycuda", report)
    assert lines_of("GPU usable", report).startswith("GPU usable yes")


def test_a_compiler_that_does_not_run_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "g++").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = lines_of("C++ compiler", doctor.report())
    assert "'--version' ended with status 3" in said
    assert "fix: install a C++ compiler" in said


def test_a_compiler_without_openmp_is_said_with_the_fix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in_compiler(tmp_path, refused=("-fopenmp",))
    monkeypatch.setenv("PATH", str(tmp_path))
    config.cuda_cache = str(tmp_path / "kernels")
    said = lines_of("threads", doctor.report())
    assert "1, as the compiler has no OpenMP" in said
    assert "fix: install the OpenMP library" in said


def test_a_numpy_without_blas_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    build = {"Build Dependencies": {"blas": {"name": "none", "found": False}}}
    monkeypatch.setattr(doctor.np, "show_config", lambda mode: build)
    said = lines_of("NumPy", doctor.report())
    assert "without a BLAS" in said
    assert "fix: python -m pip install --force-reinstall" in said


def test_every_flag_with_its_value_source_choices_and_meaning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environ = {"GRAPHC_FLAGS": "floatX=float64"}
    monkeypatch.setattr(doctor, "config", Config(environ, tmp_path / "none"))
    report = doctor.report()
    for flag in FLAGS:
        said = lines_of(flag.name, report)
        assert flag.meaning in said
        assert all(choice in said for choice in flag.choices)
    assert "float64   [GRAPHC_FLAGS]" in lines_of("floatX", report)
    assert "cpu   [default]" in lines_of("device", report)


def test_a_wrong_flag_is_part_of_the_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "config", Config({"GRAPHC_FLAGS": "devise=cpu"}, tmp_path / "none"))
    said = lines_of("error", doctor.report())
    assert "GRAPHC_FLAGS: unknown flag 'devise'" in said
    assert "Did you mean 'device'?" in said
