"""A GRU's training step after the pipeline: a loop forward, a loop backward, products outside."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import optimize
from tests.compiler.passes.loops import body_ops, check_values, scans

INPUTS, UNITS = 3, 4
rng = np.random.default_rng(21)
XS = rng.normal(size=(5, 2, INPUTS))
SIZES = {"W": (INPUTS, UNITS), "U": (UNITS, UNITS), "b": (UNITS,)}
VALUES = {kind + gate: rng.normal(size=SIZES[kind]) for gate in "zrh" for kind in "WUb"}


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def loss_of(values, xs):
    """The sum of squared states of a GRU, the reset gate before U, from the formulas in NumPy."""
    h, total = np.zeros((xs.shape[1], UNITS)), 0.0
    for x in xs:
        z = sigmoid(x @ values["Wz"] + h @ values["Uz"] + values["bz"])
        r = sigmoid(x @ values["Wr"] + h @ values["Ur"] + values["br"])
        candidate = np.tanh(x @ values["Wh"] + (r * h) @ values["Uh"] + values["bh"])
        h = z * h + (1.0 - z) * candidate
        total += (h * h).sum()
    return total


@pytest.fixture(scope="module")
def training_step():
    """The input, and the loss with its gradients before and after the pipeline."""
    xs = g.input((g.symbol("time"), g.BATCH, INPUTS), "float64", name="xs")
    weights = {name: g.shared(value, name) for name, value in VALUES.items()}

    def step(carries, slices):
        (h,), (x,) = carries, slices
        w = weights
        z = g.sigmoid(g.dot(x, w["Wz"]) + g.dot(h, w["Uz"]) + w["bz"])
        r = g.sigmoid(g.dot(x, w["Wr"]) + g.dot(h, w["Ur"]) + w["br"])
        candidate = g.tanh(g.dot(x, w["Wh"]) + g.dot(r * h, w["Uh"]) + w["bh"])
        h = z * h + (1.0 - z) * candidate
        return (h,), (h,)

    _, (hs,) = g.scan(step, [g.zeros((g.BATCH, UNITS), "float64")], [xs])
    loss = g.sum(g.square(hs))
    before = [loss, *grad(loss, [*weights.values(), xs])]
    after, _ = optimize(before)
    return xs, before, after


def test_one_loop_forward_and_one_backward(training_step):
    _, _, after = training_step
    forward, backward = scans(after)
    assert not forward.attrs["reverse"]
    assert backward.attrs["reverse"]
    assert forward.attrs["carries"] == 1
    assert backward.attrs["carries"] == 1  # no sum of a weight's gradient is carried


def test_only_products_with_a_recurrent_weight_are_in_the_loops(training_step):
    _, _, after = training_step
    for scan in scans(after):
        body = scan.attrs["body"].outputs
        assert body_ops(scan)["matmul"] == 3
        constants = dict(zip(g.body_args(scan), scan.inputs, strict=True))
        for node in g.toposort(body):
            if node.op == "matmul":
                (left, right) = node.inputs
                while right.op == "transpose":
                    right = right.inputs[0]
                weight = constants[right]
                leaves = [leaf for leaf in g.toposort([weight]) if not leaf.inputs]
                assert [g.name_of(leaf)[0] for leaf in leaves] == ["U"]
                assert left.shape == (g.BATCH, UNITS)


def test_the_values_stay(training_step):
    xs, before, after = training_step
    check_values(after, {xs: XS}, evaluate(before, {xs: XS}))


def test_loss_and_gradients_are_those_of_the_formulas(training_step):
    xs, _, after = training_step
    loss, *gradients = evaluate(after, {xs: XS})
    np.testing.assert_allclose(loss, loss_of(VALUES, XS), rtol=1e-12)
    step = 1e-6
    for name, gradient in zip([*VALUES, "xs"], gradients, strict=True):
        arrays = {**VALUES, "xs": XS}
        direction = rng.normal(size=arrays[name].shape)
        up, down = (
            {**arrays, name: arrays[name] + sign * step * direction} for sign in (1.0, -1.0)
        )
        slope = (loss_of(up, up["xs"]) - loss_of(down, down["xs"])) / (2.0 * step)
        np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-6)
