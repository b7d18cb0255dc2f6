"""Programs with a scatter_add, for the tests of both code generators."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Shape, Size

SAMPLES = 5
"""The value of BATCH."""


def scatter_case(
    draws: np.random.Generator,
    size: Size,
    indices: Shape,
    before: Shape,
    behind: Shape,
    dtype: str = "float32",
) -> tuple[Node, dict[Node, np.ndarray]]:
    """A scatter_add whose shapes may hold BATCH, which is SAMPLES, and arrays for it."""
    rows_named = g.input(indices, "int32")
    updates = g.input((*before, *indices, *behind), dtype)
    numbers = [tuple(SAMPLES if s is BATCH else s for s in x.shape) for x in (rows_named, updates)]
    rows = SAMPLES if size is BATCH else size
    feeds = {
        rows_named: draws.integers(0, rows, numbers[0]).astype("int32"),
        updates: (draws.standard_normal(numbers[1]) * 100).astype(dtype),
    }
    return g.scatter_add(rows_named, updates, size, axis=len(before)), feeds
