"""A step of training whose gradients are computed from the rows of all shards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.function import function, sharded_function
from graphc.compiler.grad import grad
from graphc.parallel.transport import Transport

MOST_ROWS = 384
"""Of a batch in 4 shards, with more rows than which each shard has a gradient."""


def large_weights(
    ranks: Transport[np.ndarray] | None, shards: int, batches: Sequence[int]
) -> list[np.ndarray]:
    """Return the losses of steps on batches of so many rows, and the variables behind them: a
    weight and a table of an embedding, with their momentum. Without ranks a batch is taken whole.
    """
    draw = np.random.default_rng(1)
    x, indices = g.input((g.BATCH, 300), "float32"), g.input((g.BATCH, 2), "int32")
    w = g.shared(draw.normal(size=(300, 259)).astype("float32") / 20, "w")
    table = g.shared(draw.normal(size=(3000, 7)).astype("float32"), "table")
    speeds = [g.shared(np.zeros(one.shape, "float32")) for one in (w, table)]
    kept = g.random.bernoulli((g.BATCH, 259), 0.5, seed=1)
    hidden = g.where(kept, g.tanh(g.dot(x, w)), np.float32(0))
    loss = g.mean(g.square(hidden)) + g.mean(g.square(g.sum(g.take(table, indices), 1)))
    updates = []
    for one, speed in zip((w, table), speeds, strict=True):
        moved = np.float32(0.9) * speed - np.float32(0.1) * grad(loss, one)
        updates += [(speed, moved), (one, one + moved)]
    if ranks is None:
        step = function([x, indices], loss, updates)
    else:
        step = sharded_function(
            [x, indices], loss, updates, shards=shards, ranks=ranks, spread=speeds
        )
    losses = []
    for count in batches:
        draw = np.random.default_rng(count)
        rows = draw.normal(size=(count, 300)).astype("float32")
        losses.append(step(rows, draw.integers(0, 3000, (count, 2)).astype("int32")))
    return [np.array(losses), *(one.get_value() for one in (w, table, *speeds))]
