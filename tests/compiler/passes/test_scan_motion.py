"""Products leave their loop, before it or after it."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.passes.scan_motion import hoist_products, sink_products
from tests.compiler.passes.loops import TIME, body_ops, check_values, scans, sequences

rng = np.random.default_rng(4)
XS = rng.normal(size=(5, 2, 3))
W = rng.normal(size=(3, 4))
U = rng.normal(size=(4, 4))
V = rng.normal(size=(4, 2))
B = rng.normal(size=(4,))
H0 = rng.normal(size=(2, 4))


def states(values, backwards=False):
    """h = tanh(x W + b + h U) at each step, in NumPy."""
    h, found = H0, {}
    order = range(len(values))
    for t in reversed(order) if backwards else order:
        h = np.tanh(values[t] @ W + B + h @ U)
        found[t] = h
    return np.stack([found[t] for t in order])


@pytest.mark.parametrize("backwards", [False, True])
def test_the_product_of_the_sequence_leaves_with_its_bias(xs, start, backwards):
    def step(carries, slices):
        h = g.tanh(g.dot(slices[0], g.shared(W)) + g.shared(B) + g.dot(carries[0], g.shared(U)))
        return (h,), (h,)

    finals, stacks = g.scan(step, [start], [xs], reverse=backwards)
    hoisted = hoist_products([*finals, *stacks])
    (scan,) = scans(hoisted)
    assert body_ops(scan)["matmul"] == 1
    assert body_ops(scan)["add"] == 1
    (sequence,) = sequences(scan)
    products = [node for node in g.toposort([sequence]) if node.op == "matmul"]
    assert [node.shape for node in products] == [(TIME * g.BATCH, 4)]
    wanted = states(XS, backwards)
    check_values(hoisted, {xs: XS, start: H0}, [wanted[0 if backwards else -1], wanted])


def test_a_sequence_that_is_read_otherwise_stays(xs, start):
    def step(carries, slices):
        h = g.tanh(g.dot(slices[0], g.shared(W)) + carries[0]) * g.sum(slices[0])
        return (h,), ()

    (final,), _ = g.scan(step, [start], [xs])
    hoisted = hoist_products([final])
    (scan,) = scans(hoisted)
    assert body_ops(scan)["matmul"] == 0
    assert len(sequences(scan)) == 2
    h = H0
    for x in XS:
        h = np.tanh(x @ W + h) * x.sum()
    check_values(hoisted, {xs: XS, start: H0}, [h])


def test_a_constant_on_the_left_and_a_computed_weight(start):
    mixing = rng.normal(size=(2, 5))
    values = rng.normal(size=(6, 5, 4))
    xs = g.input((TIME, 5, 4), "float64")

    def step(carries, slices):
        return (carries[0] * 0.5 + g.dot(g.exp(g.shared(mixing)), g.sin(slices[0])),), ()

    (final,), _ = g.scan(step, [g.zeros((2, 4), "float64")], [xs])
    hoisted = hoist_products([final])
    assert body_ops(scans(hoisted)[0])["matmul"] == 0
    h = np.zeros((2, 4))
    for x in values:
        h = h * 0.5 + np.exp(mixing) @ np.sin(x)
    check_values(hoisted, {xs: values}, [h])


def test_products_of_a_carry_or_of_two_slices_stay(xs, start):
    def step(carries, slices):
        both = g.dot(g.transpose(slices[0]), slices[0])
        h = g.dot(carries[0], g.shared(U)) + g.sum(both)
        return (h,), ()

    (final,), _ = g.scan(step, [start], [xs])
    assert hoist_products([final]) == [final]


def test_a_repeated_value_is_repeated_in_the_loop(xs, start):
    def step(carries, slices):
        row = g.sum(g.dot(slices[0], g.shared(W)), axis=0)
        return (carries[0] + g.broadcast_to(row, carries[0].shape),), ()

    (final,), _ = g.scan(step, [start], [xs])
    (scan,) = scans(hoist_products([final]))
    assert [node.shape for node in sequences(scan)] == [(TIME, 4)]


def test_an_output_product_is_computed_after_the_loop(xs, start):
    def step(carries, slices):
        h = g.tanh(g.dot(slices[0], g.shared(W)) + g.shared(B) + g.dot(carries[0], g.shared(U)))
        return (h,), (g.softmax(g.dot(h, g.shared(V)) + 1.0), h)

    finals, stacks = g.scan(step, [start], [xs])
    sunk = sink_products([*finals, *stacks])
    (scan,) = scans(sunk)
    assert body_ops(scan)["matmul"] == 2
    assert body_ops(scan)["exp"] == 0
    assert len(scan.dtype) == 2
    hs = states(XS)
    logits = np.exp(hs @ V + 1.0)
    wanted = [hs[-1], logits / logits.sum(-1, keepdims=True), hs]
    check_values(sunk, {xs: XS, start: H0}, wanted)


def test_a_sum_of_products_leaves_whole_and_carries_are_stacked(xs, start):
    def step(carries, slices):
        before = carries[0]
        h = g.tanh(before * 0.5)
        return (h,), (g.dot(before, g.shared(V)) - g.dot(h * h, g.shared(V)),)

    _, stacks = g.scan(step, [start], [xs])
    sunk = sink_products(stacks)
    (scan,) = scans(sunk)
    assert body_ops(scan)["matmul"] == 0
    h, wanted = H0, []
    for _ in XS:
        new = np.tanh(h * 0.5)
        wanted.append(h @ V - (new * new) @ V)
        h = new
    check_values(sunk, {xs: XS, start: H0}, [np.stack(wanted)])


def test_a_product_that_a_later_step_reads_stays(xs, start):
    def step(carries, slices):
        product = g.dot(carries[0], g.shared(U))
        return (g.tanh(product),), (product, g.sin(product))

    _, stacks = g.scan(step, [start], [xs])
    assert sink_products(stacks) == list(stacks)


def test_products_leave_a_loop_inside_of_a_loop(start):
    xs = g.input((TIME, 5, 2, 3), "float64")

    def outer(carries, slices):
        def inner(carried, parts):
            return (g.tanh(g.dot(parts[0], g.shared(W)) + carried[0]),), ()

        (h,), _ = g.scan(inner, carries, slices)
        return (h,), (h,)

    _, stacks = g.scan(outer, [start], [xs])
    hoisted = hoist_products(stacks)
    (scan,) = scans(hoisted)
    (nested,) = scans(scan.attrs["body"].outputs)
    assert body_ops(nested)["matmul"] == 0
    values = rng.normal(size=(3, 5, 2, 3))
    h, wanted = H0, []
    for row in values:
        for x in row:
            h = np.tanh(x @ W + h)
        wanted.append(h)
    check_values(hoisted, {xs: values, start: H0}, [np.stack(wanted)])


def test_what_leaves_keeps_its_layer(xs, start):
    with g.origin("gru_1"):
        w = g.shared(W)

        def step(carries, slices):
            return (g.tanh(g.dot(slices[0], w) + carries[0]),), ()

        (final,), _ = g.scan(step, [start], [xs])
    (hoisted,) = hoist_products([final])
    made = [node for node in g.toposort([hoisted]) if node.op in ("matmul", "reshape", "scan")]
    assert [node.op for node in made] == ["reshape", "matmul", "reshape", "scan"]
    assert {str(g.origin_of(node)) for node in made} == {"gru_1"}
