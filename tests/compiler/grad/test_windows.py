"""Gradients of pooling."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from tests.compiler.grad.differences import check_gradients

POOLS = {
    "1d": ((7,), {"window": (3,)}),
    "1d, overlapping": ((7,), {"window": (3,), "strides": 2, "padding": [(1, 2)]}),
    "2d": ((4, 5), {"window": (2, 2)}),
    "2d, overlapping": (
        (4, 5),
        {"window": (3, 2), "strides": (1, 2), "padding": [(1, 1), (0, 1)]},
    ),
    "3d": ((3, 4, 3), {"window": (2, 2, 3), "strides": 1, "padding": [(0, 1), (1, 0), (1, 1)]}),
}


def _array(spatial):
    """Distinct elements, far from ties."""
    count = 4 * int(np.prod(spatial))
    return np.random.default_rng(4).permutation(count).reshape(2, 2, *spatial) / 11.0 - 1.0


@pytest.mark.parametrize("symbolic", [False, True], ids=["known", "symbolic"])
@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("pool", [g.max_pool, g.average_pool], ids=["max", "average"])
def test_pooling_first_and_second_derivatives(pool, name, symbolic):
    spatial, options = POOLS[name]
    shape = (g.BATCH, 2, *(None for _ in spatial)) if symbolic else (2, 2, *spatial)
    check_gradients(
        lambda x: pool(x * x * 0.25, **options),
        [_array(spatial)],
        nodes=[g.input(shape, "float64")],
        second_order=not symbolic,
    )


def test_the_first_of_ties_takes_the_gradient():
    x = g.input((1, 1, 2, 4), "float64")
    value = np.array([[[[1.0, 3.0, 2.0, 2.0], [3.0, 0.0, 2.0, 2.0]]]])
    gradient = evaluate([grad(g.sum(g.max_pool(x, (2, 2))), x)], {x: value})[0]
    assert gradient[0, 0].tolist() == [[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]


def test_padding_takes_no_part():
    x = g.input((1, 1, 2), "float64")
    pooled = g.average_pool(x, (2,), strides=1, padding=[(1, 0)])
    gradient = evaluate([grad(g.sum(pooled * np.array([1.0, 10.0])), x)], {x: np.zeros((1, 1, 2))})
    # Windows: the first element alone, then both.
    assert gradient[0][0, 0].tolist() == [1.0 + 5.0, 5.0]
