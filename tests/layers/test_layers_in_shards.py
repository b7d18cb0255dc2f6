"""Every layer in a step that takes its batch in shards."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function, sharded_function
from graphc.compiler.grad import grad
from graphc.compiler.passes import decide
from graphc.compiler.shards.analysis import statuses
from graphc.compiler.shards.status import Kind
from graphc.config import config
from tests.layers.every_layer import EXAMPLES, Applied, applied

# One of each kind of loop, of draws, of windows and of products.
COMPARED = [
    "Dropout",
    "Embedding",
    "LSTM gpu, dropout",
    "GRU backwards",
    "MaxPooling2D tf",
    "LocallyConnected1D",
    "Convolution3D th",
    "TimeDistributed Dense",
]


def step(example: Applied) -> tuple[list[g.Node], list[g.Node]]:
    """The outputs of a layer in training, and the gradients of its weights."""
    floats = [output for output in example.outputs if g.is_float(output.dtype)]
    loss = sum(g.mean(g.square(output)) for output in floats)
    weights = example.weights
    gradients = grad(loss, weights, disconnected="zeros") if weights and floats else []
    return example.outputs, gradients


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_layer_can_be_divided(name):
    """Its outputs have rows, and its gradients are sums over the shards, found in one pass."""
    outputs, gradients = step(applied(EXAMPLES[name], "float32"))
    nodes = decide([*outputs, *gradients])
    found = statuses(nodes)
    assert not found.reasons
    for node in nodes[: len(outputs)]:
        assert found.status(node).kind is Kind.ROWS
    for node in nodes[len(outputs) :]:
        assert found.status(node).kind in (Kind.PARTIAL, Kind.ZERO)
        assert found.status(node).after == 0


@pytest.mark.parametrize("name", COMPARED)
def test_a_layer_has_the_values_of_the_whole_batch(name):
    example = applied(EXAMPLES[name], "float64", batch=7)
    outputs, gradients = step(example)
    nodes, inputs = [*outputs, *gradients], list(example.values)
    with config.changed(cpu="numpy"):
        found = sharded_function(inputs, nodes, on_unused_input="ignore", shards=3)
        expected = function(inputs, nodes, on_unused_input="ignore")
        arrays = list(example.values.values())
        for one, other in zip(found(*arrays), expected(*arrays), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)
