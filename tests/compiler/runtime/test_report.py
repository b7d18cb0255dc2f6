"""The report of the device, on a machine without a GPU; with one, see tests/cuda_emulator."""

from __future__ import annotations

import pytest

from graphc.compiler.runtime import device
from graphc.compiler.runtime.cache.kernels import kernel_cache
from graphc.compiler.runtime.cpu import toolchain
from graphc.compiler.runtime.gpu.probe import GpuStatus
from graphc.compiler.runtime.report import device_report
from graphc.config import config
from graphc.errors import DeviceError


def test_the_cpu_is_reported_with_what_float32_means() -> None:
    config.floatX = "float64"
    lines = str(device_report()).splitlines()
    assert [line.split()[0] for line in lines] == ["device", "executor", "floatX", "precision"]
    assert "CPU" in lines[0]
    assert lines[1].endswith("the NumPy interpreter (cpu=numpy)")
    assert lines[2].endswith("float64")
    assert "IEEE float32" in lines[3]


def test_native_code_is_reported_with_its_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    config.cpu = "native"
    found = toolchain.CppCompiler("/some/where/g++", "g++ 12", ("-O3", "-fopenmp"), "")
    monkeypatch.setattr(toolchain, "find_compiler", lambda cache: found)
    report = device_report()
    assert report.executor == "generated C++ (cpu=native)"
    assert report.compiler == "g++ 12 (/some/where/g++ -O3 -fopenmp)"
    assert report.cache == str(kernel_cache().folder)
    assert "fused multiply-add" in report.precision


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("-fopenmp", "3, by OMP_NUM_THREADS"),
        ("-fopenmp-simd", "1, as the compiler has no OpenMP"),
    ],
)
def test_threads_are_those_of_openmp(flag: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert toolchain.threads(toolchain.CppCompiler("g++", "12", (flag,), "")) == said


def test_auto_reports_the_interpreter_where_there_is_no_compiler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config.cpu = "auto"
    monkeypatch.setattr(toolchain, "compiler_path", lambda: None)
    report = device_report()
    assert report.executor.startswith("the NumPy interpreter (cpu=auto; no C++ compiler")
    assert report.compiler == ""


def test_native_code_without_a_compiler_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    config.cpu = "native"
    monkeypatch.setattr(toolchain, "compiler_path", lambda: None)
    with pytest.raises(DeviceError, match="no C.. compiler.*What to do"):
        device_report()


def test_a_requested_gpu_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = GpuStatus(False, "no pycuda", "install it", ())
    monkeypatch.setattr(device, "gpu_status", lambda: missing)
    config.device = "gpu"
    with pytest.raises(DeviceError, match="no pycuda.*install it"):
        device_report()
