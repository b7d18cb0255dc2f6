"""Arrays that a graph is fed: tame ones, and those that find what is wrong at the edges."""

from __future__ import annotations

import numpy as np

from tests.campaigns.graphs.bounded import is_float

_EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -1.5, np.nan, np.inf, -np.inf, 1e-3, 1e30, -1e30, 1e-40]


def drawn_array(random: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return an array of a dtype, of one of several kinds of values."""
    if dtype == "bool":
        return np.asarray(random.random(shape) < 0.5)
    kind = random.random()
    if is_float(dtype):
        return np.asarray(_floats(random, shape, kind)).astype(dtype)
    limits = np.iinfo(dtype)
    low = 0 if limits.min == 0 else -3
    small = np.asarray(random.integers(low, 5, shape)).astype(dtype)
    if kind < 0.8:
        return small
    edges = np.array([0, 1, 2, limits.max, limits.max - 1, limits.min, limits.min + 1], dtype)
    chosen = edges[random.integers(0, len(edges), shape)]
    return np.asarray(np.where(random.random(shape) < 0.4, chosen, small)).astype(dtype)


def _floats(random: np.random.Generator, shape: tuple[int, ...], kind: float) -> np.ndarray:
    if kind < 0.55:
        return random.normal(size=shape)
    if kind < 0.7:  # ties
        return np.asarray(random.integers(-2, 3, shape)).astype(float)
    if kind < 0.85:
        return random.uniform(0.2, 2, shape)
    chosen = np.array(_EDGES)[random.integers(0, len(_EDGES), shape)]
    return np.where(random.random(shape) < 0.3, chosen, random.normal(size=shape))
