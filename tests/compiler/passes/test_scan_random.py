"""Random loops have the same values after each scan rewrite."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes.scan_accumulate import sink_accumulations
from graphc.compiler.passes.scan_merge import merge_scans
from graphc.compiler.passes.scan_motion import hoist_products, sink_products
from graphc.compiler.passes.scan_trim import trim_scans

PASSES = (merge_scans, trim_scans, hoist_products, sink_accumulations, sink_products, trim_scans)

# Everything is 3 by 3, so that any op fits any values.
rng = np.random.default_rng(9)
XS, YS = rng.uniform(-0.5, 0.5, size=(2, 4, 3, 3))
START, W, U = rng.uniform(-0.5, 0.5, size=(3, 3, 3))

UNARY = (
    g.tanh,
    g.transpose,
    g.neg,
    lambda x: g.broadcast_to(g.sum(x, 0), (3, 3)) * 0.3,
    lambda x: g.reshape(g.reshape(x, (9,)), (3, 3)),
)
BINARY = (g.dot, g.dot, g.add, g.sub, g.mul)

picks = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), max_size=9)
choices = st.lists(st.integers(0, 99), min_size=5, max_size=5)


def random_loop(ops, chosen, start, series, constants, reverse):
    """Two sums and a bounded carry; updates and stacks are picked among random nodes."""

    def step(carries, slices):
        pool = [*slices, *constants, carries[0]]
        for op, left, right in ops:
            if op % 2:
                pool.append(UNARY[op // 2 % len(UNARY)](pool[left % len(pool)]))
            else:
                choose = BINARY[op // 2 % len(BINARY)]
                pool.append(choose(pool[left % len(pool)], pool[right % len(pool)]))
        bounded, *addends, shown, other = (pool[-1 - k % len(pool)] for k in chosen)
        sums = [carry + addend for carry, addend in zip(carries[1:], addends, strict=True)]
        return (g.tanh(bounded), *sums), (shown, other)

    finals, stacks = g.scan(step, [start] * 3, series, reverse=reverse)
    return [*finals, *stacks]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(picks, choices, picks, choices, st.booleans())
def test_random_loops_keep_their_values(ops, chosen, other_ops, other_chosen, reverse):
    steps = g.symbol("steps")
    xs, ys = g.input((steps, 3, 3), "float64"), g.input((steps, 3, 3), "float64")
    start = g.input((3, 3), "float64")
    constants = [g.shared(W), g.shared(U)]
    outputs = random_loop(ops, chosen, start, [xs, ys], constants, reverse)
    outputs += random_loop(other_ops, other_chosen, start, [ys, xs], constants, reverse)
    feeds = {xs: XS, ys: YS, start: START}
    wanted = evaluate(outputs, feeds)
    current = outputs
    for run in PASSES:
        current = run(current)
        for value, expected in zip(evaluate(current, feeds), wanted, strict=True):
            np.testing.assert_allclose(
                value, expected, rtol=1e-11, atol=1e-11, err_msg=run.__name__
            )
