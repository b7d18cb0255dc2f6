"""A step in shards as native code."""

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.function import function, sharded_function
from graphc.compiler.grad import grad
from graphc.config import config
from tests.native.graph_programs import needs_compiler

pytestmark = needs_compiler


def test_a_step_with_draws_is_that_of_the_whole_batch():
    """A mask, normal noise and a count that the first pass finds; the last shard has a row less."""
    x, weights = g.input((g.BATCH, 5)), g.input((g.BATCH,))
    w = g.shared(np.random.default_rng(1).normal(size=(5, 3)).astype("float32"), "w")
    kept = g.random.bernoulli((g.BATCH, 3), 0.5, seed=1)
    noise = g.random.normal((g.BATCH, 3), seed=2)
    hidden = g.where(kept, g.tanh(g.dot(x, w)) * 2.0, 0.0) + noise
    counted = g.cast(g.maximum(g.sum(g.not_equal(weights, 0)), 1), "float32")
    loss = g.sum(g.mean(g.square(hidden), 1) * weights) / counted
    updates, before = [(w, w - 0.1 * grad(loss, w))], w.get_value()
    a = np.random.default_rng(2).normal(size=(11, 5)).astype("float32")
    b = (np.arange(11) % 3).astype("float32")
    results = []
    with config.changed(cpu="native"):
        for step in (
            sharded_function([x, weights], [loss, hidden], updates, shards=4),
            function([x, weights], [loss, hidden], updates),
        ):
            assert step.target() == "cpu"
            w.set_value(before)
            results.append([*step(a, b), *step(a, b), w.get_value()])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-6)
