"""K: random tensors, new ones at each call of the function that draws.

With `seed` None the seed is taken from NumPy's global generator when the expression is made, so
``np.random.seed(...)`` at the top of a script decides all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.backend.settings import floatx
from graphc.compiler import graph as g


def random_normal(
    shape: Sequence[g.Size],
    mean: float = 0.0,
    std: float = 1.0,
    dtype: str | None = None,
    seed: int | None = None,
) -> g.Node:
    """Normal numbers with this mean and standard deviation."""
    return g.random.normal(tuple(shape), mean, std, dtype or floatx(), seed)


def random_uniform(
    shape: Sequence[g.Size],
    low: float = 0.0,
    high: float = 1.0,
    dtype: str | None = None,
    seed: int | None = None,
) -> g.Node:
    """Uniform numbers in [low, high)."""
    return g.random.uniform(tuple(shape), low, high, dtype or floatx(), seed)


def random_binomial(
    shape: Sequence[g.Size],
    p: float = 0.0,
    dtype: str | None = None,
    seed: int | None = None,
) -> g.Node:
    """1 with probability p, else 0."""
    return g.cast(g.random.bernoulli(tuple(shape), p, seed), dtype or floatx())
