"""The learning rate that follows the number of the epoch."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc import optimizers
from graphc.callbacks import LearningRateScheduler, ReduceLROnPlateau
from graphc.errors import ArgumentError, DTypeError
from graphc.layers import Dense
from graphc.models import Sequential
from tests.linear_model import data, linear

RATES = [0.1, 0.0, 0.03, 0.2]


def test_each_epoch_takes_steps_of_its_rate():
    x, y = data(6)
    epochs = []

    def schedule(epoch):
        epochs.append(epoch)
        return RATES[epoch]

    model = linear()
    model.fit(
        x, y, 6, nb_epoch=4, verbose=0, shuffle=False, callbacks=[LearningRateScheduler(schedule)]
    )
    weights, bias = np.zeros((3, 1)), 0.0
    for rate in RATES:
        error = x @ weights + bias - y  # the loss is mean(error^2)
        weights = weights - rate * 2 * x.T @ error / 6
        bias = bias - rate * 2 * error.mean()
    assert epochs == [0, 1, 2, 3]
    np.testing.assert_allclose(model.get_weights()[0], weights, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], [bias], rtol=1e-5)
    assert K.get_value(model.optimizer.lr) == np.float32(0.2)


def test_nothing_is_compiled_again():
    x, y = data(4)
    model = linear()
    model.fit(x, y, nb_epoch=1, verbose=0)
    step, rate = model._graphc_trainer.compiled.train(), model.optimizer.lr
    model.fit(
        x, y, nb_epoch=3, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: RATES[epoch])]
    )
    assert model._graphc_trainer.compiled.train() is step
    assert model.optimizer.lr is rate


def test_the_numbers_of_epochs_begin_where_training_does():
    epochs = []
    scheduler = LearningRateScheduler(lambda epoch: epochs.append(epoch) or 0.1)
    linear().fit(*data(4), initial_epoch=2, nb_epoch=5, verbose=0, callbacks=[scheduler])
    assert epochs == [2, 3, 4]


@pytest.mark.parametrize("rate", [0.25, np.float64(0.25), np.float32(0.25)])
def test_a_float_of_numpy_is_one(rate):
    model = linear()
    scheduler = LearningRateScheduler(lambda epoch: rate)
    model.fit(*data(4), nb_epoch=1, verbose=0, callbacks=[scheduler])
    assert K.get_value(model.optimizer.lr) == 0.25


@pytest.mark.parametrize("rate", [1, np.int64(1), None, "0.1", True])
def test_a_rate_is_exactly_a_float(rate):
    model = linear()
    with pytest.raises(
        DTypeError,
        match=rf"schedule\(0\): expected a float, .* of type {type(rate).__name__}; return float",
    ):
        model.fit(
            *data(4), nb_epoch=1, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: rate)]
        )
    assert K.get_value(model.optimizer.lr) == np.float32(0.1)
    assert not np.any(model.get_weights()[0])


@pytest.mark.parametrize("rate", [float("nan"), float("inf")])
def test_a_rate_is_finite(rate):
    model = linear()
    with pytest.raises(ArgumentError, match="schedule.0.: the rate: expected a finite number"):
        model.fit(
            *data(4), nb_epoch=1, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: rate)]
        )
    assert K.get_value(model.optimizer.lr) == np.float32(0.1)


def test_a_schedule_is_a_function():
    with pytest.raises(ArgumentError, match="schedule: expected a function of .*received 0.1"):
        LearningRateScheduler(0.1)


@pytest.mark.parametrize(("attributes", "what"), [({}, "none"), ({"lr": 0.5}, "0.5")])
def test_an_optimizer_of_ones_own_has_its_rate_in_a_variable(attributes, what):
    class Still(optimizers.Optimizer):
        def get_updates(self, params, constraints, loss):
            return []

    optimizer = Still()
    vars(optimizer).update(attributes)
    model = Sequential([Dense(1, input_dim=3)])
    model.compile(optimizer, "mse")
    with pytest.raises(
        ArgumentError, match=rf"lr is a shared variable, e.g. self.lr = .*Still with {what}"
    ):
        model.fit(
            *data(4), nb_epoch=1, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.1)]
        )


class Rated:
    """A model of which a callback sees the rate alone."""

    def __init__(self, rate):
        self.optimizer = optimizers.SGD(lr=rate)


def rates(values, name="score", **arguments):
    """(the rates in the logs of epochs with these values, the rate behind them)."""
    callback = ReduceLROnPlateau(name, **arguments)
    callback.set_model(model := Rated(1.0))
    callback.on_train_begin()
    found = []
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, logs := {name: value})
        found.append(logs["lr"])
    return found, float(K.get_value(model.optimizer.lr))


class TestReduceLROnPlateau:
    @pytest.mark.parametrize(
        ("values", "arguments", "in_logs", "last"),
        [
            # A reduction takes a worse epoch behind `patience` others, and begins with a wait of 1.
            ([3, 4, 4, 4, 4], {"factor": 0.5, "patience": 2}, [1, 1, 1, 1, 0.5], 0.5),
            ([3, 4, 4, 4, 4, 4], {"factor": 0.5, "patience": 2}, [1, 1, 1, 1, 0.5, 0.5], 0.25),
            ([3, 4, 4, 2, 4, 4], {"factor": 0.5, "patience": 2}, [1] * 6, 1),
            # Two epochs behind the reduction do not count, of which the second ends the cooldown.
            (
                [3, 4, 4, 4, 4, 4],
                {"factor": 0.5, "patience": 0, "cooldown": 2},
                [1, 1, 0.5, 0.5, 0.25, 0.25],
                0.125,
            ),
            ([3, 4, 4, 4], {"factor": 0.25, "patience": 0, "min_lr": 0.2}, [1, 1, 0.25, 0.2], 0.2),
            ([3, 2.95, 2.9], {"patience": 0, "epsilon": 0.2}, [1, 1, 0.1], 0.01),
        ],
    )
    def test_the_rate_of_each_epoch(self, values, arguments, in_logs, last):
        found, behind = rates(values, **arguments)
        np.testing.assert_allclose(found, in_logs, rtol=1e-6)
        assert behind == pytest.approx(last, rel=1e-6)

    @pytest.mark.parametrize(("mode", "better"), [("min", 2.7), ("max", 3.3)])
    def test_better_is_more_than_a_least_difference(self, mode, better):
        callback = ReduceLROnPlateau("score", mode=mode, epsilon=0.25)
        assert callback.monitor_op(better, 3.0)
        assert not callback.monitor_op((better + 3.0) / 2, 3.0)

    def test_more_is_better_of_an_accuracy(self):
        assert rates([1, 2, 3], "val_acc", patience=0)[1] == 1.0
        assert rates([1, 2, 3], "val_acc", patience=0, mode="min")[1] < 0.1

    def test_in_training(self, capsys):
        callback = ReduceLROnPlateau("loss", patience=0, mode="max", factor=0.5, verbose=1)
        history = linear(lr=0.01).fit(*data(4), nb_epoch=3, verbose=0, callbacks=[callback])
        np.testing.assert_allclose(history.history["lr"], [0.01, 0.01, 0.005], rtol=1e-6)
        assert "ReduceLROnPlateau: epoch 2: lr is 0.005 now" in capsys.readouterr().out
        assert not callback.in_cooldown()

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"factor": 1.0}, "factor: expected a number below 1"),
            ({"patience": -1}, "patience: expected a whole number of at least 0"),
            ({"min_lr": -1}, "min_lr: expected a number of at least 0"),
            ({"mode": "up"}, "mode: expected one of"),
        ],
    )
    def test_bad_arguments(self, arguments, words):
        with pytest.raises(ArgumentError, match=f"ReduceLROnPlateau: {words}"):
            ReduceLROnPlateau(**arguments)
