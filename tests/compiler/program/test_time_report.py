"""The estimate of a program's time: what it takes from the reports, and how it adds up."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.cards import CARDS
from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.describe import describe
from graphc.compiler.program.kernel_list import KernelList
from graphc.compiler.program.ptxas_text import Resources
from graphc.compiler.program.time_report import HEADING, demand_of, host_seconds, time_report

WEIGHTS = np.eye(4, dtype=np.float32)
LOW, HIGH = CARDS["t4"], CARDS["h100"]


def product(dtype: str = "float32", batch: int = 64) -> KernelList:
    """tanh(x w), of a batch of rows of 48 and 32 columns."""
    x, w = g.input((BATCH, 48), dtype, name="x"), g.input((48, 32), dtype, name="w")
    return describe(lower([g.tanh(g.matmul(x, w))]), dict.fromkeys(symbols(BATCH), batch), "f")


def test_demands_of_a_product_are_those_of_its_shapes() -> None:
    (kernel,) = product()
    assert (kernel.multiply_adds, kernel.double) == (64 * 48 * 32, False)
    assert kernel.flops == 2 * 64 * 48 * 32 + 64 * 32
    demand = demand_of(kernel)
    assert demand.float32 == 64 * 48 * 32 + 64 * 32  # a multiply-add is one result
    assert demand.float64 == 0
    assert demand.memory == 4 * (64 * 48 + 48 * 32 + 64 * 32)
    assert demand.l2 == kernel.moved
    assert (demand.blocks, demand.threads) == (kernel.grid[0] * kernel.grid[1], kernel.block[0])


def test_float64_is_another_pipeline() -> None:
    (kernel,) = product("float64")
    assert (demand_of(kernel).float32, demand_of(kernel).float64) == (0, 64 * 48 * 32 + 64 * 32)


def test_a_loop_in_one_launch_waits_once_a_step_at_least() -> None:
    start, xs = g.input((BATCH, 4), name="start"), g.input((50, BATCH, 4), name="xs")

    def step(carries: tuple, slices: tuple) -> tuple:
        new = g.tanh(g.matmul(carries[0], g.shared(WEIGHTS)) + slices[0])
        return (new,), ()

    (last,), _ = g.scan(step, [start], [xs])
    kernels = describe(lower([last]), dict.fromkeys(symbols(BATCH), 3), "f")
    (loop,) = [kernel for kernel in kernels if kernel.kind == "scan"]
    assert loop.multiply_adds == 50 * 3 * 4 * 4
    assert demand_of(loop).round_trips >= 50


def test_registers_and_static_shared_memory_bound_the_blocks() -> None:
    kernels = product()
    (kernel,) = kernels
    (without,) = time_report(kernels, HIGH).launches
    taken = {kernel.name: Resources(registers=255, shared=100_000)}
    (known,) = time_report(kernels, HIGH, taken).launches
    assert without.demand.registers is None
    assert (known.demand.registers, known.demand.shared) == (255, kernel.shared + 100_000)
    assert known.warm.occupancy.blocks < without.warm.occupancy.blocks


def test_a_step_is_all_launches_or_the_host() -> None:
    x = g.input((BATCH, 10), name="x")
    outputs = [g.sum(g.exp(x), axis=1), g.sum(x, axis=0)]
    kernels = describe(lower(outputs), dict.fromkeys(symbols(BATCH), 8), "f")
    report = time_report(kernels, HIGH)
    assert report.device_seconds == pytest.approx(
        sum(one.times * one.warm.seconds for one in report.launches)
    )
    assert report.host_seconds == host_seconds(kernels.launches)
    assert report.seconds == max(report.device_seconds, report.host_seconds)


def test_a_step_that_the_l2_cache_does_not_hold_reads_device_memory() -> None:
    """64 MB of rows are more than a T4's 4 MB, and less than an RTX 4090's 72 MB."""
    x = g.input((BATCH, 1000), name="x")
    kernels = describe(lower([g.sum(x, axis=1)]), dict.fromkeys(symbols(BATCH), 16_000), "f")
    on_t4, on_rtx = (time_report(kernels, CARDS[name]) for name in ("t4", "rtx4090"))
    assert (on_t4.cold, on_rtx.cold) == (True, False)
    (low,) = on_t4.launches
    assert low.cold.limiter == "memory"
    assert low.cold.seconds == pytest.approx(2e-6 + 64.064e6 / (0.9 * 320e9))


def test_it_is_headed_as_an_estimate_and_fits_the_page() -> None:
    report = time_report(product(), LOW, without="no nvcc")
    text = str(report)
    assert text.startswith(HEADING)
    assert "without registers (no nvcc)" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
    found = json.loads(json.dumps(report.as_dict()))
    assert (found["heading"], found["card"]) == (HEADING, "t4")
    assert found["launches"][0]["demand"]["blocks"] == report.launches[0].demand.blocks
    assert HEADING in report._repr_html_()
