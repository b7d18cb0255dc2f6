"""benchmarks/peers: the reckoning, the layouts of weights, and workers that are asked for a step.

The peers' own models run where their libraries are installed (`make peers`).
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import __main__ as command
from benchmarks.peers import driver, floor, graphc_side, layouts, report, worker
from benchmarks.peers.driver import OWN, PEERS, Comparison, Peer, Settings
from benchmarks.peers.report import Measured
from benchmarks.peers.workloads import WORKLOADS, Task, Workload, batches
from graphc.compiler.loops.program import values_of, walk, walk_value
from graphc.compiler.loops.statement import UseIntrinsic
from graphc.compiler.loops.value import RandomWord
from graphc.reference_models import REFERENCE_MODELS

SMALL_MLP = Workload("mlp", 4, 6, "rmsprop", 1e-3, True, WORKLOADS["mlp"].draw)


def installed(peer: Peer) -> bool:
    return importlib.util.find_spec(peer.library) is not None


def draws(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.standard_normal(shape) for shape in shapes]


def test_the_best_peer_is_the_quickest_by_the_median_and_not_graphc() -> None:
    measured = {
        "graphc-native": Measured(rounds=[0.001]),
        "torch": Measured(rounds=[0.9, 0.004, 0.003]),
        "jax": Measured(rounds=[0.005, 0.005, 0.001]),
        "keras": Measured(failed="did not start in 300 s"),
    }
    assert measured["torch"].median == 0.004
    assert math.isnan(measured["keras"].median)
    assert report.best_peer(measured, OWN) == "torch"
    assert report.best_peer({"graphc-native": Measured(rounds=[1.0])}, OWN) == ""


def test_quartiles() -> None:
    assert report.quartiles([4.0, 1.0, 3.0, 2.0, 5.0]) == (2.0, 4.0)


def test_disagreement_is_relative_and_infinite_for_what_is_not_a_number() -> None:
    assert report.disagreement([2.0, 4.0], [2.0, 4.04]) == pytest.approx(0.04 / 4.04)
    assert report.disagreement([1.0], [1.0, 1.0]) == math.inf
    assert report.disagreement([math.nan], [math.nan]) == math.inf


def test_losses_that_differ_are_reported_and_those_of_another_model_are_not() -> None:
    measured = {
        "graphc-numpy": Measured(losses=[0.5, 0.25]),
        "jax": Measured(losses=[0.5, 0.2500001]),
        "torch": Measured(losses=[0.5, 0.251]),
        "torch-own-lstm": Measured(losses=[0.7, 0.6]),
    }
    assert report.disagreeing(measured, ["torch-own-lstm"]) == ["torch"]


def test_the_table_has_ratios_to_the_best_peer_and_to_the_floor() -> None:
    losses = [0.5]
    measured = {
        "graphc-native": Measured(rounds=[0.002] * 3, cold=2.5, warm=0.25, mib=99.6, losses=losses),
        "jax": Measured(rounds=[0.003, 0.004, 0.005], cold=1.0, warm=1.0, mib=300, losses=losses),
        "torch": Measured(failed="did not start in 300 s"),
    }
    lines = report.table("mlp", measured, OWN, [], (0.0007, 0.0003)).splitlines()
    assert "Floor 1.00 ms: 0.70 for FLOPs, 0.30 for bytes." in lines
    own, jax, torch = (line.split(" | ") for line in lines[-3:])
    assert own[:8] == ["| graphc-native", "2.00", "2.00-2.00", "0.50", "2.0", "2.50", "0.25", "100"]
    assert own[8].startswith("agree")
    assert jax[1:5] == ["4.00", "3.50-4.50", "1.00", "4.0"]
    assert torch[1] == "did not start in 300 s"


def test_the_floor_takes_the_best_rates_and_adds_both_times() -> None:
    rates = floor.best([floor.Rates(1e9, 4e9), floor.Rates(2e9, 1e9)])
    assert rates == floor.Rates(2e9, 4e9)
    assert floor.Work(10**9, 10**9).seconds(rates) == (0.5, 0.25)


def test_the_work_of_a_step_is_its_products_and_its_state_and_feeds() -> None:
    work = floor.work(WORKLOADS["mlp"])
    parameters = 784 * 512 + 512 * 512 + 512 * 10
    first = 784 * 512  # no gradient of the data
    assert work.flops >= 2 * 128 * (3 * parameters - first)
    assert work.flops < 1.1 * 2 * 128 * (3 * parameters - first)
    state = 2 * 4 * (parameters + 512 + 512 + 10)  # weights, and a mean square each
    fed = 4 * 128 * (784 + 10 + 1)
    assert work.bytes == 2 * state + fed


def test_batches_are_in_order_and_cover_all() -> None:
    parts = batches([np.arange(6), np.arange(6) * 2], 2)
    assert [part[0].tolist() for part in parts] == [[0, 1], [2, 3], [4, 5]]
    assert parts[2][1].tolist() == [8, 10]


def test_the_work_of_a_loop_is_that_of_all_its_steps() -> None:
    """Of an LSTM: four products with W and four with U at each step, forward and twice back."""
    products = 3 * 80 * 2 * (2 * 32 * 128 * 512)
    assert 1.0 < floor.work(WORKLOADS["lstm"]).flops / products < 1.05


def test_workloads_are_the_reference_models() -> None:
    for name, workload in WORKLOADS.items():
        assert workload.batch == REFERENCE_MODELS[name].batch
        step = REFERENCE_MODELS[name].build()
        weights = driver.initial_weights(workload)
        assert [w.shape for w in weights] == [w.shape for w in step.weights]
        assert all(w.dtype == np.float32 for w in weights)


def test_gates_side_by_side_give_the_products_of_each() -> None:
    h, x, *gates = draws(1, (2, 3), (2, 4), *[(4, 3), (3, 3), (3,)] * 4)
    W_z, U_z, b_z, W_r, U_r, b_r, W_h, U_h, b_h = gates[:9]
    W, U_zr, U, b = layouts.gru(gates[:9])
    projected = [x @ W_z + b_z, x @ W_r + b_r, x @ W_h + b_h]
    np.testing.assert_allclose(x @ W + b, np.hstack(projected))
    np.testing.assert_allclose(h @ U_zr, np.hstack([h @ U_z, h @ U_r]))
    assert U is U_h
    W, U, b = layouts.lstm(gates)  # given i, c, f, o; taken i, f, c, o
    ordered = [gates[3 * gate : 3 * gate + 3] for gate in (0, 2, 1, 3)]
    np.testing.assert_allclose(x @ W + b, np.hstack([x @ g[0] + g[2] for g in ordered]))
    np.testing.assert_allclose(h @ U, np.hstack([h @ g[1] for g in ordered]))


def test_kernels_are_flipped_and_moved() -> None:
    (kernel,) = draws(2, (5, 4, 3, 2))
    moved = layouts.channels_last(kernel)
    assert moved.shape == (3, 2, 4, 5)
    assert moved[0, 1, 2, 3] == kernel[3, 2, 2, 0]
    assert layouts.correlation(kernel)[3, 2, 0, 1] == kernel[3, 2, 2, 0]


def test_rows_follow_the_features_that_were_flattened_in_another_order() -> None:
    data, matrix = draws(3, (2, 4, 3), (12, 5))
    moved = layouts.rows_moved(matrix, (4, 3), (1, 0))
    other = data.transpose(0, 2, 1).reshape(2, -1)
    np.testing.assert_allclose(other @ moved, data.reshape(2, -1) @ matrix)


@pytest.mark.parametrize("name", [one.name for one in WORKLOADS.values() if one.dropout])
def test_no_kernel_of_a_step_draws_a_block_of_words_for_each(name: str) -> None:
    """As `fit` trains the models: accel's step was once twice as long for that."""
    programs = graphc_side.model(WORKLOADS[name], True).loop_programs(target="cpu")
    mapped = [one.mapped.program for one in programs if one.mapped is not None]
    called = [
        one.intrinsic.name
        for program in mapped
        for one in walk(program.body)
        if isinstance(one, UseIntrinsic)
    ]
    assert any(one.startswith("gc_draw_") for one in called)
    drawn = [
        part
        for program in mapped
        for one in walk(program.body)
        if not isinstance(one, UseIntrinsic)
        for value in values_of(one)
        for part in walk_value(value)
        if isinstance(part, RandomWord)
    ]
    assert not drawn


@pytest.mark.parametrize("name", WORKLOADS)
def test_graphc_takes_a_step_of_each_workload(name: str) -> None:
    """The losses of a batch in front of and behind a step of training on it."""
    workload = WORKLOADS[name]
    small = Workload(name, 2, 1, workload.optimizer, workload.lr, workload.dropout, workload.draw)
    weights = driver.initial_weights(workload)
    side = driver.graphc_side.Side(Task(small, "", weights, dropout=False))
    first, second = side.fit(small.data()), side.fit(small.data())
    assert np.isfinite(first)
    assert second != first


@pytest.mark.parametrize("name", ["torch", "jax", "keras", "pytensor"])
def test_a_peer_has_the_losses_of_graphc(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not installed(PEERS[name]):
        pytest.skip(f"{name} is not installed")
    for variable, value in driver.environment(PEERS[name], tmp_path, 1).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("PYTENSOR_FLAGS", "floatX=float32,mode=FAST_COMPILE")  # numba takes minutes
    weights = driver.initial_weights(SMALL_MLP)
    task = Task(SMALL_MLP, "", weights, dropout=False)
    side = importlib.import_module(f"benchmarks.peers.{PEERS[name].module}").Side(task)
    own = driver.graphc_side.Side(task)
    parts = batches(SMALL_MLP.data(), SMALL_MLP.batch)
    expected = [own.fit(part) for part in parts]
    assert report.disagreement([side.fit(part) for part in parts], expected) < report.TOLERANCE


def settings(folder: Path) -> Settings:
    return Settings(threads=1, rounds=2, limit=120, folder=folder, report=lambda line: None)


def test_workers_run_by_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "rates", lambda threads: floor.Rates(1e9, 1e9))
    lines = []
    settings = Settings(1, 1, 120, tmp_path, lines.append)
    comparison = Comparison(WORKLOADS["gru_ae"], [PEERS["graphc-numpy"]], settings)
    comparison.run()
    one = comparison.measured["graphc-numpy"]
    assert not one.failed
    assert [line.split(": ")[1] for line in lines] == [
        "first",
        "warm_up",
        "round",
        "check",
        "first",
    ]
    assert len(one.rounds) == len(comparison.rates) == 1
    assert len(one.losses) == worker.CHECKED
    assert min(one.cold, one.warm) > 0
    assert one.mib > 10
    assert one.steps >= 1
    assert one.versions.startswith("graphc ")


def test_a_worker_that_fails_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "rates", lambda threads: floor.Rates(1e9, 1e9))
    broken = Peer("broken", "no_such_side", "numpy")
    comparison = Comparison(WORKLOADS["mlp"], [broken], settings(tmp_path))
    comparison.run()
    failed = comparison.measured["broken"].failed
    assert failed.startswith("did not start: ")
    assert "no_such_side" in failed
    assert "\n" not in failed


def test_a_worker_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    place = tmp_path / "task"
    worker.save(place, "mlp", "", [])
    process = driver.Process(PEERS["graphc-numpy"], place, tmp_path, 1)
    with pytest.raises(driver.WorkerError, match=r"did not start in 0\.01 s"):
        process.ask("first", 0.01)
    assert process._process.poll() is not None


TRAINED = Measured(rounds=[0.001], losses=[0.5])
SLOW = Measured(failed="did not start in 600 s")


@pytest.mark.parametrize(
    ("measured", "status", "said"),
    [
        ({"graphc-numpy": TRAINED, "jax": TRAINED}, 0, "| jax | 1.00 |"),
        ({"graphc-numpy": TRAINED, "jax": SLOW}, 0, "| jax | did not start in 600 s |"),
        ({"graphc-numpy": SLOW, "jax": TRAINED}, 1, "graphc-numpy did not start in 600 s\n"),
        (
            {"graphc-numpy": TRAINED, "jax": Measured(rounds=[0.001], losses=[0.6])},
            1,
            "Losses differ: jax\n",
        ),
    ],
)
def test_the_status_is_1_where_graphc_fails_or_losses_differ(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    measured: dict[str, Measured],
    status: int,
    said: str,
) -> None:
    monkeypatch.setattr(Comparison, "run", lambda self: self.measured.update(measured))
    monkeypatch.setattr(command.floor, "best", lambda rates: floor.Rates(1e9, 1e9))
    monkeypatch.setattr(command.floor, "work", lambda workload: floor.Work(10**6, 10**6))
    assert command.main(["--only", "gru_ae", "--peers", "graphc-numpy"]) == status
    assert said in capsys.readouterr().out


def test_what_is_not_installed_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert not command._installed(Peer("other", "other_side", "no_such_library"))
    assert capsys.readouterr().err == (
        "other: left out, no_such_library is not installed (make peers)\n"
    )


def test_rates_are_measured() -> None:
    rates = floor.measure(1)
    assert 0 < rates.flops < math.inf
    assert 0 < rates.bytes < math.inf
