"""The reference models train on the emulated device as they do on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.config import config
from graphc.errors import IndexRangeError
from graphc.reference_models import REFERENCE_MODELS, TrainingStep
from tests.reference_models.cut_sizes import CUT

BATCHES = (3, 3, 2, 3, 4, 3, 3, 3, 3, 3)

Trained = tuple[list[list[np.ndarray]], dict[str, np.ndarray]]


def built(name: str) -> TrainingStep:
    """The same model, with the same weights, at each call."""
    np.random.seed(3)
    return REFERENCE_MODELS[name].build(**CUT[name])


def on(device: str, run: Callable[..., Any], *arguments: Any) -> Any:
    with config.changed():
        config.device = device
        return run(*arguments)


def states(step: TrainingStep) -> dict[str, np.ndarray]:
    """All that the step updates: weights and the optimizer's state."""
    return {f"{k} {g.name_of(node)}": node.get_value() for k, (node, _) in enumerate(step.updates)}


def trained(name: str) -> Trained:
    """Losses and metrics of ten steps, of batches of several sizes, and the states after them."""
    step = built(name)
    train = step.function()
    np.random.seed(4)
    results = [train(*step.data(batch)) for batch in BATCHES]
    return results, states(step)


def in_order(order: str, run: Callable[..., Any], *arguments: Any) -> Any:
    before = os.environ.get("GRAPHC_CUDA_ORDER")
    os.environ["GRAPHC_CUDA_ORDER"] = order
    try:
        return run(*arguments)
    finally:
        del os.environ["GRAPHC_CUDA_ORDER"]
        if before is not None:
            os.environ["GRAPHC_CUDA_ORDER"] = before


def named(run: Trained) -> dict[str, np.ndarray]:
    results, values = run
    losses = {
        f"result {k} of step {step}": np.asarray(value)
        for step, row in enumerate(results)
        for k, value in enumerate(row)
    }
    return losses | values


# Sums in another order round otherwise, by a few times the precision, and ten steps hand that on;
# what differs by rounding differs relative to the largest element of its array.
TOLERANCE = {"float64": 1e-13, "float32": 2e-5}


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("floatX", TOLERANCE)
def test_ten_steps(floatX: str, name: str) -> None:
    """As on the CPU; and the same bits in another run, whichever threads and blocks are first."""
    config.floatX = floatX
    expected = named(on("cpu", trained, name))
    received = named(on("gpu", in_order, "up", trained, name))
    again = named(on("gpu", in_order, "shuffled:1", trained, name))
    assert list(received) == list(expected)
    for what, value in expected.items():
        scale = TOLERANCE[floatX] * np.max(np.abs(value))
        np.testing.assert_allclose(received[what], value, rtol=0, atol=scale, err_msg=what)
        assert received[what].dtype == value.dtype
        assert received[what].tobytes() == again[what].tobytes(), what


def masks(name: str) -> list[list[np.ndarray]]:
    """The random words behind the dropout masks of three steps, fetched from the training step."""
    step = built(name)
    roots = [step.loss, *(value for _, value in step.updates)]
    draws = [node for node in g.every_node(roots) if node.op == "random"]
    assert draws
    train = function(step.inputs, [step.loss, *draws], updates=step.updates)
    return [train(*step.data(batch))[1:] for batch in BATCHES[:3]]


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_dropout_masks_are_the_same_bits(name: str) -> None:
    seen = set()
    for ours, theirs in zip(on("gpu", masks, name), on("cpu", masks, name), strict=True):
        for one, another in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, another)
            seen.add(another.tobytes())
    assert len(seen) == 3 * len(ours)  # each layer and step draws its own


def after_a_failed_step() -> tuple[str, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The message for an index outside of an embedding, the states then and after another step."""
    step = built("lstm")
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
    return str(raised.value), before, states(step)


def test_an_index_out_of_range_changes_nothing_and_the_next_step_works() -> None:
    message, before, after = on("gpu", after_a_failed_step)
    expected, _, after_on_cpu = on("cpu", after_a_failed_step)
    assert message == expected
    assert "embedding_1" in message
    assert any((after[name] != before[name]).any() for name in before)
    for name, value in after_on_cpu.items():
        scale = TOLERANCE["float32"] * np.max(np.abs(value))
        np.testing.assert_allclose(after[name], value, rtol=0, atol=scale, err_msg=name)
