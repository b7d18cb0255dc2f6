"""Training step by step in float64 equals what PyTorch's primitive operations recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import graphc
from graphc import optimizers
from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.config import config
from graphc.layers.core import Activation, Dense
from graphc.models import Sequential
from tests.references.problems import OPTIMIZERS, PROBLEMS, STEPS, Arrays, gru, mlp

RECORDED = json.loads((Path(__file__).parent / "references" / "training.json").read_text())

Weights = dict[str, Node]


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with config.changed(floatX="float64"):
        yield


def optimizer(name: str) -> optimizers.Optimizer:
    kind, options = OPTIMIZERS[name]
    return getattr(optimizers, kind)(**options)


def mean_squared_error(w: Weights, state: Node, y: Node) -> Node:
    return g.mean(g.mean(g.square(g.dot(state, w["V"]) + w["c"] - y), axis=-1))


def simple_rnn_loss(w: Weights, x: Node, y: Node) -> Node:
    def step(carries: tuple, slices: tuple) -> tuple:
        h = g.tanh(g.dot(slices[0], w["W"]) + w["b"] + g.dot(carries[0], w["U"]))
        return (h,), ()

    (state,), _ = g.scan(step, [g.zeros((x.shape[1], 4), "float64")], [x])
    return mean_squared_error(w, state, y)


def gru_loss(w: Weights, x: Node, y: Node) -> Node:
    def inner(gate: str, x: Node, h: Node) -> Node:
        return g.dot(x, w[f"W_{gate}"]) + w[f"b_{gate}"] + g.dot(h, w[f"U_{gate}"])

    def step(carries: tuple, slices: tuple) -> tuple:
        (h,), (x,) = carries, slices
        z, r = (g.clip(0.2 * inner(gate, x, h) + 0.5, 0.0, 1.0) for gate in "zr")
        candidate = g.tanh(g.dot(x, w["W_h"]) + w["b_h"] + g.dot(r * h, w["U_h"]))
        return (z * h + (1.0 - z) * candidate,), ()

    (state,), _ = g.scan(step, [g.zeros((x.shape[1], 4), "float64")], [x])
    return mean_squared_error(w, state, y)


LOSSES = {"simple_rnn": simple_rnn_loss, "gru": gru_loss}


def symbols(problem: str) -> tuple[list[Node], Weights, Node]:
    """Inputs x and y over any number of steps and samples, the weights, and the loss."""
    _, weights = PROBLEMS[problem]()
    x = g.input((None, g.BATCH, 3), name="x")
    y = g.input((g.BATCH, 2), name="y")
    variables = {name: graphc.shared(value, name) for name, value in weights.items()}
    return [x, y], variables, LOSSES[problem](variables, x, y)


def train_loop(problem: str, name: str) -> Callable[[Arrays], float]:
    inputs, variables, loss = symbols(problem)
    updates = optimizer(name).get_updates(list(variables.values()), {}, loss)
    step = graphc.function(inputs, loss, updates=updates, name=problem)
    return lambda data: step(data["x"], data["y"])


def mlp_model(name: str) -> Sequential:
    _, weights = mlp()
    model = Sequential()
    model.add(Dense(8, input_dim=6, activation="tanh"))
    model.add(Dense(4))
    model.add(Activation("softmax"))
    model.compile(optimizer=optimizer(name), loss="categorical_crossentropy")
    model.set_weights(list(weights.values()))
    return model


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_mlp_trains_as_recorded(name: str) -> None:
    data, _ = mlp()
    model = mlp_model(name)
    losses = [model.train_on_batch(data["x"], data["y"]) for _ in range(STEPS)]
    np.testing.assert_allclose(losses, RECORDED["losses"]["mlp"][name], rtol=1e-9)


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("problem", LOSSES)
def test_recurrent_network_trains_as_recorded(problem: str, name: str) -> None:
    data, _ = PROBLEMS[problem]()
    step = train_loop(problem, name)
    losses = [step(data) for _ in range(STEPS)]
    np.testing.assert_allclose(losses, RECORDED["losses"][problem][name], rtol=1e-9)


@pytest.mark.parametrize("problem", LOSSES)
def test_first_gradients_are_as_recorded(problem: str) -> None:
    data, _ = PROBLEMS[problem]()
    inputs, variables, loss = symbols(problem)
    gradients = graphc.function(inputs, graphc.grad(loss, list(variables.values())))
    for name, value in zip(variables, gradients(data["x"], data["y"]), strict=True):
        recorded = RECORDED["gradients"][problem][name]
        np.testing.assert_allclose(value, recorded, rtol=1e-9, atol=1e-15, err_msg=name)


def loops(outputs: list[Node]) -> list[Node]:
    return [node for node in g.toposort(outputs) if node.op == "scan"]


def products(loop: Node) -> list[Node]:
    return [node for node in g.toposort(loop.attrs["body"].outputs) if node.op == "matmul"]


def test_gru_training_step_is_one_forward_and_one_backward_loop() -> None:
    data, _ = gru()
    inputs, variables, loss = symbols("gru")
    updates = optimizer("adam").get_updates(list(variables.values()), {}, loss)
    step = graphc.function(inputs, loss, updates=updates)
    step(data["x"], data["y"])
    found = loops(step.graph())
    assert [loop.attrs["reverse"] for loop in found] == [False, True]
    forward, backward = found

    # U_z, U_r and U_h only, each by a 7 x 4 matrix: the products with x have left the loop, and a
    # gradient of a weight would be 4 x 4, or 3 x 4.
    for loop in (forward, backward):
        assert [product.shape for product in products(loop)] == [(g.BATCH, 4)] * 3
