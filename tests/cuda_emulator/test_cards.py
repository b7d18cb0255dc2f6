"""A model trains with the kernels that each card would choose by its shared memory."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from graphc.compiler.cards import CARDS
from graphc.compiler.program.kernel_list import KernelList
from graphc.config import config
from graphc.layers.recurrent import GRU, LSTM
from graphc.models import Sequential
from tests.cuda_emulator.emulator import emulated_card, in_each_order

pytestmark = pytest.mark.over("ptx", "source")

# Of each the loops take one launch on this card, in more shared memory than the one before gives a
# block, or than a launch has unasked.
LOOPS = {
    "t4": (LSTM, 80),
    "rtx4090": (GRU, 104),
    "a100": (LSTM, 96),
    "h100": (LSTM, 128),
}
# Each loop on its card, and two where a T4 runs launches for each step.
FURTHER = [*((name, name) for name in LOOPS if name != "h100"), ("rtx4090", "t4")]
UNSANITIZED = pytest.mark.unsanitized(reason="loops of so many units are slow: one in both forms")
PAIRS = [("h100", "h100"), ("h100", "t4")]
PAIRS += [pytest.param(*pair, marks=UNSANITIZED) for pair in FURTHER]


def compiled(name: str) -> Sequential:
    layer, units = LOOPS[name]
    model = Sequential([layer(units, input_shape=(3, 5))])
    model.compile("sgd", "mse")
    return model


@cache
def kernels_on(name: str, card: str) -> KernelList:
    """The kernels of a step that a card would run."""
    with config.changed(device="cpu"):
        return compiled(name).kernels(2, card=card)


def trained(name: str) -> tuple[list[np.ndarray], int]:
    """The weights after two steps, and the launches of a step."""
    np.random.seed(1)
    model = compiled(name)
    x, y = np.random.uniform(size=(2, 3, 5)), np.random.uniform(size=(2, LOOPS[name][1]))
    for _ in range(2):
        model.train_on_batch(x, y)
    return model.get_weights(), model.kernels(2, target="cuda").launches


@pytest.mark.parametrize("name", CARDS)
def test_one_launch_runs_all_steps_from_the_card_on_that_has_the_memory(name: str) -> None:
    cards = list(CARDS)
    first = cards.index(name)
    before = CARDS[cards[first - 1]].most_shared if first else 48 << 10
    most = max(kernel.shared for kernel in kernels_on(name, name))
    assert before < most <= CARDS[name].most_shared
    launches = kernels_on(name, name).launches
    assert kernels_on(name, cards[-1]).launches == launches
    if first:
        assert kernels_on(name, cards[first - 1]).launches > launches


@pytest.mark.parametrize(("name", "card"), PAIRS)
def test_a_loop_on_a_card(name: str, card: str) -> None:
    """The launches that `card` shows give the interpreter's weights, with the same bits in each
    order of threads."""
    with config.changed(device="cpu", cpu="numpy"):
        interpreted, _ = trained(name)
    with config.changed(device="gpu"), emulated_card(CARDS[card]):
        runs = in_each_order(lambda: trained(name))
    shown = kernels_on(name, card).launches
    for weights, launches in runs:
        assert launches == shown
        assert [one.tobytes() for one in weights] == [one.tobytes() for one in runs[0][0]]
    for value, expected in zip(runs[0][0], interpreted, strict=True):
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6)
