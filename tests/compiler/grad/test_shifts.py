"""The maximum that softmax subtracts takes no part in the gradient; one that counts does."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from tests.compiler.grad.differences import check_gradients

CUBE = np.random.default_rng(6).normal(size=(2, 3, 4))


def _peak(x, axis):
    return g.max(x, axis, keepdims=True)


HELD = {
    "softmax": lambda x: g.softmax(x),
    "softmax over a middle axis": lambda x: g.softmax(x, axis=1) * x,
    "softmax over two axes": lambda x: (
        g.exp(x - _peak(x, (0, 2))) / g.sum(g.exp(x - _peak(x, (0, 2))), (0, 2), keepdims=True)
    ),
    "logsumexp": lambda x: g.logsumexp(x, axis=(0, 1)),
    "logsumexp of all": lambda x: g.logsumexp(x),
    "log of softmax": lambda x: g.log(g.softmax(x, axis=1)),
    "two exponentials": lambda x: g.exp(x - _peak(x, 1)) * g.exp(_peak(x, 1) - x * x),
}

USED = {
    "clipped and not": lambda x: g.clip(_peak(x, 1), -0.5, 0.5) - _peak(x, 1),
    "clipped by element": lambda x: (
        g.log(g.sum(g.exp(g.clip(x - _peak(x, 1), -0.5, 0.5)), 1)) + g.max(x, 1)
    ),
    "range": lambda x: x - _peak(x, 1),
    "the peak as well": lambda x: [g.softmax(x, axis=1), g.max(x, 1)],
    "unnormalised": lambda x: g.exp(x - _peak(x, 1)),
    "normalised over another axis": lambda x: (
        g.exp(x - _peak(x, 1)) / g.sum(g.exp(x - _peak(x, 1)), 2, keepdims=True)
    ),
    "normalised over one more axis": lambda x: (
        g.exp(x - _peak(x, 1)) / g.sum(g.exp(x - _peak(x, 1)), (1, 2), keepdims=True)
    ),
    "twice as steep below": lambda x: (
        g.exp(x - _peak(x, 1)) / g.sum(g.square(g.exp(x - _peak(x, 1))), 1, keepdims=True)
    ),
    "a sum of two degrees": lambda x: (
        (g.exp(x - _peak(x, 1)) + g.square(g.exp(x - _peak(x, 1))))
        / g.sum(g.exp(x - _peak(x, 1)), 1, keepdims=True)
    ),
    "a constant below": lambda x: (
        g.exp(x - _peak(x, 1)) / (1.0 + g.sum(g.exp(x - _peak(x, 1)), 1, keepdims=True))
    ),
}


def _looks_for_the_position(build):
    x = g.input(CUBE.shape, "float64")
    values = build(x)
    values = [values] if isinstance(values, g.Node) else values
    weights = g.input((), "float64")  # keeps sums of a softmax from being 1
    loss = sum((g.sum(g.sin(value * weights)) for value in values), g.as_node(np.float64(0.0)))
    return "argmax" in {node.op for node in g.toposort([grad(loss, x)])}


@pytest.mark.parametrize("name", HELD)
def test_held_constant_where_the_value_does_not_depend_on_it(name):
    assert not _looks_for_the_position(HELD[name])
    check_gradients(HELD[name], [CUBE])


@pytest.mark.parametrize("name", USED)
def test_differentiated_where_it_counts(name):
    assert _looks_for_the_position(USED[name])
    check_gradients(USED[name], [CUBE])


def test_a_maximum_that_is_the_loss_counts():
    x = g.input((3,), "float64")
    gradient = grad(g.max(x), x)
    assert evaluate([gradient], {x: np.array([1.0, 3.0, 2.0])})[0].tolist() == [0.0, 1.0, 0.0]


def test_inside_a_loop():
    """Attention over a memory, one step at a time."""

    def build(xs, memory):
        def step(carries, slices):
            scores = g.softmax(g.dot(memory, carries[0] + slices[0]))
            return (g.dot(scores, memory),), (scores,)

        finals, stacks = g.scan(step, [xs[0]], [xs])
        return [*finals, *stacks]

    check_gradients(build, [CUBE[0], CUBE[1]])
