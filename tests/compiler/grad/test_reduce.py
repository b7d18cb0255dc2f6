"""Gradients of reductions: values, ties, zeros in products."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from tests.compiler.grad.differences import check_gradients

CUBE = np.random.default_rng(1).permutation(24).reshape(2, 3, 4) / 7.0 - 1.53
AXES = [None, 0, (1, 2), (0, 2)]
CASES = {"sum": g.sum, "prod": g.prod, "max": g.max, "min": g.min}


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("op", CASES)
def test_first_derivatives(op, axis):
    check_gradients(lambda x: CASES[op](x * x + x, axis), [CUBE], second_order=False)


@pytest.mark.parametrize("op", CASES)
def test_second_derivatives(op):
    check_gradients(lambda x: CASES[op](x * x + x, (0, 2)), [CUBE])


@pytest.mark.parametrize("op", [g.mean, g.var, g.std], ids=["mean", "var", "std"])
def test_compositions(op):
    check_gradients(lambda x: op(x, (0, 2)), [CUBE])


def test_symbolic_size():
    x = g.input((None, 3, None), "float64")
    check_gradients(
        lambda x: [g.max(x, (0, 2)), g.prod(x, (0, 2)), g.mean(x, 0) * 2.0], [CUBE], nodes=[x]
    )


def test_the_first_of_ties_takes_the_gradient_in_c_order():
    x = g.input((2, 2, 2), "float64")
    value = np.array([[[1.0, 5.0], [5.0, 0.0]], [[5.0, 2.0], [5.0, 0.0]]])
    for op, feed in ((g.max, value), (g.min, -value)):
        gradient = evaluate([grad(g.sum(op(x, (0, 2))), x)], {x: feed})[0]
        # The slices [:, 0, :] = 1, 5, 5, 2 and [:, 1, :] = 5, 0, 5, 0.
        assert gradient.tolist() == [[[0.0, 1.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]


@pytest.mark.parametrize(
    "row", [[2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]], ids=str
)
def test_products_with_zeros(row):
    """First: the product of the other two. Second, off the diagonal: the third."""
    x = g.input((3,), "float64")
    a, b, c = row
    first = grad(g.prod(x), x)
    assert evaluate([first], {x: np.array(row)})[0].tolist() == [b * c, a * c, a * b]
    hessian = [evaluate([grad(first[k], x)], {x: np.array(row)})[0].tolist() for k in range(3)]
    assert hessian == [[0.0, c, b], [c, 0.0, a], [b, a, 0.0]]
