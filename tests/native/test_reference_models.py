"""The reference models train as native code as the interpreter trains them."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.config import config
from graphc.errors import IndexRangeError
from graphc.reference_models import REFERENCE_MODELS, TrainingStep
from tests.native.graph_programs import needs_compiler
from tests.reference_models.cut_sizes import CUT

pytestmark = needs_compiler

BATCHES = (3, 3, 2, 3, 4, 3, 3, 3, 3, 3)

# Sums in another order round otherwise, by a few times the precision, and ten steps hand that on;
# what differs by rounding differs relative to the largest element of its array.
TOLERANCE = 2e-5


def built(name: str, cpu: str) -> TrainingStep:
    """The same model, with the same weights, at each call."""
    config.cpu = cpu
    np.random.seed(3)
    return REFERENCE_MODELS[name].build(**CUT[name])


def states(step: TrainingStep) -> dict[str, np.ndarray]:
    """All that the step updates: weights and the optimizer's state."""
    return {f"{k} {g.name_of(node)}": node.get_value() for k, (node, _) in enumerate(step.updates)}


def trained(name: str, cpu: str) -> dict[str, np.ndarray]:
    """Losses and metrics of ten steps, of batches of several sizes, and the states after them."""
    step = built(name, cpu)
    train = step.function()
    assert ("native code" in str(train.report)) == (cpu == "native")
    np.random.seed(4)
    rows = [train(*step.data(batch)) for batch in BATCHES]
    losses = {
        f"result {k} of step {number}": np.asarray(value)
        for number, row in enumerate(rows)
        for k, value in enumerate(row)
    }
    return losses | states(step)


@pytest.mark.parametrize("name", CUT)
def test_ten_steps(name: str) -> None:
    """As interpreted; and the same bits in another run."""
    expected = trained(name, "numpy")
    received = trained(name, "native")
    again = trained(name, "native")
    assert list(received) == list(expected)
    for what, value in expected.items():
        scale = TOLERANCE * np.max(np.abs(value))
        np.testing.assert_allclose(received[what], value, rtol=0, atol=scale, err_msg=what)
        assert received[what].dtype == value.dtype
        assert received[what].tobytes() == again[what].tobytes(), what


def hundred_losses(name: str, cpu: str) -> np.ndarray:
    """The losses of a hundred steps over five batches."""
    step = built(name, cpu)
    train = step.function()
    np.random.seed(4)
    batches = [step.data(6) for _ in range(5)]
    return np.array([np.ravel(train(*batches[k % 5])[0])[0] for k in range(100)])


@pytest.mark.parametrize("name", CUT)
def test_a_hundred_steps(name: str) -> None:
    """The losses are as interpreted, to a few roundings, and have moved."""
    expected = hundred_losses(name, "numpy")
    np.testing.assert_allclose(hundred_losses(name, "native"), expected, rtol=2e-6)
    assert abs(expected[-1] - expected[0]) > 0.01


def masks(name: str, cpu: str) -> list[np.ndarray]:
    """The random words behind the dropout masks of a step, fetched from the training step."""
    step = built(name, cpu)
    roots = [step.loss, *(value for _, value in step.updates)]
    draws = [node for node in g.every_node(roots) if node.op == "random"]
    assert draws
    train = function(step.inputs, [step.loss, *draws], updates=step.updates)
    np.random.seed(4)
    return train(*step.data(5))[1:]


def test_dropout_masks_are_the_same_bits() -> None:
    for ours, theirs in zip(masks("mlp", "native"), masks("mlp", "numpy"), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def after_a_failed_step(cpu: str) -> tuple[str, dict[str, np.ndarray]]:
    """The message for an index outside of an embedding, and the states after a further step."""
    step = built("lstm", cpu)
    train = step.function()
    np.random.seed(4)
    good, bad = step.data(3), step.data(3)
    train(*good)
    before = states(step)
    bad[0][1, 2] = CUT["lstm"]["vocabulary"]
    with pytest.raises(IndexRangeError) as raised:
        train(*bad)
    for name, value in states(step).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    train(*good)
    return str(raised.value), states(step)


def test_an_index_out_of_range_changes_nothing_and_the_next_step_works() -> None:
    message, after = after_a_failed_step("native")
    expected, interpreted = after_a_failed_step("numpy")
    assert message == expected
    assert "embedding_1" in message
    for name, value in interpreted.items():
        scale = TOLERANCE * np.max(np.abs(value))
        np.testing.assert_allclose(after[name], value, rtol=0, atol=scale, err_msg=name)
