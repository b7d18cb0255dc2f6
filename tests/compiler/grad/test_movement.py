"""Gradients of movement and of indexed access."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from tests.compiler.grad.differences import check_gradients

rng = np.random.default_rng(0)
MATRIX = rng.normal(size=(3, 4))
CUBE = rng.normal(size=(2, 3, 4))
ROWS = g.constant(np.array([[2, 0], [2, 1]]), "int32")


def squared(movement):
    """The movement of squares, so that the second derivative is not 0."""
    return lambda *nodes: movement(*(node * node for node in nodes))


CASES = {
    "reshape": (lambda x: g.reshape(x, (4, 6)), [CUBE]),
    "transpose": (lambda x: g.transpose(x, (1, 2, 0)), [CUBE]),
    "broadcast": (lambda x, y: x + y, [CUBE, MATRIX[:, :1]]),
    "slice": (lambda x: x[:, 1:, ::3], [CUBE]),
    "slice backwards": (lambda x: x[1, ::-2, -1:0:-2], [CUBE]),
    "pad": (lambda x: g.pad(x, [(1, 2), (0, 3)], value=7.0), [MATRIX]),
    "pad with holes": (
        lambda x: g.make("pad", x, low=(0, 1), high=(2, 0), interior=(1, 2), value=0.0),
        [MATRIX],
    ),
    "concat": (lambda x, y: g.concat([x, y, x], axis=1), [MATRIX, MATRIX[:, 1:]]),
    "flip": (lambda x: g.flip(x, (0, 2)), [CUBE]),
    "gather": (lambda x: g.take(x, ROWS, axis=1), [CUBE]),
    "scatter_add": (lambda x: g.scatter_add(ROWS, x, 5, axis=1), [rng.normal(size=(2, 2, 2, 3))]),
    "repeat": (lambda x: g.repeat(x, 3, axis=1), [MATRIX]),
    "tile": (lambda x: g.tile(x, (2, 3)), [MATRIX]),
}


@pytest.mark.parametrize("op", CASES)
def test_first_and_second_derivatives(op):
    build, arrays = CASES[op]
    check_gradients(squared(build), arrays)


def test_an_index_that_comes_twice_adds_up():
    x = g.input((3, 1), "float64")
    taken = g.take(x, g.constant(np.array([1, 1, 2]), "int32")) * np.array([[1.0], [10.0], [100.0]])
    gradient = grad(g.sum(taken), x)
    assert evaluate([gradient], {x: np.zeros((3, 1))})[0].tolist() == [[0.0], [11.0], [100.0]]


def test_symbolic_sizes():
    x = g.input((None, None), "float64")
    n = x.shape[0]

    def build(x):
        y = g.concat([x, x * x], axis=0)[n - 1 : 2 * n - 1]
        y = g.pad(g.transpose(y), [(1, 0), (0, 2)])
        return g.reshape(y, (-1,)) * 3.0

    check_gradients(build, [MATRIX], nodes=[x])


def test_a_slice_of_nothing_has_gradient_zero():
    x = g.input((3,), "float64")
    gradient = grad(g.sum(x[2:2]), x)
    assert evaluate([gradient], {x: np.ones(3)})[0].tolist() == [0.0, 0.0, 0.0]


def test_a_slice_with_a_step_that_finds_nothing_passes_nothing_back():
    x = g.input((None,), "float64")
    (gradient,) = evaluate([grad(g.sum(x[1::2] * 3.0), x)], {x: np.array([5.0])})
    assert gradient.tolist() == [0.0]
