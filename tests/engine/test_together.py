"""The comparison among ranks that begin to train together."""

from __future__ import annotations

from types import SimpleNamespace

from graphc.engine.training import together


def test_the_engine_of_a_gpu_is_its_kind_and_its_compiler(monkeypatch):
    device = SimpleNamespace(facts=SimpleNamespace(name="NVIDIA H100", arch="sm_90"))
    compiler = SimpleNamespace(version="nvcc 13.0")
    monkeypatch.setattr(together.cuda, "device", lambda: device)
    monkeypatch.setattr(together.nvcc, "find_compiler", lambda cache: compiler)
    function = SimpleNamespace(target=lambda: "cuda")
    assert together._engine(function) == "NVIDIA H100 (sm_90), nvcc 13.0"
    assert together._engine(SimpleNamespace(target=lambda: "cpu")) == "cpu"
