"""Loops of random ops that one launch may run whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.compiler import graph as g


def random_body(
    seed: int, start: g.Node, series: g.Node, weights: Sequence[g.Node]
) -> list[g.Node]:
    """Return what a loop gives whose body has random ops, none of which reads another row.

    Args:
        seed: of the choice of ops.
        start: of the carries, of six elements a row.
        series: what the loop goes through.
        weights: three matrices of six by six.
    """
    pick = np.random.default_rng(seed)
    batch, units = start.shape

    def step(carries, slices):
        pool = [*carries, *slices]
        one = lambda: pool[pick.integers(len(pool))]  # noqa: E731
        for _ in range(10):
            x = one()
            kind = pick.integers(7)
            pool.append(
                [
                    lambda x: g.tanh(g.dot(x, weights[pick.integers(3)])),
                    lambda x: x + one(),
                    lambda x: g.tanh(x) * one(),
                    lambda x: g.broadcast_to(g.mean(x, 1, keepdims=True), (batch, units)),
                    lambda x: g.concat([x[:, 2:], one()[:, :2]], 1),
                    lambda x: x[:, ::-1],
                    lambda x: g.reshape(
                        g.transpose(g.reshape(x, (batch, 2, 3)), (0, 2, 1)), (batch, units)
                    ),
                ][kind](x)
            )
        return (g.tanh(pool[-1]), g.tanh(one())), (pool[-2], one())

    finals, stacks = g.scan(step, [start, start * 0.5], [series], reverse=bool(seed % 2))
    return [*finals, *stacks]
