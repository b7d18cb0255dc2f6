"""The learning rate that follows the number of the epoch."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc import optimizers
from graphc.callbacks import LearningRateScheduler
from graphc.errors import ArgumentError, DTypeError
from graphc.layers import Dense
from graphc.models import Sequential
from tests.linear_model import data, linear

RATES = [0.1, 0.0, 0.03, 0.2]


def test_each_epoch_takes_steps_of_its_rate():
    x, y = data(6)
    asked = []

    def schedule(epoch):
        asked.append(epoch)
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
    assert asked == [0, 1, 2, 3]
    np.testing.assert_allclose(model.get_weights()[0], weights, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], [bias], rtol=1e-5)
    assert K.get_value(model.optimizer.lr) == np.float32(0.2)


def test_nothing_is_compiled_again():
    x, y = data(4)
    model = linear()
    model.fit(x, y, nb_epoch=1, verbose=0)
    step, rate = model._compiled.train(), model.optimizer.lr
    model.fit(
        x, y, nb_epoch=3, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: RATES[epoch])]
    )
    assert model._compiled.train() is step
    assert model.optimizer.lr is rate


def test_the_numbers_of_epochs_begin_where_training_does():
    asked = []
    scheduler = LearningRateScheduler(lambda epoch: asked.append(epoch) or 0.1)
    linear().fit(*data(4), initial_epoch=2, nb_epoch=5, verbose=0, callbacks=[scheduler])
    assert asked == [2, 3, 4]


@pytest.mark.parametrize("rate", [1, np.float64(0.1), np.float32(0.1), None, "0.1", True])
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
