"""``graphc bench``: every node of the step, with shares that add up and rates from the shapes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphc import cli
from graphc.cli import bench
from graphc.layers.core import Dense
from graphc.models import Sequential


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is fast to train, as 'small'."""

    def model() -> Sequential:
        network = Sequential()
        network.add(Dense(16, input_dim=8, activation="relu", name="hidden"))
        network.add(Dense(4, activation="softmax", name="head"))
        network.compile(optimizer="rmsprop", loss="categorical_crossentropy")
        return network

    def data(batch: int) -> bench.Batch:
        return np.ones((batch, 8)), np.eye(4)[np.arange(batch) % 4]

    monkeypatch.setitem(bench.BENCHMARKS, "small", bench.Benchmark("8-16-4", model, data))


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
    # Two forward; in the backward walk two for the weights and one for the hidden layer's values.
    assert set(products) == {
        ("float32[32, 16]", "hidden"),
        ("float32[32, 4]", "head"),
        ("float32[32, 16]", "gradient of head"),
        ("float32[8, 16]", "gradient of hidden"),
        ("float32[16, 4]", "gradient of head"),
    }
    forward = products["float32[32, 16]", "hidden"]
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


def test_mlp_is_the_model_that_it_says() -> None:
    model = bench.BENCHMARKS["mlp"].model()
    assert [weight.shape for weight in model.get_weights()] == [
        (784, 512), (512,), (512, 512), (512,), (512, 10), (10,),
    ]  # fmt: skip
