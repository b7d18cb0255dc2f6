"""stabilize: each identity fires, and is right where the formula that it replaces is not."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import simplify, stabilize
from graphc.compiler.passes.stabilize import ROWS
from tests.compiler.passes.test_simplify import instance
from tests.compiler.passes.values import assert_same_values, random_feeds

X = g.input((6,), "float64")
Z = g.input((2, 3), "float64")
LOGITS = np.array([[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -1001.0]])


def value(node, feeds):
    """After the passes; simplify first, as in the pipeline."""
    (after,) = stabilize(simplify([node]))
    return evaluate([after], feeds)[0]


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_each_row_fires_and_keeps_the_values(row):
    before = instance(row.pattern, {}, "float64")
    assert row(before) is not None
    (after,) = stabilize([before])
    assert after is not before
    assert_same_values([before], [after], random_feeds([before]), rtol=1e-9)


EXTREME = np.array([-1000.0, -40.0, -1e-20, 1e-20, 40.0, 1000.0])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # log(1 / (1 + e^40)) = -40 - log(1 + e^-40), e^-40 = 4.248354255291589e-18
        (
            lambda x: g.log(g.sigmoid(x)),
            [-1000, -40, -np.log(2), -np.log(2), -4.248354255291589e-18, 0],
        ),
        (
            lambda x: g.log(1 - g.sigmoid(x)),
            [0, -4.248354255291589e-18, -np.log(2), -np.log(2), -40, -1000],
        ),
        (
            lambda x: g.log(1 + g.exp(x)),
            [0, 4.248354255291589e-18, np.log(2), np.log(2), 40, 1000],
        ),
        (
            lambda x: g.log1p(g.exp(x)),
            [0, 4.248354255291589e-18, np.log(2), np.log(2), 40, 1000],
        ),
        (lambda x: g.exp(x) - 1, [-1, -1, -1e-20, 1e-20, 2.3538526683702e17, np.inf]),
        (lambda x: 1 - g.exp(x), [1, 1, 1e-20, -1e-20, -2.3538526683702e17, -np.inf]),
        (lambda x: 1 / (1 + g.exp(-x)), [0, 4.248354255291589e-18, 0.5, 0.5, 1, 1]),
        (lambda x: g.exp(x) / (1 + g.exp(x)), [0, 4.248354255291589e-18, 0.5, 0.5, 1, 1]),
    ],
)
def test_pointwise_extremes(expression, expected):
    np.testing.assert_allclose(value(expression(X), {X: EXTREME}), expected, rtol=1e-12)


def test_log1p_near_zero():
    tiny = np.array([-1e-20, 1e-20, 1e-18, -1e-18, 3e-16, 1e-300])
    np.testing.assert_allclose(value(g.log(1 + X), {X: tiny}), tiny, rtol=1e-12)
    np.testing.assert_allclose(value(g.log(1 - X), {X: tiny}), -tiny, rtol=1e-12)


def log_softmax(logits, axis):
    shifted = logits - logits.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


@pytest.mark.parametrize("axis", [0, 1])
def test_log_of_softmax(axis):
    feeds = {Z: LOGITS}
    e = g.exp(Z)
    for softmax in (g.softmax(Z, axis), e / g.sum(e, axis, keepdims=True)):
        received = value(g.log(softmax), feeds)
        np.testing.assert_allclose(received, log_softmax(LOGITS, axis), rtol=1e-12)
    flat = value(g.log(g.reshape(g.softmax(Z, axis), (3, 2, 1))), feeds)
    np.testing.assert_allclose(flat.ravel(), log_softmax(LOGITS, axis).ravel(), rtol=1e-12)
    transposed = value(g.log(g.transpose(g.softmax(Z, axis))), feeds)
    np.testing.assert_allclose(transposed, log_softmax(LOGITS, axis).T, rtol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_log_of_a_sum_of_exponentials(axis, keepdims):
    received = value(g.log(g.sum(g.exp(Z), axis, keepdims)), {Z: LOGITS})
    expected = np.logaddexp.reduce(LOGITS, axis, keepdims=keepdims)
    np.testing.assert_allclose(received, expected, rtol=1e-12)


def test_what_is_stable_stays():
    logits = g.input((None, 3), "float64")
    for node in (g.softplus(X), g.logsumexp(logits, 1), g.log(g.softmax(logits))):
        (once,) = stabilize(simplify([node]))
        (twice,) = stabilize(simplify([once]))
        assert twice is once
    (loss,) = simplify([g.logsumexp(logits, 1)])
    assert stabilize([loss]) == [loss]


def test_a_clip_before_the_logarithm_is_part_of_the_meaning():
    clipped = g.log(g.clip(g.softmax(Z), 1e-7, 1 - 1e-7))
    (before,) = simplify([clipped])
    assert stabilize([before]) == [before]
    np.testing.assert_allclose(value(clipped, {Z: LOGITS})[0, 1], np.log(1e-7))


def test_long_chains_of_movement_under_a_logarithm():
    node = g.input((2, 3), "float64")
    x = node
    for _ in range(3000):
        x = g.transpose(g.reshape(x, (3, 2)))
    (after,) = stabilize([g.log(x)])
    assert_same_values([g.log(x)], [after], {node: np.abs(LOGITS) + 1})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_log_of_a_sum_of_exponentials_is_infinite_where_the_formula_is(dtype):
    inf, nan = np.inf, np.nan
    rows = [[inf, 0, 1], [-inf, -inf, -inf], [-inf, 0, 0], [nan, 0, inf], [-inf, inf, 0]]
    x = g.input((5, 3), dtype)
    feeds = {x: np.array(rows, dtype)}
    for node in (g.log(g.sum(g.exp(x), 1)), g.logsumexp(x, 1)):
        for received in (evaluate([node], feeds)[0], value(node, feeds)):
            np.testing.assert_allclose(received, [inf, -inf, np.log(2), nan, inf], rtol=1e-6)
