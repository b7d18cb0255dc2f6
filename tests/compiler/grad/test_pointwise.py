"""Gradients of pointwise ops against central differences, and at ties and bounds by hand."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from tests.compiler.grad.differences import check_gradients

SIGNED = np.array([[-1.7, -0.4, 0.3], [0.9, 1.6, 2.2]])
OTHER = np.array([[0.8, -1.1, 1.4], [-0.6, 0.7, -2.5]])
POSITIVE = np.abs(SIGNED) + 0.2

CASES = {
    "add": (g.add, [SIGNED, OTHER]),
    "sub": (g.sub, [SIGNED, OTHER]),
    "mul": (g.mul, [SIGNED, OTHER]),
    "div": (g.div, [SIGNED, OTHER]),
    "mod": (g.mod, [SIGNED, OTHER]),
    "pow": (g.pow, [POSITIVE, OTHER]),
    "maximum": (g.maximum, [SIGNED, OTHER]),
    "minimum": (g.minimum, [SIGNED, OTHER]),
    "neg": (g.neg, [SIGNED]),
    "abs": (g.abs, [SIGNED]),
    "exp": (g.exp, [SIGNED]),
    "expm1": (g.expm1, [SIGNED]),
    "log": (g.log, [POSITIVE]),
    "log1p": (g.log1p, [POSITIVE - 0.9]),
    "sqrt": (g.sqrt, [POSITIVE]),
    "rsqrt": (g.rsqrt, [POSITIVE]),
    "tanh": (g.tanh, [SIGNED]),
    "sigmoid": (g.sigmoid, [SIGNED]),
    "erf": (g.erf, [SIGNED]),
    "sin": (g.sin, [SIGNED]),
    "cos": (g.cos, [SIGNED]),
    "where": (lambda x, y: g.where(g.less(x, y), x * y, y * y), [SIGNED, OTHER]),
    "clip": (g.clip, [SIGNED, OTHER - 1.0, OTHER + 0.5]),
}


@pytest.mark.parametrize("op", CASES)
def test_first_and_second_derivatives(op):
    build, arrays = CASES[op]
    check_gradients(build, arrays)


@pytest.mark.parametrize(
    "build",
    [
        lambda x: g.log(g.softmax(x)),
        lambda x: g.softplus(x) * g.logsumexp(x, axis=1, keepdims=True),
        lambda x: g.square(x) * g.std(x, axis=0),
    ],
    ids=["log_softmax", "softplus_logsumexp", "std"],
)
def test_compositions(build):
    check_gradients(build, [SIGNED])


def _gradients(build, *values):
    nodes = [g.input(np.shape(value), "float64") for value in values]
    feeds = dict(zip(nodes, (np.array(value, dtype=np.float64) for value in values), strict=True))
    results = grad(g.sum(build(*nodes)), nodes, disconnected="zeros")
    return [result.tolist() for result in evaluate(results, feeds)]


@pytest.mark.parametrize("op", [g.maximum, g.minimum], ids=["maximum", "minimum"])
def test_ties_of_two_share_evenly(op):
    assert _gradients(op, [2.0, -1.0], [2.0, -1.0]) == [[0.5, 0.5], [0.5, 0.5]]


def test_relu_at_zero_is_a_half():
    assert _gradients(lambda x: g.maximum(x, 0.0), [-1.0, 0.0, 2.0]) == [[0.0, 0.5, 1.0]]


def test_clip_is_flat_at_and_beyond_the_bounds():
    x = [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert _gradients(lambda x: g.clip(x, -1.0, 1.0), x) == [[0.0, 0.0, 1.0, 0.0, 0.0]]


def test_clip_gives_the_rest_to_the_bound_that_is_the_value():
    low, high = [-1.0] * 5 + [3.0], [1.0] * 6
    gradients = _gradients(g.clip, [-2.0, -1.0, 0.0, 1.0, 2.0, 0.0], low, high)
    assert gradients == [
        [0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
    ]


def test_abs_at_zero_is_flat():
    assert _gradients(g.abs, [-3.0, 0.0, 3.0]) == [[-1.0, 0.0, 1.0]]


def test_pow_at_a_zero_base():
    base, exponent = [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, 3.0]
    assert _gradients(g.pow, base, exponent) == [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]


def test_where_keeps_an_infinite_slope_of_the_other_branch_out():
    assert _gradients(lambda x: g.where(g.less(0.0, x), x * 2.0, 0.0), [0.0, 4.0]) == [[0.0, 2.0]]


def test_cast_carries_the_gradient_between_floats():
    x = g.input((2,), "float32")
    gradient = grad(g.sum(g.cast(x, "float64") * np.array([1.5, 2.5])), x)
    assert gradient.dtype == "float32"
    assert evaluate([gradient], {x: np.ones(2, np.float32)})[0].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("op", [g.floor, g.round, g.sign], ids=["floor", "round", "sign"])
def test_steps_have_no_slope(op):
    assert _gradients(lambda x: op(x) * x, [-1.7, 0.3, 2.6]) == [op_values(op, [-1.7, 0.3, 2.6])]


def op_values(op, values):
    return {
        g.floor: np.floor(values),
        g.round: np.rint(values),
        g.sign: np.sign(values),
    }[op].tolist()
