"""SimpleRNN, GRU and LSTM on the emulated driver: what the interpreter gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.graph import Node, state_of
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import persistent
from graphc.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN
from tests.cuda_emulator.programs import Compiled

STEPS, FEATURES, UNITS = 4, 3, 5
LAYERS: dict[str, type[Recurrent]] = {"SimpleRNN": SimpleRNN, "GRU": GRU, "LSTM": LSTM}

# Sums of at most 5 terms, one after the other over 4 steps and their gradients' 4, add up to no
# more than 100 roundings, relative to the largest element.
TOLERANCE = {"float32": 100 * 2.0**-24, "float64": 100 * 2.0**-53}


class Program:
    """A layer's program on the device, and the same on the interpreter."""

    def __init__(self, fetched: Sequence[Node], updates: Sequence[tuple[Node, Node]]):
        self._variables = [variable for variable, _ in updates]
        nodes = [*fetched, *(value for _, value in updates)]
        (*outputs,) = g.substitute(nodes, {g.learning_phase(): g.as_node(True)})
        self._outputs, _ = optimize(outputs)
        self._compiled = Compiled(self._outputs, [state_of(one) for one in self._variables])

    def check(self, feeds: Mapping[Node, np.ndarray], call_step: int) -> list[np.ndarray]:
        """Run once on both; the variables have their new values then. Returns what is fetched."""
        old = [variable.get_value() for variable in self._variables]
        theirs = evaluate(self._outputs, feeds, call_step)
        for variable, value in zip(self._variables, old, strict=True):
            variable.set_value(value)
        fetched = self._compiled(feeds, call_step)
        ours = [*fetched, *(variable.get_value() for variable in self._variables)]
        for k, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert (one.shape, one.dtype) == (other.shape, other.dtype)
            bound = TOLERANCE[str(other.dtype)] * max(float(np.abs(other).max()), 1.0)
            np.testing.assert_allclose(one, other, rtol=0, atol=bound, err_msg=f"value {k}")
        return fetched


def training(layer: Recurrent, x: Node, mask: Node | None) -> Program:
    """Output, loss and the gradient of x; the weights and the states are updated."""
    output = layer(x, mask=mask)
    loss = K.mean(K.square(output - 0.25))
    gradients = K.gradients(loss, [*layer.trainable_weights, x])
    weights = zip(layer.trainable_weights, gradients[:-1], strict=True)
    steps = [(weight, weight - 0.5 * gradient) for weight, gradient in weights]
    return Program([output, loss, gradients[-1]], [*steps, *layer.updates])


def sequences(batch: int, dtype: str, mask: np.ndarray | None = None) -> np.ndarray:
    values = np.random.normal(size=(batch, STEPS, FEATURES)).astype(dtype)
    return values if mask is None else np.where(mask[..., None], values, np.nan).astype(dtype)


@pytest.fixture(autouse=True, params=["persistent", "launches"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run each test with one launch for a loop, and with launches for each step."""
    if request.param == "launches":
        monkeypatch.setattr(persistent, "MOST_SHARED", -1)
    return request.param


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(
    "options",
    [{}, {"return_sequences": True, "consume_less": "mem", "dropout_W": 0.5, "dropout_U": 0.5}],
)
def test_training(kind: str, options: dict[str, Any]) -> None:
    x = g.input((g.BATCH, STEPS, FEATURES), "float32")
    program = training(LAYERS[kind](UNITS, **options), x, None)
    for call_step, batch in enumerate((3, 1, 7)):
        program.check({x: sequences(batch, "float32")}, call_step)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("options", [{}, {"return_sequences": True, "go_backwards": True}])
def test_masked(kind: str, options: dict[str, Any]) -> None:
    """With NaN in the padding, and rows that are masked throughout."""
    x = g.input((g.BATCH, STEPS, FEATURES), "float32")
    mask = g.input((g.BATCH, STEPS), "bool")
    program = training(LAYERS[kind](UNITS, **options), x, mask)
    for batch in (5, 2):
        kept = np.random.randint(0, 2, (batch, STEPS)).astype(bool)
        kept[0] = False
        output, _, gradient = program.check({x: sequences(batch, "float32", kept), mask: kept}, 0)
        assert np.isfinite(output).all()
        assert not output[0].any()
        assert not gradient[~kept].any()


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("masked", [False, True])
def test_stateful(kind: str, masked: bool, form: str) -> None:
    x = g.input((3, STEPS, FEATURES), "float32")
    mask = g.input((3, STEPS), "bool") if masked else None
    layer = LAYERS[kind](UNITS, stateful=True)
    program = training(layer, x, mask)
    for _ in range(3):
        kept = np.random.randint(0, 2, (3, STEPS)).astype(bool) if masked else None
        feeds = {x: sequences(3, "float32", kept)}
        program.check(feeds if mask is None else {**feeds, mask: kept}, 0)
    assert all(state.get_value().any() for state in layer.states)


@pytest.mark.parametrize("kind", LAYERS)
def test_predicting_any_number_of_steps_in_double_precision(kind: str) -> None:
    x = g.input((g.BATCH, None, FEATURES), "float64")
    program = Program([LAYERS[kind](UNITS, return_sequences=True, go_backwards=True)(x)], [])
    for steps in (4, 1, 6):
        program.check({x: np.random.normal(size=(2, steps, FEATURES))}, 0)
