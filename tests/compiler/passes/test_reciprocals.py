"""Divisions by what is broadcast become products, where no reciprocal leaves the normal numbers."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node, toposort
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import optimize, simplify
from graphc.compiler.passes.reciprocals import hoist_reciprocals
from tests.compiler.passes.values import assert_same_values, random_feeds

X = g.input((3, 4), "float32", name="x")
Z = g.input((3, 3), "float32", name="z")
ROW = g.input((3, 1), "float32", name="row")
DOUBLE = g.input((3, 4), "float64", name="double")


def rewritten(node: Node) -> Node:
    (after,) = hoist_reciprocals(simplify([node]))
    return after


def count(op: str, node: Node) -> int:
    return sum(one.op == op for one in toposort([node]))


def divides_elements(node: Node) -> bool:
    """Return True if there is a division of as many elements as the result has."""
    return any(one.op == "div" and one.shape == node.shape for one in toposort([node]))


VARIANCE = g.mean(g.square(X - g.mean(X, 1, keepdims=True)), 1, keepdims=True)


@pytest.mark.parametrize(
    "node",
    [
        X / g.sqrt(VARIANCE),
        X / (g.sqrt(VARIANCE) + 1e-3),
        X / (1e-3 + g.sqrt(ROW)),
        X / g.broadcast_to(g.reshape(g.sqrt(g.sum(g.square(X), 1)), (3, 1)), (3, 4)),
        X / g.sqrt(g.sum(g.square(X))),
        DOUBLE / g.sqrt(g.sum(g.square(DOUBLE), 0)),
        g.softmax(X),
        g.softmax(X, 0),
        g.softmax(DOUBLE),
        g.softmax(Z, 0),
    ],
)
def test_a_reciprocal_is_computed_once(node: Node):
    after = rewritten(node)
    assert divides_elements(simplify([node])[0])
    assert not divides_elements(after)
    assert_same_values([node], [after], random_feeds([node]), rtol=1e-6)


@pytest.mark.parametrize(
    "node",
    [
        X / ROW,  # may be subnormal
        X / g.exp(ROW),
        X / g.abs(ROW),
        X / g.sqrt(g.square(X)),  # as many roots as quotients
        X / (g.sqrt(ROW) - 1e-3),
        X / (g.sqrt(ROW) + 1e-40),
        X / (g.sqrt(ROW) + 1e30),
        X / (g.sqrt(ROW) + ROW),
        X / (g.sqrt(ROW) * g.sqrt(ROW)),
        X / g.sum(g.exp(X), 1, keepdims=True),
        X / g.sum(g.exp(X - ROW), 1, keepdims=True),
        X / g.sum(g.exp(X - g.max(X, 0, keepdims=True)), 1, keepdims=True),
        Z / g.sum(g.exp(Z - g.max(Z, 1)), 1, keepdims=True),  # of the columns' numbers
        X / 3.0,
    ],
)
def test_a_divisor_that_may_leave_the_normal_numbers_stays(node: Node):
    (before,) = simplify([node])
    assert rewritten(node) is before


@pytest.mark.parametrize("variance", [0.0, 1e-45, 1e-38, 3e38, np.inf, -1.0, np.nan])
def test_quotients_are_infinite_and_nan_as_before(variance: float):
    node = X / g.sqrt(ROW)
    feeds = {X: np.float32([[0.0, -0.0, 1.0, -2.0], [3e38, -1e-38, np.inf, np.nan], [1, 2, 3, 4]])}
    feeds[ROW] = np.full((3, 1), variance, "float32")
    with np.errstate(all="ignore"):
        (before,), (after,) = evaluate([node], feeds), evaluate([rewritten(node)], feeds)
    np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
    np.testing.assert_array_equal(np.isinf(after), np.isinf(before))
    np.testing.assert_allclose(after, before, rtol=3e-7)
    np.testing.assert_array_equal(np.signbit(after), np.signbit(before))


def test_logarithms_of_quotients_are_recognised_first():
    (after,), _ = optimize([g.log(g.softmax(X))])
    assert count("div", after) == count("mul", after) == 0


def test_one_reciprocal_serves_several_quotients():
    root = g.sqrt(ROW)
    both = rewritten(X / root + g.exp(X) / root)
    assert count("rsqrt", both) == 1
    assert count("sqrt", both) == count("div", both) == 0
