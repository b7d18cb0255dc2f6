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


VALUES = ("of a column", "of some places", "of both")
"""Of these the updates of `scatter_with_values` are computed."""


def scatter_with_values(
    draws: np.random.Generator, values: str, size: int = 20, places: int = 7, columns: int = 12
) -> tuple[Node, dict[Node, np.ndarray]]:
    """An update of a table by a scatter_add of what is computed ahead of some of its loops, as the
    gradient of an embedding behind which a mean is taken, or a normalization; and arrays for it."""
    table, named = g.input((size, columns), "float32"), g.input((BATCH, places), "int32")
    updates = g.input((BATCH, places, columns), "float32")
    of_column, of_sample = g.input((columns,), "float32"), g.input((BATCH, columns), "float32")
    sample = g.reshape(g.tanh(of_sample), (BATCH, 1, columns))
    computed = {
        "of a column": updates - of_column / 3.0,
        "of some places": g.broadcast_to(sample, updates.shape) * 1.0,
        "of both": (updates - of_column / 3.0) * sample,
    }[values]
    feeds = {
        one: draws.standard_normal([SAMPLES if s is BATCH else s for s in one.shape])
        for one in (table, updates, of_column, of_sample)
    }
    arrays = {one: array.astype("float32") for one, array in feeds.items()}
    arrays[named] = draws.integers(0, size, (SAMPLES, places)).astype("int32")
    return table - 0.1 * g.scatter_add(named, computed, size), arrays
