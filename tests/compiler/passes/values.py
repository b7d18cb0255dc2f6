"""Checks that a pass keeps the values of a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from graphc.compiler.graph import Node, input, toposort
from graphc.compiler.graph.dim import evaluate as evaluate_size
from graphc.compiler.graph.dim import symbols
from graphc.compiler.interpret import evaluate

Pass = Callable[[Sequence[Node]], list[Node]]


def random_feeds(outputs: Sequence[Node]) -> dict[Node, np.ndarray]:
    """An array for each input that the outputs read; each symbol is 3."""
    generator = np.random.default_rng(7)
    feeds = {}
    for node in toposort(outputs):
        shape = tuple(evaluate_size(n, dict.fromkeys(symbols(n), 3)) for n in node.shape)
        if node.op == "input":
            draw = generator.standard_normal(shape)
            feeds[node] = (draw > 0 if node.dtype == "bool" else 4 * draw).astype(node.dtype)
        for size in filter(symbols, node.shape):
            # Tells the symbols to a graph whose inputs do not have them.
            extent = evaluate_size(size, dict.fromkeys(symbols(size), 3))
            feeds[input((size,), "bool")] = np.zeros(extent, "bool")
    return feeds


def assert_same_values(
    before: Sequence[Node], after: Sequence[Node], feeds: Mapping, rtol: float = 1e-12
) -> None:
    """Equal shapes, dtypes and, wherever the value before is finite, values."""
    for old, new in zip(before, after, strict=True):
        assert (new.shape, new.dtype) == (old.shape, old.dtype)
    expected, received = evaluate(list(before), feeds), evaluate(list(after), feeds)
    for old, new in zip(expected, received, strict=True):
        finite = np.isfinite(old)
        np.testing.assert_allclose(new[finite], old[finite], rtol=rtol, atol=rtol)


def assert_rewrites(run: Pass, before: Node, after: Node) -> None:
    """The pass turns `before` into exactly `after`, which has the same values."""
    (received,) = run([before])
    assert received is after, f"{before!r} became {received!r}"
    assert_same_values([before], [received], random_feeds([before]))
