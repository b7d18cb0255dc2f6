"""Interrupts at any moment of a call on a GPU: all of the step is done, or nothing."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import CallStep, function
from graphc.config import config
from graphc.errors import IndexRangeError
from tests.campaigns.interrupts import Counted

# Python drops an interrupt in a finaliser.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _gpu() -> None:
    config.device = "gpu"


def test_states_and_the_count_of_draws_change_together() -> None:
    x = g.input((5,), name="x")
    one, other = g.shared(np.zeros(5, "float32"), "one"), g.shared(np.zeros((), "float32"), "other")
    draws = CallStep()
    drawn = g.cast(g.random.bits((5,), seed=3), "float32") * 1e-9 + x
    updates = [(one, one + drawn), (other, other + g.sum(one * 2.0 + drawn) + 1.0)]
    step = function([x], g.sum(drawn), updates, call_step=draws)
    step(np.ones(5, "float32"))
    found = set()
    for at in count(1):
        before = draws.value, one.get_value(), other.get_value()
        interrupted, moments = False, Counted(at)
        try:
            with moments:
                step(np.ones(5, "float32"))
        except KeyboardInterrupt:
            interrupted = True
        counted = draws.value - before[0]
        assert (one.get_value() != before[1]).all() == bool(counted)
        assert (other.get_value() != before[2]) == bool(counted)
        found.add((interrupted, counted))
        if moments.count < at:
            break
    assert found == {(True, 0), (True, 1), (False, 1)}


def test_an_interrupt_ahead_of_an_error_leaves_nothing_for_the_next_call() -> None:
    rows, table = g.input((2,), "int32", name="rows"), g.shared(np.arange(4, dtype="float32"))
    step = function([rows], g.take(table, rows + 1), updates=[(table, table + 1.0)])
    step(np.array([0, 1], "int32"))
    for at in count(1):
        try:
            with Counted(at):
                step(np.array([0, 9], "int32"))
        except KeyboardInterrupt:
            np.testing.assert_array_equal(step(np.array([0, 2], "int32")), [1 + at, 3 + at])
        except IndexRangeError:
            break
    assert at > 20
