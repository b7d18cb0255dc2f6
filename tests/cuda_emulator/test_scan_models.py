"""Recurrent layers' training steps on the emulated driver, forward and backward loops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import launches
from graphc.compiler.schedule import Loop, persistent
from graphc.reference_models import recurrent
from graphc.reference_models.layers import Weights, mean_loss
from tests.cuda_emulator.graph_programs import both, run

BATCH, STEPS = 3, 4


def simple_rnn(weights: Weights, name: str, x: g.Node, units: int) -> g.Node:
    """h <- tanh(x . W + b + h . U): (batch, time, features) to (batch, time, units)."""
    with g.origin(name):
        W = weights.add(name, "W", (x.shape[2], units), "glorot_uniform")
        U = weights.add(name, "U", (units, units), "orthogonal")
        b = weights.add(name, "b", (units,), "zero")
        start = g.zeros((x.shape[0], units), x.dtype)
        projected = g.dot(g.swap_axes(x, 0, 1), W) + b
        _, (states,) = g.scan(
            lambda c, s: ((h := g.tanh(s[0] + g.dot(c[0], U)),), (h,)), [start], [projected]
        )
        return g.swap_axes(states, 0, 1)


def stacked_gru(weights: Weights, x: g.Node, units: int) -> g.Node:
    code = recurrent.gru(weights, "gru_1", x, units, "relu")
    return recurrent.gru(weights, "gru_2", code, x.shape[2], "relu")


LAYERS: dict[str, tuple[Callable[[Weights, g.Node], g.Node], int]] = {
    # The sizes of gru_ae, 6-50-6: 50 units, and what comes after a step is 6 wide.
    "gru": (lambda weights, x: stacked_gru(weights, x, 50), 4),
    "lstm": (lambda weights, x: recurrent.lstm(weights, "lstm_1", x, 17), 2),
    "rnn": (lambda weights, x: simple_rnn(weights, "rnn_1", x, 33), 2),
}


def training(layer: str) -> tuple[list[g.Node], dict[g.Node, np.ndarray]]:
    """A loss and the gradient of each weight after the passes, and what to feed."""
    np.random.seed(3)
    weights = Weights()
    x = g.input((g.BATCH, STEPS, 6), "float32")
    out = LAYERS[layer][0](weights, x)
    y = g.input(out.shape, "float32")
    loss = mean_loss("loss", "mean_squared_error", y, out)
    outputs, _ = optimize([loss, *grad(loss, weights.all)])
    shape = [BATCH if size is g.BATCH else size for size in out.shape]
    feeds = {x: np.random.uniform(size=(BATCH, STEPS, 6)), y: np.random.uniform(size=shape)}
    return outputs, {node: value.astype("float32") for node, value in feeds.items()}


@pytest.mark.parametrize("form", ["persistent", "launches"])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_training_step(layer: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if form == "launches":
        monkeypatch.setattr(persistent, "MOST_SHARED", -1)
    outputs, feeds = training(layer)
    program = lower(outputs)
    whole = [x for x in launches(program.steps) if isinstance(x.kernel, Loop)]
    assert len(whole) == (LAYERS[layer][1] if form == "persistent" else 0)
    results = both(outputs, feeds, program=program)
    for k, (ours, theirs) in enumerate(results):
        # A gradient adds up 12 products (batch x steps) of values that went through 8 sums of at
        # most 50 terms: 450 roundings of 2^-24 if they all went one way, relative to its largest.
        bound = 450 * 2.0**-24 * max(float(np.abs(theirs).max()), 1e-3)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound, err_msg=f"output {k}")
    again = run(outputs, feeds, program=lower(outputs))
    for one, (other, _) in zip(again, results, strict=True):
        assert one.tobytes() == other.tobytes()
