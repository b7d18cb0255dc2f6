"""``graphc bench`` of native code: every kernel of the step that runs, beside the interpreter."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest

from graphc import cli
from graphc.cli import bench
from graphc.cli.bench import native, rates
from graphc.cli.bench.native_table import format_native
from graphc.compiler import graph as g
from graphc.compiler.function.comparison import check
from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS, ReferenceModel, gru_ae, mlp
from graphc.view import read_page
from tests.compiler.wrong_programs import assert_a_wrong_kernel_is_named
from tests.native.graph_programs import needs_compiler

pytestmark = needs_compiler
SIZES = dict.fromkeys(symbols(BATCH), 3)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are fast to train, and short measurements."""
    config.cpu = "native"
    for name, build in {
        "dense": partial(mlp.build, features=8, width=16, classes=4),
        "loops": partial(gru_ae.build, steps=3, features=2, units=4),
    }.items():
        monkeypatch.setitem(REFERENCE_MODELS, name, ReferenceModel(name, "small", 3, build))
    monkeypatch.setattr(native, "_SECONDS", 0.0)
    monkeypatch.setattr(rates, "SIDE", 16)
    monkeypatch.setattr(rates, "COPIED", 1024)


@pytest.mark.parametrize("model", ["dense", "loops"])
def test_every_kernel_of_the_step_is_a_row_and_every_value_is_checked(model: str) -> None:
    measured = bench.profile(model, device="cpu")
    step = REFERENCE_MODELS[model].build()
    kernels = {kernel.name: kernel for kernel in step.function().kernels(3, target="cpu")}
    rows = {row.name: row for row in measured.rows}
    assert {name: row.times for name, row in rows.items()} == {
        name: kernel.times for name, kernel in kernels.items()
    }
    # A recurrent layer has a product of all steps, and some of each of 3 steps.
    layer = "gru_1" if model == "loops" else "dense_1"
    products = [one for one in kernels.values() if one.kind == "matmul" and layer in one.layers]
    assert {rows[one.name].times for one in products} == ({1, 3} if model == "loops" else {1})
    assert measured.launches == sum(row.times for row in measured.rows)
    assert sum(row.share for row in measured.rows) == pytest.approx(1)
    assert 0 < measured.between.median < measured.device_step.median
    assert 0 < measured.device_step.least <= measured.device_step.median
    busy = sum(row.ms.least * row.times for row in measured.rows)
    assert busy < measured.device_step.median
    row = max(measured.rows, key=lambda row: row.gflops)
    assert row.flops_of_peak == pytest.approx(row.gflops / measured.peaks.matmul_gflops)
    checked = measured.check
    assert (checked.failures, checked.unchecked) == ((), ())
    assert checked.values > len(step.updates)  # those, and what comes before them
    assert 0 < checked.largest < 1e-5


def test_a_page_holds_what_bench_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    # One measurement for both commands: times of a second one would differ.
    monkeypatch.setattr(bench, "_on_cpu", cache(bench._on_cpu))
    assert cli.main(["bench", "dense", "--device", "cpu", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    path = tmp_path / "dense.html"
    assert cli.main(["view", "dense", "--target", "cpu", "--measure", "-o", str(path)]) == 0
    found = read_page(path)
    assert found["measured"] == printed
    kernels = {kernel["name"]: kernel for kernel in found["kernels"]["kernels"]}
    assert kernels.keys() == {row["name"] for row in printed["rows"]}
    assert all(kernels[row["name"]]["launch"]["times"] == row["times"] for row in printed["rows"])


def test_the_rates_are_those_of_the_shapes() -> None:
    measured = bench.profile("dense", 32, "cpu")
    (row,) = [row for row in measured.rows if {"dense_1", "activation_1"} <= set(row.layers)]
    # x and W are read, b, and the dropout's masks and the result written, among others.
    moved = 1e6 * row.gbytes * row.ms.median
    assert moved >= 4 * (32 * 8 + 8 * 16 + 16 + 32 * 16)
    assert 1e6 * row.gflops * row.ms.median >= 2 * 32 * 8 * 16


def test_the_table_fits_a_terminal_and_says_what_the_machine_can_do() -> None:
    measured = bench.profile("loops", device="cpu")
    text = format_native(measured)
    assert max(map(len, text.splitlines())) <= 80
    assert "by native code on" in text
    assert "GFLOP/s, a copy of" in text
    assert "values agree with the interpreter's" in text


def test_a_rate_that_is_none_and_the_rows_that_are_not_shown_are_said() -> None:
    measured = bench.profile("dense", device="cpu")
    first, *others = measured.rows
    layers = ("gradient of a", "b")
    rows = (
        replace(first, gflops=0.0, layers=layers),
        *(replace(row, share=0.001) for row in others),
    )
    lines = format_native(replace(measured, rows=rows)).splitlines()
    (shown,) = [line for line in lines if first.name in line]
    assert " - " in shown
    assert shown.endswith("b, gradient of a")
    assert any(f"{len(others)} further rows; --json has all" in line for line in lines)


def test_json_has_the_threads_and_compares_with_another(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    files = []
    for k in range(2):
        assert cli.main(["bench", "dense", "--device", "cpu", "--json"]) == 0
        files.append(tmp_path / f"{k}.json")
        files[-1].write_text(capsys.readouterr().out)
    measured = json.loads(files[0].read_text())
    assert measured["executor"] == "native code"
    assert measured["facts"]["threads"] >= 1
    assert cli.main(["bench", "--compare", *map(str, files)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "executor: native code" in lines
    assert any("its kernels" in line for line in lines)
    assert sum("matmul" in line for line in lines) == sum(
        "matmul" in row["name"] for row in measured["rows"]
    )
    config.cpu = "numpy"
    assert cli.main(["bench", "dense", "--device", "cpu", "--json"]) == 0
    files[1].write_text(capsys.readouterr().out)
    assert cli.main(["bench", "--compare", *map(str, files)]) == 0
    assert "not of one and the same executor" in capsys.readouterr().out


def test_a_wrong_value_names_its_kernel_and_layers_and_no_other_kernel() -> None:
    def failures(outputs, states, feeds, change):
        native = lower_native(outputs, states)
        program = replace(native.program, source=change(native.program.source), code="")
        executor = NativeExecutor(replace(native, program=program), states)
        return check(executor, states, feeds, SIZES, g.CallStep())[1].failures

    assert_a_wrong_kernel_is_named(failures)
