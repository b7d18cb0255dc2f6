"""A training step of a stack of equal layers, as deep as it takes."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node, State
from graphc.compiler.passes import optimize

UNITS = 4


def deep_stack(layers: int) -> tuple[list[Node], list[State]]:
    """Outputs and the states that they end in: the loss, then new values of weights and biases.

    Each layer is tanh(x W + b), under an origin of its own: layer_1, layer_2 and so on.
    """
    x = h = g.input((BATCH, UNITS), name="x")
    zeros = np.zeros((UNITS, UNITS), "float32")
    weights: list[Node] = []
    for number in range(1, layers + 1):
        with g.origin(f"layer_{number}"):
            weight, bias = g.shared(zeros, "W"), g.shared(zeros[0], "b")
            h = g.tanh(g.dot(h, weight) + bias)
            weights += [weight, bias]
    loss = g.sum(g.square(h - x))
    updates = [
        w - 0.5 * cotangent for w, cotangent in zip(weights, grad(loss, weights), strict=True)
    ]
    outputs, _ = optimize([loss, *updates])
    return outputs, [g.state_of(weight) for weight in weights]
