"""A training step that is interrupted, at any moment: all of it is done, or nothing."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.config import config
from graphc.engine import Model
from graphc.layers import Dense, Dropout
from graphc.models import Sequential
from tests.campaigns.interrupts import Counted, state_of
from tests.native.graph_programs import needs_compiler

LATEST = 120
"""Moments at the end of a step, which are all tried; of others each ninth is."""

ROWS = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


def trained_once(mode: str) -> Model:
    model = Sequential([Dense(2, input_dim=3), Dropout(0.5), Dense(1)])
    model.compile("adam", "mse", mode=mode)
    model.train_on_batch(ROWS, ROWS[:, :1])
    return model


# Python drops an interrupt in a function that C calls, such as the one that observes a step.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("mode", ["FAST_RUN", "NanGuardMode"])
@pytest.mark.parametrize("cpu", ["numpy", pytest.param("native", marks=needs_compiler)])
def test_weights_and_the_count_of_draws_change_together(cpu: str, mode: str):
    config.cpu = cpu
    model = trained_once(mode)
    with Counted() as whole:
        model.train_on_batch(ROWS, ROWS[:, :1])
    first, found = whole.count - LATEST, set()
    for at in (*range(1, first, 9), *range(first, whole.count)):
        before, draws, interrupted = (
            state_of(model),
            model._graphc_trainer.draws.call_step.value,
            False,
        )
        try:
            with Counted(at):
                model.train_on_batch(ROWS, ROWS[:, :1])
        except KeyboardInterrupt:
            interrupted = True
        after, counted = state_of(model), model._graphc_trainer.draws.call_step.value - draws
        changed = zip(
            [*before.weights, *before.optimizer], [*after.weights, *after.optimizer], strict=True
        )
        assert {one != another for one, another in changed} == {bool(counted)}, f"moment {at}"
        assert interrupted or counted == 1
        found.add(counted)
    assert found == {0, 1}
