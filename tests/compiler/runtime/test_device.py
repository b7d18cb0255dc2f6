"""The choice of the device, by the flag and by what can be used."""

from __future__ import annotations

import gc
import logging
from types import SimpleNamespace

import pytest

from graphc.compiler import graph as g
from graphc.compiler.runtime import device, programs
from graphc.compiler.runtime.numpy_executor import NumpyExecutor
from graphc.compiler.runtime.programs import Programs
from graphc.config import config
from graphc.errors import CompilerError, DeviceError

READY = SimpleNamespace(usable=True, reason="", fix="")
EXP = g.exp(g.input((2,)))
MISSING = SimpleNamespace(usable=False, reason="no driver", fix="install one")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Let a machine have a GPU, or none; what its first use would raise."""

    def has(status: SimpleNamespace, fault: str = "") -> None:
        def check_driver(compiler: object, version: object) -> None:
            assert (compiler, version) == ("nvcc of the cache", 12040)
            if fault:
                raise DeviceError(fault)

        facts = SimpleNamespace(driver_version=12040, shared_opt_in=101376)
        monkeypatch.setattr(device, "gpu_status", lambda: status)
        monkeypatch.setattr(device.cuda, "device", lambda: SimpleNamespace(facts=facts))
        monkeypatch.setattr(device.nvcc, "find_compiler", lambda cache: f"nvcc of {cache}")
        monkeypatch.setattr(device.nvcc, "check_driver", check_driver)
        monkeypatch.setattr(device, "kernel_cache", lambda: "the cache")

    monkeypatch.setattr(device, "_logged", set())
    return has


def test_the_cpu_is_taken_without_a_look_at_gpus(machine) -> None:
    machine(READY)
    with config.changed(device="cpu"):
        assert device.select_device() == "cpu"


def test_a_requested_gpu_is_there_or_an_error(machine) -> None:
    with config.changed(device="gpu"):
        machine(READY)
        assert device.select_device() == "gpu"
        machine(MISSING)
        with pytest.raises(DeviceError, match="no driver. What to do: install one"):
            device.select_device()


def test_auto_takes_a_gpu_that_works(machine, caplog: pytest.LogCaptureFixture) -> None:
    machine(READY)
    with config.changed(device="auto"):
        assert device.select_device() == "gpu"
    assert caplog.records == []


@pytest.mark.parametrize(
    ("status", "fault", "reason"),
    [(MISSING, "", "no driver"), (READY, "the driver is older", "the driver is older")],
)
def test_auto_says_once_why_it_takes_the_cpu(
    machine, caplog: pytest.LogCaptureFixture, status: SimpleNamespace, fault: str, reason: str
) -> None:
    machine(status, fault)
    with config.changed(device="auto"), caplog.at_level(logging.WARNING, "graphc"):
        assert [device.select_device() for _ in range(2)] == ["cpu", "cpu"]
        machine(SimpleNamespace(usable=False, reason="another", fix=""))
        assert device.select_device() == "cpu"
    assert [record.getMessage() for record in caplog.records] == [
        f"device=auto: running on the CPU; no GPU is usable: {one}" for one in (reason, "another")
    ]


def test_the_memory_that_a_block_may_share(machine) -> None:
    machine(READY)
    assert (device.most_shared("cpu"), device.most_shared("gpu")) == (None, 101376)


def chosen(name: str = "f") -> device.Chosen:
    return device.choose_executor("cpu", Programs([EXP]), name, "FAST_RUN", False, None)


def test_executors_by_the_flag(machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(MISSING)
    with config.changed(cpu="numpy"):
        assert chosen().target is None
        assert isinstance(chosen().make(), NumpyExecutor)
    with config.changed(cpu="native"):
        assert chosen().target == "cpu"
    machine(READY)
    programs = Programs([EXP])
    monkeypatch.setattr(programs, "cuda", lambda shared: ("program", shared))
    monkeypatch.setattr(device, "CudaExecutor", lambda *arguments: arguments)
    found = device.choose_executor("gpu", programs, "f", "FAST_RUN", False, None)
    assert found.target == "cuda"
    assert found.make() == (("program", 101376), (EXP,), (), "f")


def test_a_compiler_that_fails_leaves_the_interpreter_under_auto_alone(
    machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise CompilerError("it was killed")

    machine(MISSING)
    monkeypatch.setattr(device, "NativeExecutor", fail)
    monkeypatch.setattr(device, "why_interpreted", lambda *arguments: None)
    with config.changed(cpu="native"), pytest.raises(CompilerError, match="it was killed"):
        chosen().make()
    with config.changed(cpu="auto"), caplog.at_level(logging.WARNING, "graphc"):
        assert isinstance(chosen("step").make(), NumpyExecutor)
    [record] = caplog.records
    assert "step" in record.getMessage()
    assert "it was killed" in record.getMessage()


@pytest.mark.parametrize("is_enabled", [True, False])
def test_python_looks_for_cycles_as_before_once_a_graph_is_lowered(
    monkeypatch: pytest.MonkeyPatch, is_enabled: bool
) -> None:
    seen = []

    def lower(*_: object, **named: object) -> None:
        seen.append(gc.isenabled())
        raise CompilerError("of a test")

    monkeypatch.setattr(programs, "lower_native", lower)
    (gc.enable if is_enabled else gc.disable)()
    try:
        with pytest.raises(CompilerError, match="of a test"):
            Programs([EXP]).native()
        assert (seen, gc.isenabled()) == ([False], is_enabled)
    finally:
        gc.enable()
