"""A program one of whose kernels is made wrong, for the tests of both benches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, State

Failures = Callable[
    [Sequence[Node], list[State], dict[Node, np.ndarray], Callable[[str], str]], Sequence[str]
]
"""Outputs, states, feeds (BATCH is 3) and what is done to the source; what the check reports."""


def assert_a_wrong_kernel_is_named(failures: Failures) -> None:
    """Of two kernels the one with an exponential of half of its argument, with its layer."""
    x, w = g.input((BATCH, 4), name="x"), g.shared(np.ones((4, 2), "float32"), "w")
    with g.origin("sizes"):
        largest = g.max(g.exp(x), axis=1)
    with g.origin("dense_1"):
        product = g.matmul(x, w) + g.sum(largest)
    outputs, states = [product, w - g.sum(product)], [g.state_of(w)]
    feeds = {x: np.random.default_rng(3).standard_normal((3, 4)).astype("float32")}
    before = w.get_value()
    assert not failures(outputs, states, feeds, lambda source: source)
    w.set_value(before)
    (failure,) = failures(
        outputs, states, feeds, lambda source: source.replace("gc_exp(", "gc_exp(0.5f * ")
    )
    assert "_rows (" in failure
    assert "sizes" in failure
    assert "of its largest element" in failure
