"""K: random tensors, new ones at each call of the function that draws.

With `seed` None the seed is taken from NumPy's global generator when the expression is made, so
``np.random.seed(...)`` at the top of a script decides all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.backend.settings import floatx
from graphc.compiler import graph as g
from graphc.errors import ShapeError


def random_normal(
    shape: Sequence[g.Size],
    mean: float = 0.0,
    std: float = 1.0,
    dtype: str | None = None,
    seed: int | None = None,
) -> g.Node:
    """Normal numbers with this mean and standard deviation."""
    return g.random.normal(_sizes(shape, "random_normal"), mean, std, dtype or floatx(), seed)


def random_uniform(
    shape: Sequence[g.Size],
    low: float = 0.0,
    high: float = 1.0,
    dtype: str | None = None,
    seed: int | None = None,
) -> g.Node:
    """Uniform numbers in [low, high)."""
    return g.random.uniform(_sizes(shape, "random_uniform"), low, high, dtype or floatx(), seed)


def random_binomial(
    shape: Sequence[g.Size],
    p: float = 0.0,
    dtype: str | None = None,
    seed: int | None = None,
) -> g.Node:
    """1 with probability p, else 0."""
    return g.cast(g.random.bernoulli(_sizes(shape, "random_binomial"), p, seed), dtype or floatx())


def _sizes(shape: Sequence[g.Size], what: str) -> tuple[g.Size, ...]:
    sizes = tuple(shape)
    if not all(isinstance(size, int | np.integer | g.Dim) for size in sizes):
        raise ShapeError(
            f"{what}: expected whole numbers as sizes, received {sizes}; K.shape(x) gives those of "
            "a tensor, known or not"
        )
    return tuple(size if isinstance(size, g.Dim) else int(size) for size in sizes)
