"""Arithmetic on what `max_unpool` spreads moves ahead of it."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import Node, toposort
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import optimize
from graphc.compiler.passes.narrow_pooling import narrow_pooling
from graphc.compiler.passes.simplify import simplify

POOL = {"window": (3,), "strides": (3,), "padding": ((0, 0),)}
OTHER_WINDOWS = {"window": (2,), "strides": (3,), "padding": ((1, 0),)}
OVERLAPPING = {"window": (3,), "strides": (2,), "padding": ((0, 0),)}

X = g.input((2, 4, 12), "float32", name="x")
MASK = g.input((2, 4, 12), "bool", name="mask")


def unpooled(attrs: dict = POOL, x: Node = X) -> Node:
    argmax = g.make("argmax_pool", x, **attrs)
    cotangents = g.cos(g.cast(argmax, "float32") + 1.0)
    return g.make("max_unpool", argmax, cotangents, size=(12,), **attrs)


def last(x: Node) -> Node:
    return g.swap_axes(x, 1, 2)


def narrowed(node: Node) -> bool:
    """Return True if nothing but transposes follows the `max_unpool`s, with the same values as
    before."""
    (after,) = narrow_pooling([node])
    feeds = {
        X: np.random.default_rng(1).integers(-3, 3, X.shape).astype("float32"),
        MASK: np.random.default_rng(2).random(X.shape) < 0.5,
    }
    fed = {x: feeds[x] for x in toposort([node]) if x in feeds}
    (old,), (new,) = evaluate([node], fed), evaluate([after], fed)
    np.testing.assert_array_equal(new, old)
    assert np.any(old)
    while after.op == "transpose":
        after = after.inputs[0]
    return after.op == "max_unpool"


U = unpooled()


@pytest.mark.parametrize(
    "node",
    [
        -U,
        U * 0.5,
        U / 0.75,
        U + U * 2.0,
        U - U / 4.0,
        U * g.cast(MASK, "float32"),
        U * (g.cast(MASK, "float32") * 2.0),
        U * g.where(MASK, 2.0, -0.5),
        g.where(MASK, U, 0.0),
        g.where(MASK, 0.0, U),
        g.where(MASK, U, U * 0.5),
        g.where(X > 0, U, g.where(g.equal(X, 0), U * 0.5, 0.0)),
        last(g.where(last(MASK), last(U), 0.0)) / 0.75,
        g.where(last(MASK), last(U * 3.0), 0.0),
        unpooled(OTHER_WINDOWS) * g.cast(MASK, "float32"),
    ],
)
def test_what_keeps_zeros_moves_ahead(node: Node) -> None:
    assert narrowed(node)


@pytest.mark.parametrize(
    "node",
    [
        U * X,  # 0 * inf is NaN
        U * g.exp(X),
        U / X,
        U / g.cast(MASK, "float32"),
        U + 1.0,
        U + unpooled(POOL, -X),
        U
        + g.make(
            "max_unpool", *U.inputs, size=(12,), **OTHER_WINDOWS
        ),  # the places of other windows
        g.where(MASK, U, 1.0),
        g.where(MASK, U, X),
        g.exp(U),
        unpooled(OVERLAPPING) * 0.5,
    ],
)
def test_what_may_not_keep_them_stays(node: Node) -> None:
    (after,) = narrow_pooling([node])
    assert after is node


@pytest.mark.parametrize("attrs", [POOL, OTHER_WINDOWS, OVERLAPPING])
def test_a_sum_over_all_elements_is_one_over_windows(attrs: dict) -> None:
    max_unpool = unpooled(attrs)
    outputs = [
        g.sum(max_unpool),
        g.sum(max_unpool, (0, 2)),
        g.sum(last(max_unpool), (0, 1)),
        g.sum(max_unpool, 2),
        g.sum(last(max_unpool), 1),
    ]
    after = simplify(narrow_pooling(outputs))
    assert not any(node.op == "max_unpool" for node in toposort(after))
    feeds = {X: np.random.default_rng(1).standard_normal(X.shape).astype("float32")}
    for old, new in zip(evaluate(outputs, feeds), evaluate(after, feeds), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-5)


def test_other_sums_stay() -> None:
    node = g.sum(U, 1)
    assert narrow_pooling([node]) == [node]


def test_a_value_of_each_channel_is_gathered_without_its_argmax() -> None:
    scale = g.input((4, 1), "float32")
    argmax = g.make("argmax_pool", X, **POOL)
    picked = g.make("gather_pool", argmax, g.broadcast_to(scale, X.shape), **POOL)
    (after,) = simplify(narrow_pooling([picked]))
    assert not any(node.op == "gather_pool" for node in toposort([after]))
    feeds = {X: np.zeros(X.shape, "float32"), scale: np.arange(4, dtype="float32").reshape(4, 1)}
    (value,) = evaluate([after], {scale: feeds[scale]})
    np.testing.assert_array_equal(value, evaluate([picked], feeds)[0])


def test_a_step_of_training_needs_the_masks_at_the_maxima_alone() -> None:
    weights = g.input((4, 2, 3), "float32")
    image = g.input((g.BATCH, 2, 14), "float32")
    y = g.maximum(last(g.conv(image, weights)), 0.0)
    y = g.where(g.random.bernoulli(y.shape, 0.75, seed=1), y / 0.75, 0.0)
    pooled = g.max_pool(last(y), (4,))
    gradients = grad(g.sum(g.square(pooled)), [weights])
    after = optimize([pooled, *gradients])[0]
    (max_unpool,) = (node for node in toposort(after) if node.op == "max_unpool")
    (place,) = (node for node in toposort(after) if node.op == "argmax_pool")
    picks = [node for node in toposort(after) if node.op == "gather_pool"]
    assert all(node.inputs[0] is place for node in picks)
    assert {node.dtype for node in picks} == {"bool", "float32"}
    assert not any(node.op == "max_pool" for node in toposort(after))
    # The convolution reads it, with samples and filters exchanged.
    readers = [node for node in toposort(after) if max_unpool in node.inputs]
    assert [node.op for node in readers] == ["transpose"]
    random = np.random.default_rng(3)
    feeds = {
        image: random.standard_normal((3, 2, 14)).astype("float32"),
        weights: random.standard_normal((4, 2, 3)).astype("float32"),
    }
    for old, new in zip(evaluate([pooled, *gradients], feeds), evaluate(after, feeds), strict=True):
        np.testing.assert_array_equal(new, old)
