"""A reference model, and the training step that it builds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.function import Function, function
from graphc.optimizers import Optimizer


@dataclass(frozen=True)
class TrainingStep:
    """The graph of one step of training. The batch is symbolic: `BATCH`.

    Attributes:
        name: the model's.
        inputs: what a call feeds: data, then targets (then sample weights).
        loss: a scalar. Loss, metrics and updates are those of training: dropout is on.
        metrics: scalars beside the loss.
        updates: (shared variable, new value) pairs: the weights, and the optimizer's state.
        predictions: the model's outputs as `predict` gives them: dropout is off.
        weights: the shared variables that are trained, layer by layer.
        data: number of samples -> an array for each of `inputs`, of its dtype. The arrays come from
            NumPy's global generator, as the weights do.
    """

    name: str
    inputs: list[g.Node]
    loss: g.Node
    metrics: list[g.Node]
    updates: list[tuple[g.Node, g.Node]]
    predictions: g.Node
    weights: list[g.Node]
    data: Callable[[int], list[np.ndarray]]

    def function(self, mode: str | None = None) -> Function:
        """One step to call with arrays like `data`'s: it returns [loss, *metrics], then updates.

        Args:
            mode: of `graphc.function`.
        """
        return function(
            self.inputs,
            [self.loss, *self.metrics],
            updates=self.updates,
            mode=mode,
            name=f"{self.name}.train",
        )


@dataclass(frozen=True)
class ReferenceModel:
    """A named model.

    Attributes:
        name: its key in `REFERENCE_MODELS`.
        summary: one line: layers, regularization, optimizer.
        batch: samples a step.
        build: makes weights and graph. The sizes are its keyword arguments, so that a test may cut
            them; the defaults are the model's own.
    """

    name: str
    summary: str
    batch: int
    build: Callable[..., TrainingStep]


def training_step(
    name: str,
    inputs: Sequence[g.Node],
    predictions: g.Node,
    loss: g.Node,
    metrics: Sequence[g.Node],
    weights: Sequence[g.Node],
    optimizer: Optimizer,
    draw: Callable[[int], Sequence[np.ndarray]],
) -> TrainingStep:
    """Differentiate a loss, and fix the learning phase.

    Args:
        name: the model's.
        inputs: data and targets.
        predictions, loss, metrics: nodes that may read the learning phase.
        weights: what `optimizer` trains.
        draw: number of samples -> an array for each input, in any dtype.
    """
    updates = optimizer.get_updates(weights, {}, loss)
    nodes = [loss, *metrics, *(value for _, value in updates)]
    nodes = g.substitute(nodes, {g.learning_phase(): g.as_node(True)})
    first = 1 + len(metrics)
    (predicted,) = g.substitute([predictions], {g.learning_phase(): g.as_node(False)})

    def data(batch: int) -> list[np.ndarray]:
        return [
            np.asarray(array, dtype=node.dtype)
            for node, array in zip(inputs, draw(batch), strict=True)
        ]

    return TrainingStep(
        name,
        list(inputs),
        nodes[0],
        nodes[1:first],
        [(variable, node) for (variable, _), node in zip(updates, nodes[first:], strict=True)],
        predicted,
        list(weights),
        data,
    )
