"""Graphs that several tests use, and data for them."""

from __future__ import annotations

import numpy as np

from graphc.engine.models.graph_model import Graph
from graphc.layers import Dense

_rng = np.random.RandomState(5)
_shapes = {"a": (12, 4), "b": (12, 3), "left": (12, 2), "right": (12, 1)}
DATA = {name: _rng.rand(*shape).astype("float32") for name, shape in _shapes.items()}
INPUTS = {name: DATA[name] for name in ("a", "b")}


def two_by_two():
    """Inputs a and b, joined in h; the outputs left and right, of l and r on h."""
    graph = Graph(name="g")
    graph.add_input(name="a", input_shape=(4,))
    graph.add_input(name="b", input_shape=(3,))
    graph.add_node(Dense(5, activation="tanh"), name="h", inputs=["a", "b"])
    graph.add_node(Dense(2), name="l", input="h")
    graph.add_node(Dense(1), name="r", input="h")
    graph.add_output(name="left", input="l")
    graph.add_output(name="right", input="r")
    return graph


def expected(graph, data=INPUTS):
    """Return the predictions of `two_by_two`."""
    w, b, wl, bl, wr, br = (value for one in "hlr" for value in graph.nodes[one].get_weights())
    h = np.tanh(np.concatenate([data["a"], data["b"]], axis=1) @ w + b)
    return {"left": h @ wl + bl, "right": h @ wr + br}


def with_inputs(name=None, **sizes):
    """A Graph that has inputs so far."""
    graph = Graph(name=name)
    for key, size in sizes.items():
        graph.add_input(key, (size,))
    return graph
