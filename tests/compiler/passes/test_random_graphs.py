"""Random graphs have the same values before and after the passes, and one sweep is a fixpoint."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler import graph as g
from graphc.compiler.passes import PIPELINE, fold, optimize, simplify, stabilize
from tests.compiler.passes.values import assert_same_values

# Each takes a node and an int, and gives a node; all are continuous, so rounding stays rounding.
UNARY = [
    lambda x, k: -x,
    lambda x, k: x * [1, 0.5, 3, -1][k % 4],
    lambda x, k: x + [0, 1, -1, 0.25][k % 4],
    lambda x, k: [1, 0, 2, -1][k % 4] - x,
    lambda x, k: x / [1, 2, 3, -4][k % 4],
    lambda x, k: x ** (k % 4),
    lambda x, k: g.tanh(x),
    lambda x, k: g.sigmoid(x),
    lambda x, k: g.exp(g.tanh(x)),
    lambda x, k: g.exp(g.tanh(x)) - 1,
    lambda x, k: g.log(1 + g.exp(x)),
    lambda x, k: g.log(g.sigmoid(x)),
    lambda x, k: g.log(g.exp(x)),
    lambda x, k: 1 / (1 + g.exp(-x)),
    lambda x, k: 1 / g.sqrt(1 + x * x),
    lambda x, k: g.maximum(x, [0, -1][k % 2]),
    lambda x, k: g.clip(x, -0.5, 0.5),
    lambda x, k: g.where(k % 2 == 0, x, g.sin(x)),
    lambda x, k: g.softmax(x, k % x.ndim) if x.ndim else x,
    lambda x, k: g.log(g.softmax(x, k % x.ndim)) if x.ndim else x,
    lambda x, k: g.sum(x, k % x.ndim) if x.ndim else x,
    lambda x, k: g.sum(x, k % x.ndim, keepdims=True) if x.ndim else x,
    lambda x, k: g.mean(x, k % x.ndim, keepdims=True) if x.ndim else x,
    lambda x, k: g.max(x, k % x.ndim) if x.ndim else x,
    lambda x, k: g.mean(x),
    lambda x, k: g.log(g.sum(g.exp(x), k % x.ndim)) if x.ndim else x,
    lambda x, k: g.transpose(x),
    lambda x, k: g.swap_axes(x, 0, k % x.ndim) if x.ndim else x,
    lambda x, k: g.reshape(x, (-1,)),
    lambda x, k: g.expand_dims(x, k % (x.ndim + 1)) if x.ndim < 4 else x,
    lambda x, k: g.flip(x, k % x.ndim) if x.ndim else x,
    lambda x, k: g.broadcast_to(x, (2, *x.shape)) if x.ndim < 4 else x,
    lambda x, k: g.pad(x, [(k % 2, 1)] * x.ndim) if x.ndim else x,
    lambda x, k: x[k % 2 :] if x.ndim else x,
    lambda x, k: g.concat([x, x], k % x.ndim)[1:] if x.ndim else x,
    lambda x, k: g.matmul(x, g.swap_axes(x, -2, -1)) if x.ndim >= 2 else x,
    lambda x, k: g.cast(x > 100, "float64") + x,
]


def _binary(op):
    return lambda x, y: op(x, g.broadcast_to(g.mean(y), x.shape) if x.shape != y.shape else y)


BINARY = [
    _binary(g.add),
    _binary(g.sub),
    _binary(g.mul),
    _binary(g.maximum),
    _binary(g.minimum),
    _binary(lambda x, y: x / (1 + y * y)),
    _binary(lambda x, y: x / g.exp(g.tanh(y))),
    _binary(lambda x, y: x - -y),
]

STEPS = st.lists(
    st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 11), st.integers(0, 11)),
    min_size=1,
    max_size=12,
)

N = g.symbol("n")
INPUTS = [
    g.input((N, 3), "float64", "a"),
    g.input((3,), "float64", "b"),
    g.input((2, N, 1), "float64", "c"),
]


def build(steps):
    """The values that a list of (op, choice, choice) makes; the choices pick operands."""
    values = list(INPUTS)
    for op, first, second in steps:
        x = values[first % len(values)]
        if op < len(UNARY):
            values.append(UNARY[op](x, second))
        else:
            values.append(BINARY[op - len(UNARY)](x, values[second % len(values)]))
    return values[-2:]


def feeds(count):
    generator = np.random.default_rng(3)
    shapes = [(count, 3), (3,), (2, count, 1)]
    return {
        node: generator.standard_normal(shape) for node, shape in zip(INPUTS, shapes, strict=True)
    }


@given(STEPS, st.integers(1, 4))
@settings(max_examples=400)
def test_the_pipeline_keeps_the_values(steps, count):
    outputs = build(steps)
    after, reports = optimize(outputs)
    assert [report.name for report in reports] == [name for name, _ in PIPELINE]
    assert_same_values(outputs, after, feeds(count), rtol=1e-8)


@pytest.mark.parametrize("run", [fold, simplify, stabilize])
@given(steps=STEPS)
@settings(max_examples=150)
def test_one_sweep_is_a_fixpoint(run, steps):
    once = run(build(steps))
    assert run(once) == once
