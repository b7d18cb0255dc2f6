"""The gate finds what it is there for: spills, local memory, warnings, and what a change did."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from graphc.compiler.cards import CARDS
from graphc.compiler.program.kernel_list import KernelList
from graphc.reference_models import REFERENCE_MODELS
from tests.nvcc import gate, sass

NVCC = shutil.which("nvcc")

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
A_KERNEL = {"registers": 40, "shared": 512, "loop": 60, "fma": 32}
CARD = "t4"


@pytest.fixture(scope="module", name="tools")
def _tools() -> gate.Tools:
    nvdisasm = sass.nvdisasm()
    if NVCC is None or nvdisasm is None:
        pytest.skip("needs nvcc, and nvdisasm, which pip install '.[gate]' brings")
    return gate.Tools(NVCC, nvdisasm)


def test_each_fault_is_found(tools: gate.Tools) -> None:
    made = gate.compiled(tools, CLEAN + LOCAL + SPILLS, "sm_75")
    assert made.problems == []
    kernels = made.resources
    assert set(kernels) == set(made.mixes) == {"k0_sum", "k1_local", "k2_spill"}
    assert kernels["k0_sum"].shared == 256
    assert kernels["k0_sum"].registers > 0
    problems = gate.problems_of("m", CARD, kernels)
    assert [problem.split()[1] for problem in sorted(problems)] == ["k1_local", "k2_spill"]
    assert kernels["k1_local"].frame >= 256
    assert kernels["k2_spill"].spilled > 0
    assert made.mixes["k0_sum"].local == 0 < made.mixes["k1_local"].local


def test_a_warning_and_an_error_are_problems(tools: gate.Tools) -> None:
    made = gate.compiled(tools, UNUSED, "sm_90")
    assert list(made.resources) == ["k3_unused"]
    assert any("unused" in line for line in made.problems)
    made = gate.compiled(tools, "extern void nothing(", "sm_90")
    assert made.resources == made.mixes == {}
    assert any("error" in line for line in made.problems)


def ledger_of(**kernels: dict[str, int]) -> gate.Ledger:
    return {"mlp": {CARD: kernels}}


def test_differences_say_from_what_to_what() -> None:
    before = ledger_of(k0_matmul=A_KERNEL, k1_rows=A_KERNEL)
    after = ledger_of(k0_matmul=A_KERNEL | {"registers": 48, "copies": 2})
    rows = gate.differences(before, after, counts_only=False)
    gone = ("40 -> none", "512 -> none", "60 -> none", "32 -> none")
    assert rows == [
        ("mlp", CARD, "2 -> 1 kernels", "", "", "", "", ""),
        ("mlp", CARD, "k0_matmul", "40 -> 48", "512", "60", "32", "copies 0 -> 2"),
        ("mlp", CARD, "k1_rows -> none", *gone, ""),
    ]
    assert "40 -> 48" in gate.table(rows)
    assert gate.differences(before, after, counts_only=True) == rows[:1]
    assert gate.differences(before, before, counts_only=False) == []


def test_a_kernel_less_is_one_row_though_it_renames_the_others() -> None:
    other = {"registers": 32, "shared": 0, "loop": 0, "fma": 0}
    before = ledger_of(k0_rows=A_KERNEL, k1_update=other, k2_matmul=A_KERNEL)
    after = ledger_of(k0_rows=A_KERNEL, k1_matmul=A_KERNEL)
    rows = gate.differences(before, after, counts_only=False)
    assert [row[2] for row in rows] == ["3 -> 2 kernels", "k1_update -> none"]
    another_kind = ledger_of(k0_columns=A_KERNEL)
    (row,) = gate.differences(ledger_of(k0_rows=A_KERNEL), another_kind, counts_only=False)
    assert row == ("mlp", CARD, "k0_rows -> k0_columns", "40", "512", "60", "32", "")
    after["mlp"][CARD]["k1_matmul"] = other
    (_, _, changed) = gate.differences(before, after, counts_only=False)
    assert changed[2:5] == ("k2_matmul -> k1_matmul", "40 -> 32", "512 -> 0")


@pytest.fixture(scope="module")
def lowered() -> dict[tuple[str, str], KernelList]:
    return gate.lowered(["mlp"])


@pytest.fixture
def gated(
    lowered: dict[tuple[str, str], KernelList], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """The gate over one model, with a ledger of its own."""
    monkeypatch.setattr(gate, "LEDGER", tmp_path / "ledger.json")
    monkeypatch.setattr(gate, "lowered", lambda names: lowered)
    monkeypatch.setattr(gate.shutil, "which", lambda name: "nvcc")
    monkeypatch.setattr(sass, "nvdisasm", lambda: "nvdisasm")
    monkeypatch.setattr(gate, "toolkit", lambda nvcc: "13.0.1")
    compiled_as(lowered, USED, monkeypatch)
    return tmp_path / "ledger.json"


USED = gate.Resources(registers=40, shared=512, frame=0, spilled=0)
MIX = sass.Mix(instructions=90, loop=60, multiply_adds=32, matrix=0, copies=0, local=0)


def compiled_as(
    lowered: dict[tuple[str, str], KernelList],
    used: gate.Resources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {kernel.name for kernels in lowered.values() for kernel in kernels}
    made = gate.Compiled(dict.fromkeys(names, used), dict.fromkeys(names, MIX), [])
    monkeypatch.setattr(gate, "compiled", lambda *_: made)


def test_a_change_fails_until_the_ledger_is_written(
    gated: Path,
    lowered: dict[tuple[str, str], KernelList],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert gate.main([]) == 1  # nothing is recorded yet
    assert gate.main(["--update"]) == 0
    assert gate.main([]) == 0
    recorded = json.loads(gated.read_text())
    assert recorded["toolkit"] == "13.0.1"
    assert len(recorded["models"]["mlp"][CARD]) == len(lowered["mlp", CARD])
    next(iter(recorded["models"]["mlp"][CARD].values()))["registers"] = 39
    gated.write_text(json.dumps(recorded))
    capsys.readouterr()
    assert gate.main([]) == 1
    assert "39 -> 40" in capsys.readouterr().out
    # Another toolkit gives other registers; the kernels are as many.
    monkeypatch.setattr(gate, "toolkit", lambda nvcc: "14.0.0")
    assert gate.main([]) == 0
    assert "only the numbers of kernels are compared" in capsys.readouterr().out


def test_a_spill_fails_whatever_the_ledger_says(
    gated: Path, lowered: dict[tuple[str, str], KernelList], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled_as(lowered, replace(USED, frame=8, spilled=8), monkeypatch)
    assert gate.main(["--update"]) == 1
    assert gate.main([]) == 1


def test_too_many_kernels_fail(
    gated: Path, lowered: dict[tuple[str, str], KernelList], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_KERNELS", {"mlp": len(lowered["mlp", CARD]) - 1})
    assert gate.main(["--update"]) == 1


def test_more_shared_memory_than_the_card_has_fails(
    gated: Path,
    lowered: dict[tuple[str, str], KernelList],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiled_as(lowered, replace(USED, shared=(64 << 10) + 4), monkeypatch)
    assert gate.main(["--update"]) == 1
    wrong = capsys.readouterr().out.partition("wrong:")[2]
    assert "on t4: 65540 bytes of shared memory a block, of 65536" in wrong
    assert "on rtx4090" not in wrong


def test_the_mlp_has_at_most_twenty_kernels(
    lowered: dict[tuple[str, str], KernelList],
) -> None:
    assert len(lowered["mlp", CARD]) <= gate.MOST_KERNELS["mlp"] == 20


@pytest.fixture(scope="module", name="recorded")
def _recorded() -> gate.Ledger:
    ledger: gate.Ledger = json.loads(gate.LEDGER.read_text())["models"]
    return ledger


def test_the_ledger_has_every_model(recorded: gate.Ledger) -> None:
    assert set(recorded) == set(REFERENCE_MODELS)
    assert all(list(cards) == list(CARDS) for cards in recorded.values())


def test_the_lstm_runs_all_steps_in_one_launch_where_the_card_has_the_memory(
    recorded: gate.Ledger,
) -> None:
    """The weights of its loops take more than half of the shared memory of an H100."""
    of_loops = {
        card: [row["shared"] for name, row in kernels.items() if name.endswith("_scan")]
        for card, kernels in recorded["lstm"].items()
    }
    assert all(not of_loops[card] for card in ("t4", "rtx4090", "a100"))
    assert len(of_loops["h100"]) == 2
    assert min(of_loops["h100"]) > CARDS["a100"].most_shared
