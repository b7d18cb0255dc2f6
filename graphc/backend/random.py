"""K: random tensors, new ones at each call of the function that draws.

With `seed` None the seed is taken from NumPy's global generator when the expression is made, so
``np.random.seed(...)`` at the top of a script decides all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.backend.settings import floatx
from graphc.backend.variables import variable
from graphc.compiler import graph as g
from graphc.errors import ShapeError
from graphc.releases import since


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


@since("1.0.7")
def random_uniform_variable(
    shape: Sequence[int],
    low: float,
    high: float,
    dtype: str | None = None,
    name: str | None = None,
) -> g.Node:
    """A shared variable of uniform numbers in [low, high) of NumPy's global generator."""
    return variable(np.random.uniform(low, high, tuple(shape)), dtype, name)


@since("1.0.7")
def random_normal_variable(
    shape: Sequence[int],
    mean: float,
    scale: float,
    dtype: str | None = None,
    name: str | None = None,
) -> g.Node:
    """A shared variable of normal numbers, with this mean and standard deviation, of NumPy's global
    generator."""
    return variable(np.random.normal(mean, scale, tuple(shape)), dtype, name)


def _sizes(shape: Sequence[g.Size], what: str) -> tuple[g.Size, ...]:
    sizes = tuple(shape)
    if not all(isinstance(size, int | np.integer | g.Dim | g.Node) for size in sizes):
        raise ShapeError(
            f"{what}: expected whole numbers as sizes, received {sizes}; K.shape(x) gives those of "
            "a tensor, known or not"
        )
    return g.as_shape(sizes, what)
