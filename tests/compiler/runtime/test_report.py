"""What functions run on, on a machine without a GPU; with one, see tests/cuda_emulator."""

from __future__ import annotations

import pytest

from graphc.compiler.runtime import device
from graphc.compiler.runtime.probe import GpuStatus
from graphc.compiler.runtime.report import device_report
from graphc.config import config
from graphc.errors import DeviceError


def test_the_cpu_is_reported_with_what_float32_means() -> None:
    config.floatX = "float64"
    lines = str(device_report()).splitlines()
    assert [line.split()[0] for line in lines] == ["device", "floatX", "precision"]
    assert "CPU" in lines[0]
    assert lines[1].endswith("float64")
    assert "IEEE float32" in lines[2]


def test_a_gpu_that_is_asked_for_and_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = GpuStatus(False, "no pycuda", "install it", ())
    monkeypatch.setattr(device, "gpu_status", lambda: missing)
    config.device = "gpu"
    with pytest.raises(DeviceError, match="no pycuda.*install it"):
        device_report()
