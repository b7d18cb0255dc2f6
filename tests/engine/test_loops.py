"""The loops over batches, with plain functions in the place of compiled ones."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from graphc.callbacks import BaseLogger, CallbackList, History
from graphc.compiler.function import Pending
from graphc.engine.data.array_batches import ArrayBatches
from graphc.engine.data.batches import batch_shuffle, make_batches
from graphc.engine.training.loops import evaluate_loop, fit_loop, predict_loop
from graphc.errors import ShapeError
from graphc.layers import Dense
from graphc.models import Sequential


def test_batches_cover_all_samples_and_the_last_may_be_short():
    assert make_batches(7, 3) == [(0, 3), (3, 6), (6, 7)]
    assert make_batches(2, 5) == [(0, 2)]


def test_whole_batches_move_together_and_the_rest_stays_last():
    shuffled = batch_shuffle(np.arange(11), 3)
    np.testing.assert_array_equal(shuffled[9:], [9, 10])
    groups = shuffled[:9].reshape(3, 3)
    np.testing.assert_array_equal(groups[np.argsort(groups[:, 0])].ravel(), np.arange(9))
    np.testing.assert_array_equal(batch_shuffle(np.arange(2), 3), [0, 1])


def test_evaluation_weighs_batches_by_size():
    # Batches of 2, 2 and 1 samples; the step returns the mean and the count of its batch.
    values = evaluate_loop(
        lambda x: Pending.done([x.mean(), np.float64(len(x))]),
        ArrayBatches([np.arange(5.0)], 2),
        5,
        ["mean", "count"],
    )
    np.testing.assert_allclose(values, [2.0, (2 * 2 + 2 * 2 + 1) / 5], rtol=1e-15)


def test_predictions_of_several_outputs():
    x = np.arange(5, dtype="float32").reshape(5, 1)
    double, ones = predict_loop(
        lambda a: Pending.done([a * 2, np.ones((len(a), 3), "float32")]), ArrayBatches([x], 2), 5
    )
    np.testing.assert_array_equal(double, x * 2)
    assert (double.dtype, ones.shape) == (np.float64, (5, 3))


@pytest.mark.parametrize("output", [np.float32(1.0), np.ones(3, "float32")])
def test_an_output_that_is_not_one_of_each_sample(output):
    with pytest.raises(ShapeError, match="keep the batch axis"):
        predict_loop(lambda a: Pending.done([output]), ArrayBatches([np.zeros((5, 1))], 2), 5)


def test_every_array_is_taken_by_the_same_rows():
    seen = []

    def step(x, y):
        seen.append((x.copy(), y.copy()))
        return Pending.done([0.0])

    x = np.arange(10)
    listeners = CallbackList()
    model = SimpleNamespace(stop_training=False)
    batches = ArrayBatches([x, x * 10], 4, shuffle=True)
    fit_loop(model, step, batches, ["loss"], range(2), listeners, None)
    for epoch in (seen[:3], seen[3:]):
        np.testing.assert_array_equal(np.sort(np.concatenate([a for a, _ in epoch])), x)
    assert all(np.array_equal(b, a * 10) for a, b in seen)


def test_a_step_makes_few_calls_beside_the_function():
    """Its time is measured by benchmarks/fit_overhead.py; here its work is counted."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    def step(*batch):
        return values

    values = Pending.done([np.float32(0.5), np.float32(0.25)])
    arrays = [np.zeros((64_000, 64), "float32"), np.zeros((64_000, 1)), np.ones(64_000)]
    listeners = CallbackList([BaseLogger(), History()])
    listeners._set_params({"metrics": ["loss", "acc"]})
    model = SimpleNamespace(stop_training=False)
    sys.setprofile(count)
    try:
        batches = ArrayBatches(arrays, 32, shuffle=True)
        fit_loop(model, step, batches, ["loss", "acc"], range(1), listeners, None)
    finally:
        sys.setprofile(None)
    assert calls / 2_000 < 40


@pytest.mark.flags(keras="1.0")
def test_predicting_one_sample_makes_few_calls_beside_the_function(monkeypatch):
    """Its time is measured by benchmarks/small_models.py; here its work is counted."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    values = Pending.done([np.float32([[0.5]])])
    model = Sequential([Dense(1, input_dim=20)])
    step = SimpleNamespace(start=lambda *arrays: values)
    monkeypatch.setattr(model._graphc_trainer, "prediction_function", lambda *shards: step)
    sample = np.zeros((1, 20), "float32")
    sys.setprofile(count)
    try:
        predicted = model.predict(sample)
    finally:
        sys.setprofile(None)
    assert (predicted.dtype, predicted.tolist()) == (np.float64, [[0.5]])
    assert calls < 60


def test_values_that_no_callback_reads_are_fetched_when_the_epoch_is_over():
    """A device is not waited for between the batches."""
    events: list[str] = []

    def step(x):
        events.append("begin")
        return Pending(lambda: (events.append("wait"), [x.mean()])[1])

    listeners = CallbackList([BaseLogger(), history := History()])
    listeners._set_params({"metrics": ["loss"]})
    model = SimpleNamespace(stop_training=False)
    fit_loop(model, step, ArrayBatches([np.arange(5.0)], 2), ["loss"], range(1), listeners, None)
    assert events == ["begin"] * 3 + ["wait"] * 3
    assert history.history == {"loss": [2.0]}


@pytest.mark.parametrize(("verbose", "shown"), [(0, ""), (1, "predict")])
def test_predict_shows_a_bar_only_if_verbose(verbose, shown, monkeypatch, capsys):
    model = Sequential([Dense(1, input_dim=2)])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    model.predict(np.ones((4, 2)), batch_size=2, verbose=verbose)
    assert capsys.readouterr().out.strip()[: len("predict")] == shown


@pytest.mark.parametrize(("verbose", "shown"), [(0, ""), (1, "evaluate")])
def test_evaluate_shows_a_bar_only_if_verbose(verbose, shown, monkeypatch, capsys):
    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    model.evaluate(np.ones((4, 2)), np.ones(4), batch_size=2, verbose=verbose)
    assert capsys.readouterr().out.strip()[: len("evaluate")] == shown
