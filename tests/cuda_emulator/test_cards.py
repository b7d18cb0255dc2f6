"""A model trains with the kernels that each card would choose by its shared memory."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.cards import CARDS
from graphc.config import config
from graphc.layers.recurrent import LSTM
from graphc.models import Sequential
from tests.cuda_emulator.emulator import emulated_card, in_each_order

# Of its loops, forward and back, each needs more shared memory than an A100 gives a block.
UNITS = 128


def trained() -> tuple[list[np.ndarray], int]:
    """The weights after two steps, and the launches of a step."""
    np.random.seed(1)
    model = compiled()
    x, y = np.random.uniform(size=(2, 3, 5)), np.random.uniform(size=(2, UNITS))
    for _ in range(2):
        model.train_on_batch(x, y)
    return model.get_weights(), model.kernels(2, target="cuda").launches


def compiled() -> Sequential:
    model = Sequential([LSTM(UNITS, input_shape=(3, 5))])
    model.compile("sgd", "mse")
    return model


@pytest.fixture(scope="module", name="interpreted")
def _interpreted() -> list[np.ndarray]:
    with config.changed(device="cpu", cpu="numpy"):
        return trained()[0]


def test_one_launch_runs_all_steps_on_the_one_card_that_has_the_memory() -> None:
    with config.changed(device="cpu"):
        launches = {name: compiled().kernels(2, card=name).launches for name in CARDS}
    assert launches["t4"] == launches["rtx4090"] == launches["a100"] > launches["h100"]


# The kernels of the two cards between them are a T4's.
@pytest.mark.parametrize("name", ["t4", "h100"])
def test_a_loop_of_128_units(name: str, interpreted: list[np.ndarray]) -> None:
    """The launches that `card` shows give the interpreter's weights, with the same bits in each
    order of threads."""
    with config.changed(device="gpu"), emulated_card(CARDS[name]):
        runs = in_each_order(trained)
    with config.changed(device="cpu"):
        shown = compiled().kernels(2, card=name).launches
    for weights, launches in runs:
        assert launches == shown
        assert [one.tobytes() for one in weights] == [one.tobytes() for one in runs[0][0]]
    for value, expected in zip(runs[0][0], interpreted, strict=True):
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6)
