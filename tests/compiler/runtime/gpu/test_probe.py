"""The GPU probe, against stand-ins for the driver that are compiled here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from graphc.compiler.runtime.gpu import probe

COMPILER = shutil.which("cc")

DRIVER = """
#include <string.h>
int cuInit(unsigned flags) { return INIT; }
int cuDriverGetVersion(int *version) { *version = 12080; return 0; }
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 40 + ordinal; return 0; }
int cuDeviceGetName(char *name, int length, int device) {
    strcpy(name, device == 40 ? "First GPU" : "Second GPU");
    return length == 256 ? 0 : 1;
}
int cuDeviceGetPCIBusId(char *address, int length, int device) {
    strcpy(address, device == 40 ? "0000:17:00.0" : "0000:65:00.0");
    return length == 256 ? 0 : 1;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 9 : attribute == 76 ? device - 40 : 1000;
    return 0;
}
int cuGetErrorName(int code, const char **name) {
    *name = "CUDA_ERROR_NO_DEVICE";
    return code == 100 ? 0 : 1;
}
"""


def build(tmp_path: Path, init: int = 0, count: int = 2) -> str:
    """A shared library that answers like a CUDA driver; returns its path."""
    if COMPILER is None:
        pytest.skip("needs a C compiler")
    source, library = tmp_path / "driver.c", tmp_path / "libcuda.so"
    source.write_text(DRIVER)
    options = [f"-DINIT={init}", f"-DCOUNT={count}", "-shared", "-fPIC", "-w"]
    subprocess.run([COMPILER, *options, "-o", str(library), str(source)], check=True)
    return str(library)


def test_version_and_facts_of_each_gpu_in_order(tmp_path: Path) -> None:
    driver = probe.cuda_driver(build(tmp_path))
    names, addresses = ("First GPU", "Second GPU"), ("0000:17:00.0", "0000:65:00.0")
    assert driver == probe.Driver("12.8", names, addresses, ((9, 0), (9, 1)))


def test_no_driver() -> None:
    driver = probe.cuda_driver("libcuda-of-nobody.so")
    assert driver.problem == "no CUDA driver (libcuda-of-nobody.so not found)"
    assert "nvidia-driver" in driver.fix


@pytest.mark.parametrize(
    ("code", "text"),
    [(100, "cuInit returned 100 (CUDA_ERROR_NO_DEVICE)"), (999, "cuInit returned 999")],
)
def test_a_driver_that_fails_is_quoted(tmp_path: Path, code: int, text: str) -> None:
    driver = probe.cuda_driver(build(tmp_path, init=code))
    assert driver.problem == f"the CUDA driver failed: {text}"
    assert driver.names == ()
    assert "nvidia-smi" in driver.fix


def test_a_driver_without_devices(tmp_path: Path) -> None:
    driver = probe.cuda_driver(build(tmp_path, count=0))
    assert driver.problem == "the CUDA driver sees no GPU"


def test_a_fork_of_a_process_that_used_the_driver_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = build(tmp_path)
    monkeypatch.setattr(probe, "_initialised_in", set())
    assert not probe.cuda_driver(library).problem
    assert not probe.is_forked()
    child = probe.os.getpid() + 1
    monkeypatch.setattr(probe.os, "getpid", lambda: child)
    assert probe.is_forked()
    driver = probe.cuda_driver(library)
    assert driver == probe.Driver(problem=probe.FORKED, fix=probe.FORK_FIX)
    assert "'spawn'" in driver.fix


def program(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nvcc").write_text("")
    (folder / "nvcc").chmod(0o755)
    return str(folder / "nvcc")


@pytest.fixture
def no_toolkit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No nvcc anywhere, and no variable that names one."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    for name in (probe.COMPILER_VARIABLE, *probe.TOOLKIT_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(probe, "_package_folders", lambda name: [])


@pytest.mark.usefixtures("no_toolkit")
def test_nvcc_is_found_by_cudacxx_then_path_then_toolkit_then_wheels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert probe.nvcc_path() is None
    assert probe.missing_nvcc() == "no CUDA compiler (nvcc not on PATH)"
    site = tmp_path / "site" / "nvidia"
    monkeypatch.setattr(probe, "_package_folders", lambda name: {"nvidia": [site]}[name])
    of_wheels = program(site / "cu13" / "bin")
    assert probe.nvcc_path() == of_wheels
    of_toolkit = program(tmp_path / "cuda" / "bin")
    monkeypatch.setenv("CUDA_PATH", str(tmp_path / "cuda"))
    assert probe.nvcc_path() == of_toolkit
    on_path = program(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert probe.nvcc_path() == on_path
    monkeypatch.setenv("CUDACXX", of_wheels)
    assert probe.nvcc_path() == of_wheels
    monkeypatch.setenv("CUDACXX", "/nowhere/nvcc")
    assert probe.nvcc_path() is None  # what was named, or nothing
    assert probe.missing_nvcc() == "no CUDA compiler (nvcc not at /nowhere/nvcc, as CUDACXX says)"


def test_the_curand_of_pycuda_is_read_off_its_extension(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not imported: a pycuda whose cuRAND is missing cannot be."""
    monkeypatch.setattr(probe, "_package_folders", lambda name: {"pycuda": [tmp_path]}[name])
    assert probe.linked_curand() == ""
    extension = tmp_path / "_driver.cpython-312-x86_64-linux-gnu.so"
    extension.write_bytes(b"\x7fELF...\0libcuda.so.1\0libstdc++.so.6\0")
    assert probe.linked_curand() == ""
    extension.write_bytes(b"\x7fELF...\0libcuda.so.1\0libcurand.so.10\0libc.so.6\0")
    assert probe.linked_curand() == "libcurand.so.10"
    assert not probe.is_loadable("libcurand-of-nobody.so.10")
    assert probe.is_loadable(build(tmp_path))


def test_status_names_every_missing_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = probe.Driver(problem="no CUDA driver (libcuda.so.1 not found)", fix="install it")
    monkeypatch.setattr(probe, "cuda_driver", lambda: problem)
    monkeypatch.setattr(probe, "nvcc_path", lambda: None)
    monkeypatch.setattr(probe, "has_pycuda", lambda: False)
    status = probe.gpu_status()
    assert not status.usable
    assert status.reason == (
        "no CUDA driver (libcuda.so.1 not found); no CUDA compiler (nvcc not on PATH); no pycuda"
    )
    assert status.fix == f"install it; {probe.NVCC_FIX}; {probe.PYCUDA_FIX}"


@pytest.mark.parametrize(
    ("nvcc", "pycuda", "reason", "fix"),
    [
        (None, True, "no CUDA compiler (nvcc not on PATH)", probe.NVCC_FIX),
        ("/usr/bin/nvcc", False, "no pycuda", probe.PYCUDA_FIX),
    ],
)
def test_one_missing_piece_comes_with_its_own_fix(
    nvcc: str | None, pycuda: bool, reason: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "cuda_driver", lambda: probe.Driver("12.8", ("H100",)))
    monkeypatch.setattr(probe, "nvcc_path", lambda: nvcc)
    monkeypatch.setattr(probe, "has_pycuda", lambda: pycuda)
    assert probe.gpu_status() == probe.GpuStatus(False, reason, fix, ("H100",))


def test_a_machine_with_all_pieces_is_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "cuda_driver", lambda: probe.Driver("12.8", ("H100",)))
    monkeypatch.setattr(probe, "nvcc_path", lambda: "/usr/bin/nvcc")
    monkeypatch.setattr(probe, "has_pycuda", lambda: True)
    assert probe.gpu_status() == probe.GpuStatus(True, "", "", ("H100",))
