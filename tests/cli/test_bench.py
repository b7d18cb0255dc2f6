"""``graphc bench``: every node of the step, with shares that add up and rates from the shapes."""

from __future__ import annotations

import json
from functools import partial

import pytest

from graphc import cli
from graphc.cli import bench
from graphc.reference_models import REFERENCE_MODELS, ReferenceModel, gru_ae, mlp


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is fast to train, as 'small'."""
    build = partial(mlp.build, features=8, width=16, classes=4)
    model = ReferenceModel("small", "8-16-16-4", 6, build)
    monkeypatch.setitem(REFERENCE_MODELS, "small", model)


@pytest.mark.usefixtures("small")
def test_profile_has_the_products_with_their_rates() -> None:
    measured = bench.profile("small", 32)
    assert sum(row.share for row in measured.nodes) == pytest.approx(1.0)
    assert [row.median_ms for row in measured.nodes] == sorted(
        (row.median_ms for row in measured.nodes), reverse=True
    )
    assert {row.calls for row in measured.nodes} == {measured.steps}
    products = {
        (row.result, row.layer): row for row in measured.nodes if row.op == "matmul"
    }
    # One a layer forward; backward one for its weights, and one for the layer below, if there is.
    assert set(products) == {
        ("float32[32, 16]", "dense_1"),
        ("float32[32, 16]", "dense_2"),
        ("float32[32, 4]", "dense_3"),
        ("float32[32, 16]", "gradient of dense_3"),
        ("float32[32, 16]", "gradient of dense_2"),
        ("float32[8, 16]", "gradient of dense_1"),
        ("float32[16, 16]", "gradient of dense_2"),
        ("float32[16, 4]", "gradient of dense_3"),
    }
    forward = products["float32[32, 16]", "dense_1"]
    seconds = 1e-3 * forward.median_ms
    assert forward.gflops == pytest.approx(1e-9 * 2 * 32 * 8 * 16 / seconds)
    assert forward.gbytes == pytest.approx(1e-9 * 4 * (32 * 8 + 8 * 16 + 32 * 16) / seconds)


@pytest.mark.usefixtures("small")
def test_json_has_every_node(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "small", "--batch", "5", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert (measured["model"], measured["batch"]) == ("small", 5)
    assert measured["executor"] == "NumPy interpreter"
    assert {"op", "result", "layer", "calls", "median_ms", "share", "gflops", "gbytes"} == set(
        measured["nodes"][0]
    )
    assert "float32[5, 16]" in {row["result"] for row in measured["nodes"]}


@pytest.mark.usefixtures("small")
def test_table_says_that_the_interpreter_ran(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "small", "--batch", "8"]) == 0
    text = capsys.readouterr().out
    assert "on the CPU, by the NumPy interpreter (no generated code)" in text
    assert "GFLOP/s" in text
    assert "matmul float32[8, 16]" in text


def test_unknown_model_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "mpl"]) == 2
    assert "mlp" in capsys.readouterr().err


def test_a_batch_has_a_sample(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--batch", "0"]) == 2
    assert "at least 1 sample, received 0" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_the_batch_is_the_models_own_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "small"]) == 0
    assert "batch 6, float32" in capsys.readouterr().out


def test_values_of_a_loop_that_are_alike_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    build = partial(gru_ae.build, steps=3, features=2, units=4)
    monkeypatch.setitem(REFERENCE_MODELS, "small", ReferenceModel("small", "2-4-2", 5, build))
    results = {row.result for row in bench.profile("small").nodes if row.op == "scan"}
    # Backward: the gradient of the state, and of the three projections at each step.
    assert "float32[5, 4], 3 x float32[3, 5, 4]" in results
