"""GRU and LSTM against loops over time in NumPy, written from the equations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.reference_models.layers import Weights
from graphc.reference_models.recurrent import gru, lstm

BATCH, STEPS, FEATURES, UNITS = 3, 5, 4, 6
Arrays = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def _double() -> None:
    config.floatX = "float64"


def hard_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip(0.2 * x + 0.5, 0.0, 1.0)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


FUNCTIONS = {"relu": relu, "tanh": np.tanh, "hard_sigmoid": hard_sigmoid, "sigmoid": sigmoid}


def gru_states(w: Arrays, xs: np.ndarray, act: Callable, inner: Callable) -> np.ndarray:
    h, states = np.zeros((len(xs), UNITS)), []
    for t in range(STEPS):
        x = xs[:, t]
        z = inner(x @ w["W_z"] + w["b_z"] + h @ w["U_z"])
        r = inner(x @ w["W_r"] + w["b_r"] + h @ w["U_r"])
        candidate = act(x @ w["W_h"] + w["b_h"] + (r * h) @ w["U_h"])
        h = z * h + (1.0 - z) * candidate
        states.append(h)
    return np.stack(states, axis=1)


def lstm_output(w: Arrays, xs: np.ndarray, act: Callable, inner: Callable) -> np.ndarray:
    h = c = np.zeros((len(xs), UNITS))
    for t in range(STEPS):
        x = xs[:, t]
        i = inner(x @ w["W_i"] + w["b_i"] + h @ w["U_i"])
        f = inner(x @ w["W_f"] + w["b_f"] + h @ w["U_f"])
        o = inner(x @ w["W_o"] + w["b_o"] + h @ w["U_o"])
        c = f * c + i * act(x @ w["W_c"] + w["b_c"] + h @ w["U_c"])
        h = o * act(c)
    return h


LAYERS = {"gru": (gru, gru_states, "zrh"), "lstm": (lstm, lstm_output, "icfo")}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(
    ("activation", "inner"),
    [("tanh", "hard_sigmoid"), ("relu", "hard_sigmoid"), ("tanh", "sigmoid")],
)
def test_values_are_those_of_the_equations(kind: str, activation: str, inner: str) -> None:
    layer, reference, gates = LAYERS[kind]
    x = g.input((g.BATCH, STEPS, FEATURES))
    weights = Weights()
    output = layer(weights, "layer", x, UNITS, activation, inner)
    names = [g.name_of(weight).removeprefix("layer_") for weight in weights.all]
    assert names == [f"{part}_{gate}" for gate in gates for part in "WUb"]
    rng = np.random.default_rng(5)
    arrays = {}
    for name, weight in zip(names, weights.all, strict=True):
        arrays[name] = rng.normal(size=weight.shape)
        weight.set_value(arrays[name])
    xs = rng.normal(size=(BATCH, STEPS, FEATURES))
    (value,) = evaluate([output], {x: xs})
    expected = reference(arrays, xs, FUNCTIONS[activation], FUNCTIONS[inner])
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("kind", "products"), [("gru", 3), ("lstm", 4)])
def test_the_loop_has_the_products_of_the_state_alone(kind: str, products: int) -> None:
    layer, _, _ = LAYERS[kind]
    x = g.input((g.BATCH, STEPS, FEATURES))
    output = layer(Weights(), "layer", x, UNITS)
    (scan,) = [node for node in g.toposort([output]) if node.op == "scan"]
    inside = [n for n in g.toposort(scan.attrs["body"].outputs) if n.op == "matmul"]
    assert [node.shape for node in inside] == [(g.BATCH, UNITS)] * products
    assert {node.inputs[1].shape for node in inside} == {(UNITS, UNITS)}


def test_initial_weights_are_those_of_keras() -> None:
    x = g.input((g.BATCH, STEPS, FEATURES))
    weights = Weights()
    lstm(weights, "lstm_1", x, UNITS)
    values = {g.name_of(weight): weight.get_value() for weight in weights.all}
    bound = np.sqrt(6.0 / (FEATURES + UNITS))
    for gate in "icfo":
        W, U = values[f"lstm_1_W_{gate}"], values[f"lstm_1_U_{gate}"]
        assert 0.5 * bound < np.abs(W).max() <= bound
        np.testing.assert_allclose(U @ U.T, 1.1**2 * np.eye(UNITS), atol=1e-12)
        np.testing.assert_array_equal(values[f"lstm_1_b_{gate}"], 1.0 if gate == "f" else 0.0)
