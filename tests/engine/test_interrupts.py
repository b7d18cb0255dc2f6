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

ROWS = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


def trained_once(mode: str) -> Model:
    model = Sequential([Dense(2, input_dim=3), Dropout(0.5), Dense(1)])
    model.compile("adam", "mse", mode=mode)
    model.train_on_batch(ROWS, ROWS[:, :1])
    return model


# Python drops an interrupt in a generator that is being closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("mode", ["FAST_RUN", "NanGuardMode"])
@pytest.mark.parametrize("cpu", ["numpy", pytest.param("native", marks=needs_compiler)])
def test_weights_and_the_count_of_draws_change_together(cpu: str, mode: str):
    config.cpu = cpu
    model = trained_once(mode)
    at, interrupted, found = 0, True, set()
    while interrupted:
        before, count = state_of(model), model._call_step.value
        at, interrupted = at + 1, False
        try:
            with Counted(at):
                model.train_on_batch(ROWS, ROWS[:, :1])
        except KeyboardInterrupt:
            interrupted = True
        changed = zip(
            [*before.weights, *before.optimizer],
            [*(after := state_of(model)).weights, *after.optimizer],
            strict=True,
        )
        counted = model._call_step.value - count
        assert {one != another for one, another in changed} == {bool(counted)}, f"moment {at}"
        assert interrupted or counted == 1
        found.add(counted)
    assert found == {0, 1}
