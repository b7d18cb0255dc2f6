"""The gate finds what it is there for: spills, local memory, warnings, and what a change did."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from graphc.compiler.codegen.kernel_list import KernelList
from graphc.reference_models import REFERENCE_MODELS
from tests.nvcc import gate

NVCC = shutil.which("nvcc")
needs_nvcc = pytest.mark.skipif(NVCC is None, reason="needs nvcc")

CLEAN = """
extern "C" __global__ void k0_sum(const float* x, float* y) {
  __shared__ float tile[64];
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = tile[63 - threadIdx.x];
}
"""
# An array at an index that only the thread knows cannot lie in registers.
LOCAL = """
extern "C" __global__ void k1_local(const int* x, float* y) {
  float values[64];
  for (int i = 0; i < 64; ++i) values[x[i] & 63] = i;
  y[threadIdx.x] = values[x[threadIdx.x] & 63];
}
"""
# Ninety-six values are alive at once, and a thread of so large a block has 64 registers.
SPILLS = """
extern "C" __global__ void __launch_bounds__(1024) k2_spill(const float* x, float* y) {
  float values[96];
#pragma unroll
  for (int i = 0; i < 96; ++i) values[i] = x[i * 1024 + threadIdx.x];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 96; ++i) y[i * 1024 + threadIdx.x] = values[i] * values[95 - i] + values[i];
}
"""
UNUSED = """
extern "C" __global__ void k3_unused(float* y) {
  int unused = 3;
  y[threadIdx.x] = 1.0f;
}
"""
A_KERNEL = {"sm_75": {"registers": 40, "shared": 512}}


@needs_nvcc
def test_each_fault_is_found() -> None:
    kernels, said = gate.compiled(NVCC, CLEAN + LOCAL + SPILLS, "sm_75")
    assert said == []
    assert set(kernels) == {"k0_sum", "k1_local", "k2_spill"}
    assert kernels["k0_sum"].shared == 256
    assert kernels["k0_sum"].registers > 0
    problems = gate.problems_of("m", "sm_75", kernels)
    assert [problem.split()[1] for problem in sorted(problems)] == ["k1_local", "k2_spill"]
    assert kernels["k1_local"].frame >= 256
    assert kernels["k2_spill"].spilled > 0


@needs_nvcc
def test_a_warning_and_an_error_are_problems() -> None:
    kernels, said = gate.compiled(NVCC, UNUSED, "sm_90")
    assert list(kernels) == ["k3_unused"]
    assert any("unused" in line for line in said)
    kernels, said = gate.compiled(NVCC, "extern void nothing(", "sm_90")
    assert kernels == {}
    assert any("error" in line for line in said)


def test_differences_say_from_what_to_what() -> None:
    before = {"mlp": {"k0_matmul": A_KERNEL, "k1_rows": A_KERNEL}}
    after = {"mlp": {"k0_matmul": {"sm_75": {"registers": 48, "shared": 512}}}}
    rows = gate.differences(before, after, counts_only=False)
    assert rows == [
        ("mlp", "2 -> 1 kernels", "", "", ""),
        ("mlp", "k0_matmul", "sm_75", "40 -> 48", "512"),
        ("mlp", "k1_rows -> none", "sm_75", "40 -> none", "512 -> none"),
    ]
    assert "40 -> 48" in gate.table(rows)
    assert gate.differences(before, after, counts_only=True) == rows[:1]
    assert gate.differences(before, before, counts_only=False) == []


def test_a_kernel_less_is_one_row_though_it_renames_the_others() -> None:
    other = {"sm_75": {"registers": 32, "shared": 0}}
    before = {"m": {"k0_rows": A_KERNEL, "k1_update": other, "k2_matmul": A_KERNEL}}
    after = {"m": {"k0_rows": A_KERNEL, "k1_matmul": A_KERNEL}}
    assert gate.differences(before, after, counts_only=False) == [
        ("m", "3 -> 2 kernels", "", "", ""),
        ("m", "k1_update -> none", "sm_75", "32 -> none", "0 -> none"),
    ]
    another_kind = {"m": {"k0_columns": A_KERNEL}}
    assert gate.differences({"m": {"k0_rows": A_KERNEL}}, another_kind, counts_only=False) == [
        ("m", "k0_rows -> k0_columns", "sm_75", "40", "512"),
    ]
    after["m"]["k1_matmul"] = other
    (_, _, changed) = gate.differences(before, after, counts_only=False)
    assert changed == ("m", "k2_matmul -> k1_matmul", "sm_75", "40 -> 32", "512 -> 0")


@pytest.fixture(scope="module")
def lowered() -> dict[str, KernelList]:
    return gate.lowered(["mlp"])


@pytest.fixture
def gated(lowered: dict[str, KernelList], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The gate over one model and one card, with a ledger of its own."""
    monkeypatch.setattr(gate, "LEDGER", tmp_path / "ledger.json")
    monkeypatch.setattr(gate, "CARDS", ("sm_75",))
    monkeypatch.setattr(gate, "lowered", lambda names: lowered)
    monkeypatch.setattr(gate.shutil, "which", lambda name: "nvcc")
    monkeypatch.setattr(gate, "toolkit", lambda nvcc: "13.0.1")
    compiled_as(lowered, gate.Resources(registers=40, shared=512, frame=0, spilled=0), monkeypatch)
    return tmp_path / "ledger.json"


def compiled_as(
    lowered: dict[str, KernelList], used: gate.Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [kernel.name for kernel in lowered["mlp"]]
    monkeypatch.setattr(gate, "compiled", lambda *_: (dict.fromkeys(names, used), []))


def test_a_change_fails_until_the_ledger_is_written(
    gated: Path,
    lowered: dict[str, KernelList],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert gate.main([]) == 1  # nothing is recorded yet
    assert gate.main(["--update"]) == 0
    assert gate.main([]) == 0
    recorded = json.loads(gated.read_text())
    assert recorded["toolkit"] == "13.0.1"
    assert len(recorded["models"]["mlp"]) == len(lowered["mlp"])
    first = next(iter(recorded["models"]["mlp"].values()))
    first["sm_75"]["registers"] = 39
    gated.write_text(json.dumps(recorded))
    capsys.readouterr()
    assert gate.main([]) == 1
    assert "39 -> 40" in capsys.readouterr().out
    # Another toolkit gives other registers; the kernels are as many.
    monkeypatch.setattr(gate, "toolkit", lambda nvcc: "14.0.0")
    assert gate.main([]) == 0
    assert "only the numbers of kernels are compared" in capsys.readouterr().out


def test_a_spill_fails_whatever_the_ledger_says(
    gated: Path, lowered: dict[str, KernelList], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled_as(lowered, gate.Resources(registers=40, shared=512, frame=8, spilled=8), monkeypatch)
    assert gate.main(["--update"]) == 1
    assert gate.main([]) == 1


def test_too_many_kernels_fail(
    gated: Path, lowered: dict[str, KernelList], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_KERNELS", {"mlp": len(lowered["mlp"]) - 1})
    assert gate.main(["--update"]) == 1


def test_the_mlp_has_at_most_twenty_kernels(lowered: dict[str, KernelList]) -> None:
    assert len(lowered["mlp"]) <= gate.MOST_KERNELS["mlp"] == 20


def test_the_ledger_has_every_model() -> None:
    recorded = json.loads((Path(gate.__file__).with_name("ledger.json")).read_text())
    assert set(recorded["models"]) == set(REFERENCE_MODELS)
    for kernels in recorded["models"].values():
        assert all(set(cards) == set(gate.CARDS) for cards in kernels.values())
