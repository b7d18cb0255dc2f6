"""Loop bodies over outer values, and which kernels store what a body hands on."""

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import toposort
from graphc.compiler.interpret import evaluate
from graphc.compiler.schedule import Loop, make_schedule
from graphc.compiler.schedule.scan_body import inline_body

xs, h0 = g.input((g.symbol("time"), g.BATCH, 3), "float64"), g.input((g.BATCH, 3), "float64")


def loops(outputs) -> list[Loop]:
    return [step for step in make_schedule(outputs) if isinstance(step, Loop)]


def test_a_body_is_written_over_outer_values() -> None:
    W = g.shared(np.eye(3) * 2.0)
    (h,), (stack,) = g.scan(lambda c, s: ((g.dot(c[0], W) + s[0],), (c[0],)), [h0], [xs])
    body = inline_body(h.inputs[0])
    new, old = body.outputs
    assert old is body.carries[0]
    assert (old.shape, old.dtype) == (h0.shape, "float64")
    assert not any(node.op == "arg" for node in toposort(body.outputs))
    assert W in toposort(body.outputs)
    X, H = np.arange(12.0).reshape(2, 2, 3), np.ones((2, 3))
    feeds = {xs: X, old: H, body.step: np.int32(1)}
    np.testing.assert_array_equal(evaluate([new], feeds)[0], 2.0 * H + X[1])
    assert inline_body(stack.inputs[0]).carries[0] is not old  # each loop has leaves of its own


def test_loops_inside_of_loops_have_their_own_arguments() -> None:
    def outer(carries, slices):
        (h,), _ = g.scan(lambda c, s: ((c[0] * s[0] + carries[0],), ()), [carries[0]], [xs])
        return (h + slices[0],), ()

    (h,), _ = g.scan(outer, [h0], [xs])
    body = inline_body(h.inputs[0])
    (inner,) = (node for node in toposort(body.outputs) if node.op == "scan")
    assert inner.inputs[0] is body.carries[0]
    assert inline_body(inner).carries[0] is not body.carries[0]


def test_a_step_stores_what_it_hands_on_beside_its_results() -> None:
    """The gradient reads carries as their step found them; stacking them takes no launch."""
    W = g.shared(np.zeros((3, 3)))

    def step(carries, slices):
        h = g.tanh(g.dot(carries[0], W) + slices[0])
        return (h, carries[0]), (carries[0], carries[1], h - g.mean(h, 0))

    finals, stacks = g.scan(step, [h0, h0], [xs])
    (loop,) = loops([*finals, *stacks])
    storing = [step for step in loop.steps if any(x in loop.carries for x in step.outputs)]
    assert len(storing) == 1
    (kernel,) = storing
    assert kernel.outputs[-2:] == loop.carries
    assert set(loop.carries) <= set(kernel.inputs)


def fused_gates(carries, slices):
    """An LSTM without an input gate, its gates one product."""
    h, c = carries
    z = g.dot(h, GATES) + slices[0]
    f, n, o = (z[:, 3 * k : 3 * k + 3] for k in range(3))
    c = g.sigmoid(f) * c + g.tanh(n)
    return (g.sigmoid(o) * g.tanh(c), c), ()


GATES = g.shared(np.random.default_rng(2).normal(size=(3, 9)))
zs = g.input((g.symbol("time"), g.BATCH, 9), "float64")


def test_gates_in_one_product_are_products_of_one_kernel() -> None:
    (h, c), _ = g.scan(fused_gates, [h0, h0], [zs])
    body = inline_body(h.inputs[0])
    products = [node for node in toposort(body.outputs) if node.op == "matmul"]
    assert [node.shape for node in products] == [(g.BATCH, 3)] * 3
    rng = np.random.default_rng(3)
    state = rng.normal(size=(2, 2, 3))
    feeds = {zs: rng.normal(size=(1, 2, 9)), body.step: np.int32(0)}
    feeds |= dict(zip(body.carries, state, strict=True))
    stepped = evaluate(body.outputs, feeds)
    whole = evaluate([h, c], {zs: feeds[zs], h0: state[0]})
    np.testing.assert_allclose(stepped[1] - whole[1], g_f(feeds[zs], state) * (state[1] - state[0]))


def g_f(z, state):
    """The forget gate of the only step."""
    x = z[0, :, :3] + state[0] @ GATES.attrs["state"].value[:, :3]
    return 1.0 / (1.0 + np.exp(-x))


def test_products_that_are_read_whole_stay_whole() -> None:
    def step(carries, slices):
        z = g.dot(carries[0], GATES)
        return (z[:, :3] + slices[0],), (z,)

    (h,), (stack,) = g.scan(step, [h0], [xs])
    outputs = inline_body(h.inputs[0]).outputs
    assert [x.shape[1] for x in toposort(outputs) if x.op == "matmul"] == [9]
    assert stack.shape[2] == 9
