"""benchmarks/predict.py, and the predictions that are committed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import predict
from benchmarks.predicted import NAMES, PREDICTIONS, PRODUCTS, digest, step_of
from benchmarks.ptx_demand import demand_of as counted_demand
from graphc.compiler.cards import CARDS
from graphc.compiler.program.kernel_list import KernelDescription, KernelList
from graphc.compiler.program.ptxas_text import Resources
from graphc.compiler.program.time_report import demand_of
from graphc.config import config
from tests.cuda_emulator.ptx_count import Count

FILES = sorted(PREDICTIONS.glob("*.json"))
TAKEN = Resources(registers=64, shared=1000)
# Of 100 warps each; only what is named differs from none.
NONE = Count(100, 3200, 0, 0, 0, 0, 0)
FORMS = {
    "fma.rn.f32": replace(NONE, warps=1000),
    "add.f64": NONE,
    "ex2.approx.ftz.f32": NONE,
    "mov.b32": NONE,
    "add.s64": NONE,
    "ld.global.nc.v4.f32": replace(NONE, sectors=400),
    "st.shared.f32": replace(NONE, passes=300),
    "bar.sync": NONE,
    "shfl.sync.bfly.b32": NONE,
}


@pytest.fixture(scope="module", name="product")
def _product() -> KernelList:
    with config.changed(device="cpu"):
        return step_of("product-512").build().kernels(card="h100")


def test_the_demand_of_counts(product: KernelList) -> None:
    """Two launches of what the counts are of."""
    (kernel,) = product
    found = counted_demand(FORMS, 2, replace(kernel, grid=(10, 1, 1), block=(64, 1, 1)), TAKEN)
    assert (found.blocks, found.threads, found.registers) == (10, 64, 64)
    assert found.shared == kernel.shared + 1000
    # A move is none, an exponential and an addition of 64 bits are two.
    assert found.instructions == (1000 + 100 + 2 * 100 + 0 + 2 * 100 + 4 * 100) / 2
    assert found.float32 == 32 * 1000 / 2
    assert (found.float64, found.special, found.shuffles) == (1600, 1600, 1600)
    assert found.l2 == 400 * 32 / 2
    assert found.data_path == 400 * 32 / 2 + 300 * 128 / 2
    assert found.barriers == 100 / 40  # of 40 warps, twice 10 blocks of two


def test_counts_of_another_text_are_not_taken(product: KernelList) -> None:
    (kernel,) = product
    for text, source in ((digest(kernel.source), "counted"), ("another", "reports")):
        counts = {kernel.name: predict.Counted(text, FORMS)}
        (found,) = predict.predicted(product, CARDS["h100"], {kernel.name: TAKEN}, counts)
        assert found.source == source
        assert (found.time.demand.special > 0) == (source == "counted")


def test_a_large_product_is_a_small_one_many_times(product: KernelList) -> None:
    (small,) = product
    large: KernelDescription = replace(
        small,
        multiply_adds=8 * small.multiply_adds,
        grid=tuple(2 * n for n in small.grid[:2]) + (1,),
    )
    known = replace(demand_of(small), instructions=100.0, data_path=50.0, barriers=3.0)
    found = predict.scaled(large, TAKEN, small, known)
    assert (found.instructions, found.data_path) == (800, 400)
    assert found.barriers == 6  # four times the blocks, each with twice the loop
    assert found.registers == TAKEN.registers


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_committed_predictions_are_whole(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["date"] == path.stem
    assert found["commit"]
    assert set(found["cards"]) == set(CARDS)
    for name, card in CARDS.items():
        steps = found["cards"][name]
        assert set(steps) == set(NAMES)
        for step in steps.values():
            total = sum(
                one["times"] * one["cold_ms" if step["cold"] else "warm_ms"]
                for one in step["kernels"]
            )
            assert step["device_ms"] == pytest.approx(total, rel=2e-3)
            assert step["step_ms"] == max(step["device_ms"], step["host_ms"])
        for product in PRODUCTS:
            step = steps[product]
            rate = step["flops"] / (1e-3 * step["device_ms"])
            assert 0 < rate < card.peak_flops()


def test_there_are_predictions() -> None:
    assert FILES
