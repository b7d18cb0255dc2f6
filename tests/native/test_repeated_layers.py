"""Equal layers natively: one function for all, called in a loop with each layer's addresses."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import CallStep
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.program.launch import launches
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from tests.native.graph_programs import needs_compiler

LAYERS, UNITS, ROWS = 20, 5, 3


@needs_compiler
def test_each_layer_has_its_own_weights_its_own_time_and_its_own_report() -> None:
    rng = np.random.default_rng(1)
    weights = (rng.standard_normal((LAYERS, UNITS, UNITS)) * 0.4).astype("float32")
    x = h = g.input((g.BATCH, UNITS), name="x")
    values, expected = [], []
    data = rng.standard_normal((ROWS, UNITS)).astype("float32")
    exact = data.astype("float64")
    for weight in weights:
        h = g.tanh(g.dot(h, g.shared(weight)))
        exact = np.tanh(exact @ weight)
        values.append(h)
        expected.append(exact)
    program = lower_native(values)
    assert len({launch.function for launch in launches(program.program.steps)}) < LAYERS
    executor = NativeExecutor(program)
    feeds, sizes = {x: data}, dict.fromkeys(symbols(g.BATCH), ROWS)
    for ours, theirs in zip(executor.run(feeds, sizes, CallStep()), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert (executor.seconds(feeds, sizes, CallStep()) > 0).all()
    seen = {}
    executor.run(feeds, sizes, CallStep(), lambda node, value, _: seen.update({node: value.copy()}))
    for node, theirs in zip(executor.program.outputs, expected, strict=True):
        np.testing.assert_allclose(seen[node], theirs, rtol=1e-5, atol=1e-6)
