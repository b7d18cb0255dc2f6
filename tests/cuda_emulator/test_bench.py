"""``graphc bench --device gpu`` and its timing, on the emulated driver: what is timed is right, and
is left as it was found. The times themselves mean nothing here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from graphc import cli
from graphc.cli import bench
from graphc.compiler import graph as g
from graphc.compiler.function.comparison import check
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.runtime.gpu import cuda
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.compiler.runtime.gpu.timing import Timing, time_copy, time_launches, time_program
from graphc.reference_models import REFERENCE_MODELS, ReferenceModel, gru_ae, mlp
from tests.compiler.wrong_programs import assert_a_wrong_kernel_is_named

SIZES = dict.fromkeys(symbols(BATCH), 3)
SHORT = Timing(repeats=3, flushed=1024)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that the emulated driver runs quickly."""
    for name, build in {
        "dense": partial(mlp.build, features=8, width=16, classes=4),
        "loops": partial(gru_ae.build, steps=3, features=2, units=4),
    }.items():
        monkeypatch.setitem(REFERENCE_MODELS, name, ReferenceModel(name, "small", 3, build))


def updated(w: Node, value: Node, feeds: Mapping[Node, np.ndarray]) -> tuple:
    """Return the arguments of `time_launches` that time an update of `w`."""
    outputs, states = [value], [g.state_of(w)]
    executor = CudaExecutor(lower(outputs, states), outputs, states)
    return cuda.device(), executor, feeds, SIZES, 0


def test_launches_that_write_over_what_they_read_are_put_back() -> None:
    x, w = g.input((BATCH, 4), name="x"), g.shared(np.ones(4, "float32"), "w")
    feeds = {x: np.arange(12, dtype="float32").reshape(3, 4)}
    times = time_launches(*updated(w, w * 2.0 + g.sum(x, axis=0), feeds), SHORT)
    assert w.get_value().tolist() == [14, 17, 20, 23]  # 2 * 1 + a sum: one run, not nine
    assert [one.restored for one in times][-1]
    for one in times:
        assert (len(one.warm), len(one.cold), one.count) == (3, 3, 1)
        assert min(*one.warm, *one.cold) >= 0


def test_all_launches_run_once_a_repeat() -> None:
    w = g.shared(np.zeros(4, "float32"), "w")
    seconds, launches = time_program(*updated(w, w + 1.0, {}), repeats=5)
    assert (len(seconds), launches) == (5, 1)
    assert w.get_value().tolist() == [6] * 4  # and once before that


def test_a_copy_is_timed() -> None:
    assert len(time_copy(cuda.device(), 4096, 3)) == 3


def test_steps_of_a_loop_are_timed_each_and_leave_its_result() -> None:
    start, xs = g.input((BATCH, 4), name="start"), g.input((5, BATCH, 4), name="xs")

    def step(carries: tuple, slices: tuple) -> tuple:  # rows depend on each other
        (h,), (x,) = carries, slices
        new = g.tanh(h + x) - g.mean(h, axis=0)
        return (new,), (new,)

    (last,), (stack,) = g.scan(step, [start], [xs])
    random = np.random.default_rng(5)
    feeds = {
        start: random.standard_normal((3, 4)).astype("float32"),
        xs: random.standard_normal((5, 3, 4)).astype("float32"),
    }
    outputs = [last, stack]
    executor = CudaExecutor(lower(outputs), outputs)
    arguments = (cuda.device(), executor, feeds, SIZES, 0)
    times = time_launches(*arguments, Timing(repeats=10, flushed=1024))
    assert {one.count for one in times} == {5}
    assert {len(one.warm) for one in times} == {10}  # two for each of the five steps
    for ours, theirs in zip(
        executor.run(feeds, SIZES, g.CallStep()), evaluate(outputs, feeds), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("model", ["dense", "loops"])
def test_every_launch_of_a_step_is_a_row_and_every_value_is_checked(model: str) -> None:
    measured = bench.profile(model, device="gpu")
    step = REFERENCE_MODELS[model].build()
    kernels = step.function().kernels(3)
    assert {row.name: row.times for row in measured.rows} == {k.name: k.times for k in kernels}
    assert measured.launches == kernels.launches
    assert sum(row.share for row in measured.rows) == pytest.approx(1)
    row = max(measured.rows, key=lambda row: row.gflops * row.ms.median)
    (kernel,) = [kernel for kernel in kernels if kernel.name == row.name]
    assert row.gflops == pytest.approx(1e-6 * kernel.flops / row.ms.median)
    assert row.gbytes == pytest.approx(1e-6 * kernel.bytes / row.cold.median)
    peak = measured.peaks.card_gflops  # the emulated driver has no clock
    assert row.flops_of_peak == (None if peak is None else pytest.approx(row.gflops / peak))
    checked = measured.check
    assert (checked.failures, checked.unchecked) == ((), ())
    assert checked.values > len(step.updates)  # those, and what comes before them
    assert 0 < checked.largest < 1e-5


@pytest.mark.usefixtures("small")
def test_flops_are_of_the_cards_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four multiprocessors of 64 lanes, at a gigahertz, do 512 GFLOP/s."""
    device = cuda.device()
    monkeypatch.setattr(device, "facts", replace(device.facts, clock=1e9, capability=(7, 5)))
    measured = bench.profile("dense", device="gpu")
    assert measured.peaks.card_gflops == pytest.approx(512)
    row = max(measured.rows, key=lambda row: row.gflops)
    assert row.flops_of_peak == pytest.approx(row.gflops / 512)


@pytest.mark.usefixtures("small")
def test_a_device_that_is_emulated_is_named_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "dense", "--device", "gpu"]) == 0
    text = capsys.readouterr().out
    assert "graphc emulated device" in text
    assert "the emulated driver: these times mean nothing" in text


@pytest.mark.usefixtures("small")
def test_json_names_card_driver_and_toolkit(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "dense", "--device", "gpu", "--batch", "2", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["batch"] == 2
    assert measured["facts"]["card"] == "graphc emulated device"
    assert {"driver", "toolkit", "pycuda", "capability", "commit", "date", "flags"} <= set(
        measured["facts"]
    )


def test_a_wrong_value_names_its_kernel_and_layers_and_no_other_kernel() -> None:
    def failures(outputs, states, feeds, change):
        program = lower(outputs, states)
        program = replace(program, source=change(program.source), code="")
        executor = CudaExecutor(program, outputs, states)
        return check(executor, states, feeds, SIZES, g.CallStep())[1].failures

    assert_a_wrong_kernel_is_named(failures)
