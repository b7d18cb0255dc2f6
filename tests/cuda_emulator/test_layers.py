"""Every layer in training on the emulated driver: outputs and gradients of the interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import optimize
from tests.cuda_emulator.graph_programs import both
from tests.layers.every_layer import EXAMPLES, applied


def labels() -> list[Any]:
    """Return all examples: with sanitizers each layer has one, as each compiles for seconds."""
    seen: set[str] = set()
    further = pytest.mark.unsanitized(reason="each example compiles for seconds: one a layer")
    found = []
    for label in EXAMPLES:
        layer = label.split()[0]
        found.append(pytest.param(label, marks=further if layer in seen else ()))
        seen.add(layer)
    return found


@pytest.mark.parametrize("label", labels())
def test_outputs_and_gradients_in_training(label: str) -> None:
    one = applied(EXAMPLES[label], "float32")
    rng = np.random.default_rng(5)
    weights = [g.input(node.shape, "float32") for node in one.outputs]
    loss = g.constant(np.float32(0.0))
    shapes = [value.shape for value in evaluate(one.outputs, one.values)]
    for node, factor, shape in zip(one.outputs, weights, shapes, strict=True):
        loss = loss + g.sum(node * factor)
        one.values[factor] = rng.uniform(0.5, 1.5, shape).astype("float32")
    wrt = [node for node in (*one.inputs, *one.weights) if node.dtype == "float32"]
    outputs, _ = optimize([*one.outputs, *grad(loss, wrt, disconnected="zeros")])
    for k, (ours, theirs) in enumerate(both(outputs, one.values)):
        # Sums of at most a few hundred terms, of float32 in another order: 500 * 2^-24.
        bound = 3e-5 * max(float(np.abs(theirs).max()), 1e-2)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound, err_msg=f"output {k}")
