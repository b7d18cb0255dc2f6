"""Losses, metrics, penalties, constraints, optimizers on the device: the interpreter's values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc import backend as K
from graphc import constraints, metrics, objectives, optimizers, regularizers
from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import optimize
from tests.cuda_emulator.graph_programs import run

CLASSES = 5
BATCHES = (7, 1, 33)
OBJECTIVES = list(dict.fromkeys(objectives.OBJECTIVES.values()))
OF_LABELS = "sparse_categorical_"
"""Prefix of the names of functions whose targets are class numbers."""


def same(outputs: list[Node], feeds: dict[Node, np.ndarray], tolerance: float) -> None:
    ours = run(optimize(outputs)[0], feeds)
    for one, another in zip(ours, evaluate(outputs, feeds), strict=True):
        np.testing.assert_allclose(one, another, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_with_their_gradients_and_metrics(dtype: str) -> None:
    p, t = g.input((BATCH, CLASSES), dtype), g.input((BATCH, CLASSES), dtype)
    labels = g.input((BATCH, 1), "int32")
    outputs = []
    for loss in OBJECTIVES:
        scores = loss(labels if loss.__name__.startswith(OF_LABELS) else t, p)
        outputs += [scores, grad(g.sum(scores), p)]
    for name, metric in metrics.METRICS.items():
        outputs.append(metric(labels if name.startswith(OF_LABELS) else t, p))
    random = np.random.default_rng(3)
    for batch in BATCHES:
        numbers = random.integers(0, CLASSES, (batch, 1)).astype("int32")
        feeds = {
            p: random.uniform(0.05, 0.95, (batch, CLASSES)).astype(dtype),
            t: np.eye(CLASSES, dtype=dtype)[numbers[:, 0]],
            labels: numbers,
        }
        # The gradient of a percentage is up to 1e9: the targets have zeros.
        same(outputs, feeds, {"float32": 2e-5, "float64": 1e-12}[dtype])


def test_penalties_and_constraints() -> None:
    w = g.input((6, CLASSES), "float32")
    loss = K.sum(K.square(w))  # nothing cancels
    outputs = []
    for penalty in (regularizers.l1(0.3), regularizers.l1l2(0.1, 0.2)):
        penalty.set_param(w)
        total = g.substitute([penalty(loss)], {g.learning_phase(): g.as_node(True)})[0]
        outputs += [total, grad(total, w)]
    for constraint in (constraints.maxnorm(0.5), constraints.maxnorm(0.5, axis=1)):
        outputs.append(constraint(w))
    outputs += [constraints.nonneg()(w), constraints.unitnorm()(w)]
    value = np.random.default_rng(4).normal(size=(6, CLASSES)).astype("float32")
    value[:, 2] = 0
    same(outputs, {w: value}, 1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optimizers.SGD(lr=0.1, momentum=0.9, decay=0.1, nesterov=True, clipnorm=0.5),
        lambda: optimizers.RMSprop(clipvalue=0.1),
        optimizers.Adagrad,
        optimizers.Adadelta,
        optimizers.Adam,
        optimizers.Adamax,
    ],
)
def test_a_step_of_an_optimizer(make: Callable[[], optimizers.Optimizer]) -> None:
    random = np.random.default_rng(5)
    x = g.input((BATCH, 6), "float32")
    w, b = K.variable(random.normal(size=(6, CLASSES))), K.variable(random.normal(size=CLASSES))
    optimizer = make()
    loss = K.mean(K.square(K.tanh(K.dot(x, w) + b)))
    new = [value for _, value in optimizer.get_updates([w, b], {w: constraints.maxnorm(1)}, loss)]
    for variable, _ in optimizer.updates:
        if variable not in (w, b):  # as after some steps: state that is not 0
            K.set_value(variable, random.uniform(0.1, 1, K.get_value(variable).shape))
    for batch in BATCHES:
        feeds = {x: random.normal(size=(batch, 6)).astype("float32")}
        same([loss, *new], feeds, 2e-6)
