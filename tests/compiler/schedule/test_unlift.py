"""Loop bodies over outer values, and which kernels store what a body hands on."""

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import toposort
from graphc.compiler.interpret import evaluate
from graphc.compiler.schedule import Loop, make_schedule
from graphc.compiler.schedule.unlift import unlift

xs, h0 = g.input((g.symbol("time"), g.BATCH, 3), "float64"), g.input((g.BATCH, 3), "float64")


def loops(outputs) -> list[Loop]:
    return [step for step in make_schedule(outputs).steps if isinstance(step, Loop)]


def test_a_body_is_written_over_outer_values() -> None:
    W = g.shared(np.eye(3) * 2.0)
    (h,), (stack,) = g.scan(lambda c, s: ((g.dot(c[0], W) + s[0],), (c[0],)), [h0], [xs])
    body = unlift(h.inputs[0])
    new, old = body.outputs
    assert old is body.carries[0]
    assert (old.shape, old.dtype) == (h0.shape, "float64")
    assert not any(node.op == "arg" for node in toposort(body.outputs))
    assert W in toposort(body.outputs)
    X, H = np.arange(12.0).reshape(2, 2, 3), np.ones((2, 3))
    feeds = {xs: X, old: H, body.step: np.int32(1)}
    np.testing.assert_array_equal(evaluate([new], feeds)[0], 2.0 * H + X[1])
    assert unlift(stack.inputs[0]).carries[0] is not old  # each loop has leaves of its own


def test_loops_inside_of_loops_keep_their_arguments_apart() -> None:
    def outer(carries, slices):
        (h,), _ = g.scan(lambda c, s: ((c[0] * s[0] + carries[0],), ()), [carries[0]], [xs])
        return (h + slices[0],), ()

    (h,), _ = g.scan(outer, [h0], [xs])
    body = unlift(h.inputs[0])
    (inner,) = (node for node in toposort(body.outputs) if node.op == "scan")
    assert inner.inputs[0] is body.carries[0]
    assert unlift(inner).carries[0] is not body.carries[0]


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
