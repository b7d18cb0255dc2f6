"""Gradients against central differences in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate

STEP = 1e-5
TOLERANCE = 1e-6  # relative to the largest element
ROUNDING = 1e-9  # of a difference quotient, where all elements are 0


def inputs_like(arrays: Sequence[np.ndarray]) -> list[g.Node]:
    """A float64 input for each array."""
    return [g.input(array.shape, "float64") for array in arrays]


def weighted(values: g.Node | Sequence[g.Node], arrays: dict, rng: np.random.Generator) -> g.Node:
    """A scalar that depends on every element differently: the sum with random weights."""
    total = g.as_node(np.float64(0.0))
    for value in [values] if isinstance(values, g.Node) else values:
        shape = evaluate([value], arrays)[0].shape
        total = total + g.sum(value * g.constant(rng.uniform(0.5, 1.5, shape)))
    return total


def central_differences(loss: g.Node, feeds: dict, node: g.Node) -> np.ndarray:
    """(loss(x + h) - loss(x - h)) / 2h for each element x of one feed."""
    base = feeds[node]
    result = np.empty(base.shape)
    for place in np.ndindex(base.shape):
        sides = []
        for step in (STEP, -STEP):
            moved = base.copy()
            moved[place] += step
            sides.append(evaluate([loss], {**feeds, node: moved})[0])
        result[place] = (sides[0] - sides[1]) / (2 * STEP)
    return result


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    """Equal within `TOLERANCE`."""
    assert actual.shape == expected.shape
    scale = np.abs(expected).max(initial=0.0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE * scale + ROUNDING)


def check_gradients(
    build: Callable[..., g.Node | Sequence[g.Node]],
    arrays: Sequence[np.ndarray],
    nodes: Sequence[g.Node] | None = None,
    second_order: bool = True,
) -> None:
    """First and second derivatives of a weighted sum of what `build(*nodes)` gives."""
    rng = np.random.default_rng(3)
    arrays = [np.asarray(array, dtype=np.float64) for array in arrays]
    nodes = inputs_like(arrays) if nodes is None else list(nodes)
    feeds = dict(zip(nodes, arrays, strict=True))
    loss = weighted(build(*nodes), feeds, rng)
    first = grad(loss, nodes)
    for node, actual in zip(nodes, evaluate(first, feeds), strict=True):
        assert_close(actual, central_differences(loss, feeds, node))
    if not second_order:
        return
    slope = weighted(first, feeds, rng)
    second = grad(slope, nodes, disconnected="zeros")
    for node, actual in zip(nodes, evaluate(second, feeds), strict=True):
        assert_close(actual, central_differences(slope, feeds, node))
