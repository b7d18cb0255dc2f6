"""``graphc bench`` by the interpreter: every node of the step, with shares that add up and rates
from the shapes."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest

from graphc import cli
from graphc.cli import bench
from graphc.compiler.function.comparison import Checked
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS, ReferenceModel, gru_ae, mlp


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is fast to train, as 'small'."""
    build = partial(mlp.build, features=8, width=16, classes=4)
    model = ReferenceModel("small", "8-16-16-4", 6, build)
    monkeypatch.setitem(REFERENCE_MODELS, "small", model)


@pytest.mark.usefixtures("small")
def test_profile_has_the_products_with_their_rates() -> None:
    measured = bench.profile("small", 32, "cpu")
    assert sum(row.share for row in measured.rows) == pytest.approx(1.0)
    assert [row.ms.median for row in measured.rows] == sorted(
        (row.ms.median for row in measured.rows), reverse=True
    )
    assert {row.ms.samples for row in measured.rows} == {measured.step.samples}
    products = {(row.name, row.layers): row for row in measured.rows if row.work == "matmul"}
    # One a layer forward; backward one for its weights, and one for the layer below, if there is.
    assert set(products) == {
        ("matmul float32[32, 16]", ("dense_1",)),
        ("matmul float32[32, 16]", ("dense_2",)),
        ("matmul float32[32, 4]", ("dense_3",)),
        ("matmul float32[32, 16]", ("gradient of dense_3",)),
        ("matmul float32[32, 16]", ("gradient of dense_2",)),
        ("matmul float32[8, 16]", ("gradient of dense_1",)),
        ("matmul float32[16, 16]", ("gradient of dense_2",)),
        ("matmul float32[16, 4]", ("gradient of dense_3",)),
    }
    forward = products["matmul float32[32, 16]", ("dense_1",)]
    seconds = 1e-3 * forward.ms.median
    assert forward.gflops == pytest.approx(1e-9 * 2 * 32 * 8 * 16 / seconds)
    assert forward.gbytes == pytest.approx(1e-9 * 4 * (32 * 8 + 8 * 16 + 32 * 16) / seconds)


@pytest.mark.usefixtures("small")
def test_the_table_fits_80_columns_and_names_nodes_with_their_layers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["bench", "small", "--batch", "5", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "  node; layers" in "\n".join(lines)
    assert any("matmul float32[5, 16]; dense_1" in line for line in lines)


@pytest.mark.usefixtures("small")
def test_json_has_every_node_and_what_it_was_measured_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["bench", "small", "--batch", "5", "--device", "cpu", "--json"]
    assert cli.main(arguments) == 0
    measured = json.loads(capsys.readouterr().out)
    assert (measured["model"], measured["batch"], measured["device"]) == ("small", 5, "cpu")
    assert measured["executor"] == "NumPy interpreter"
    assert "matmul float32[5, 16]" in {row["name"] for row in measured["rows"]}
    assert set(measured["rows"][0]["ms"]) == {"median", "spread", "samples", "least"}
    facts = measured["facts"]
    assert facts["flags"]["floatX"] == "float32"
    assert {"commit", "date", "host", "graphc"} <= set(facts)
    assert "card" not in facts  # what was not used is not named


@pytest.mark.usefixtures("small")
def test_table_says_that_the_interpreter_ran(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "small", "--batch", "8", "--device", "cpu"]) == 0
    text = capsys.readouterr().out
    assert "on the CPU, by the NumPy interpreter (no generated code)" in text
    assert "GFLOP/s" in text
    assert "matmul float32[8, 16]" in text


@pytest.mark.usefixtures("small")
def test_without_a_gpu_the_cpu_is_timed_and_the_reason_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")  # no nvcc, so no GPU is usable wherever this runs
    with monkeypatch.context() as patch:
        patch.setattr(type(config), "source", lambda self, name: "default")  # tests set all flags
        measured = bench.profile("small")
    assert measured.device == "cpu"
    assert "No GPU is usable here, so these are times of the CPU" in measured.notes[0]
    assert "nvcc" in measured.notes[0]
    assert bench.profile("small").notes == ()  # asked for, nothing to explain


@pytest.mark.parametrize(
    ("usable", "source", "expected"),
    [
        (True, "default", ("gpu", ())),
        (False, "default", ("cpu", ("No GPU is usable here, so these are times of the CPU: why",))),
        (True, "GRAPHC_FLAGS", ("cpu", ())),  # the flag says so, as the tests' own does
    ],
)
def test_the_device_is_a_gpu_that_is_usable_unless_a_flag_says_otherwise(
    usable: bool, source: str, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(config), "source", lambda self, name: source)
    monkeypatch.setattr(bench, "gpu_status", lambda: SimpleNamespace(usable=usable, reason="why"))
    assert bench._device(None) == expected


@pytest.mark.usefixtures("small")
def test_a_requested_gpu_that_is_missing_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert cli.main(["bench", "small", "--device", "gpu"]) == 2
    assert "device=gpu cannot be met" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_torch_is_refused_on_a_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "small", "--device", "cpu", "--vs", "torch"]) == 2
    assert "--vs torch times kernels of a GPU" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_a_failed_check_is_status_1_and_says_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = bench.profile("small", 2, "cpu")
    failed = Checked(7, 0.5, 1e-4, ("k3_rows (dense_1): sum: 2 of 9 elements differ",), ())
    monkeypatch.setattr(bench, "profile", lambda *_: replace(measured, check=failed))
    with pytest.raises(SystemExit) as end:
        cli.main(["bench", "small"])
    assert end.value.code == 1
    said = capsys.readouterr()
    assert said.err == "check failed: k3_rows (dense_1): sum: 2 of 9 elements differ\n"
    assert "share" in said.out  # what was measured is shown all the same


def test_unknown_model_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "mpl"]) == 2
    assert "mlp" in capsys.readouterr().err


def test_a_batch_has_a_sample(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--batch", "0"]) == 2
    assert "at least 1 sample, received 0" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_the_batch_is_the_models_own_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "small", "--device", "cpu"]) == 0
    assert "batch 6, float32" in capsys.readouterr().out


def test_values_of_a_loop_that_are_alike_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    build = partial(gru_ae.build, steps=3, features=2, units=4)
    monkeypatch.setitem(REFERENCE_MODELS, "small", ReferenceModel("small", "2-4-2", 5, build))
    rows = bench.profile("small", device="cpu").rows
    # Backward: the gradient of the state, and of the three projections at each step.
    assert "scan float32[5, 4], 3 x float32[3, 5, 4]" in {row.name for row in rows}
