"""The comparison among ranks before a training."""

from __future__ import annotations

from types import SimpleNamespace

from graphc.engine.training import synchronising


def test_the_engine_of_a_gpu_is_its_kind_and_its_compiler(monkeypatch):
    device = SimpleNamespace(facts=SimpleNamespace(name="NVIDIA H100", arch="sm_90"))
    compiler = SimpleNamespace(version="nvcc 13.0")
    monkeypatch.setattr(synchronising.cuda, "device", lambda: device)
    monkeypatch.setattr(synchronising.nvcc, "find_compiler", lambda cache: compiler)
    function = SimpleNamespace(target=lambda: "cuda")
    assert synchronising._engine(function) == "NVIDIA H100 (sm_90), nvcc 13.0"
    assert synchronising._engine(SimpleNamespace(target=lambda: "cpu")) == "cpu"
