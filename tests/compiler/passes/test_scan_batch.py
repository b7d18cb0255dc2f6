"""Each op for all steps at once equals the op at each step."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.ops import OPS
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import scan_batch
from graphc.compiler.passes.scan_batch import can_batch, liftable, over_steps

STEPS = 3
rng = np.random.default_rng(11)
A = rng.normal(size=(STEPS, 2, 4))
B = rng.normal(size=(STEPS, 2, 4))
C = rng.normal(size=(STEPS, 4, 3))
D = rng.normal(size=(STEPS, 5, 2, 4))
E = rng.normal(size=(STEPS, 5, 4, 3))
INDICES = rng.integers(0, 4, size=(STEPS, 2)).astype("int32")
ROWS = rng.integers(0, 2, size=(STEPS, 2)).astype("int32")

CASES = {
    "add": (g.add, A, B),
    "where": (lambda a, b: g.where(a > 0, a, b), A, B),
    "cast": (lambda a: g.cast(a * 10, "int32"), A),
    "scalar": (lambda a: g.tanh(g.sum(a)) * 2.0, A),
    "clip": (lambda a: g.clip(a, -0.5, 0.5), A),
    "sum": (lambda a: g.sum(a, axis=1), A),
    "argmax": (lambda a: g.argmax(a, axis=0), A),
    "softmax": (lambda a: g.softmax(a, axis=-1), A),
    "flip": (lambda a: g.flip(a, 1), A),
    "reshape": (lambda a: g.reshape(a, (4, 2)), A),
    "transpose": (lambda a: g.transpose(a), A),
    "broadcast": (lambda a: g.broadcast_to(g.sum(a, 1), (5, 2)), A),
    "slice": (lambda a: a[:, 1:4:2], A),
    "pad": (lambda a: g.pad(a, [(1, 0), (0, 2)], 0.5), A),
    "concat": (lambda a, b: g.concat([a, b], axis=1), A, B),
    "matmul": (g.matmul, A, C),
    "matmul of rank 3": (g.matmul, D, E),
    "gather": (lambda a, i: g.take(a, i, axis=1), A, INDICES),
    "gather rows": (lambda a, i: g.take(a, i, axis=0), A, ROWS),
    "scatter_add": (lambda i, a: g.scatter_add(i, a, 5, axis=0), ROWS, A),
    "scatter_add columns": (
        lambda i, a: g.scatter_add(i, a, 5, axis=1),
        INDICES[:, [0, 1, 0, 1]],
        A,
    ),
}


def patterns(count):
    """Which inputs vary: each alone, and all of them."""
    alone = [tuple(k == which for k in range(count)) for which in range(count)]
    return dict.fromkeys([*alone, (True,) * count])


@pytest.mark.parametrize(
    ("name", "varies"),
    [(name, varies) for name, case in CASES.items() for varies in patterns(len(case) - 1)],
)
def test_an_op_over_the_steps_equals_the_op_at_each_step(name, varies):
    build, *arrays = CASES[name]
    slices = [g.input(x.shape[1:], x.dtype.name) for x in arrays]
    root = build(*slices)
    moving = [node for node, moves in zip(slices, varies, strict=True) if moves]
    if root not in liftable([root], moving, []):
        assert root.op in ("gather", "scatter_add")
        return
    wholes = {node: g.input(x.shape, x.dtype.name) for node, x in zip(slices, arrays, strict=True)}
    (value,) = over_steps([root], {node: wholes[node] for node in moving}, STEPS)
    feeds = dict(zip(wholes.values(), arrays, strict=True))
    feeds |= {node: x[0] for node, x in zip(slices, arrays, strict=True)}
    (batched,) = evaluate([value], feeds)
    for t in range(STEPS):
        at_t = [x[t if moves else 0] for x, moves in zip(arrays, varies, strict=True)]
        (single,) = evaluate([root], dict(zip(slices, at_t, strict=True)))
        np.testing.assert_allclose(batched[t], single, rtol=1e-13, atol=1e-13)
    assert value.shape == (STEPS, *root.shape)
    assert value.dtype == root.dtype


def test_a_value_that_does_not_vary_is_spread_along_the_steps():
    steps = g.symbol("steps")
    bias = g.input((4,), "float64")
    (spread,) = over_steps([g.broadcast_to(bias, (2, 4))], {}, steps)
    assert spread.shape == (steps, 2, 4)
    assert spread.inputs == (bias,)


@pytest.mark.parametrize("varies", [(True, False), (False, True)])
def test_a_product_with_a_constant_is_one_matmul_of_matrices(varies):
    left, right = g.input((2, 4), "float64"), g.input((4, 3), "float64")
    steps = g.symbol("steps")
    known = {
        node: g.input((steps, *node.shape), "float64")
        for node, moves in zip((left, right), varies, strict=True)
        if moves
    }
    (value,) = over_steps([g.dot(left, right)], known, steps)
    assert [node.ndim for node in g.toposort([value]) if node.op == "matmul"] == [2]


def test_what_a_step_draws_or_a_carry_feeds_stays():
    slice_, carry = g.input((), "int32"), g.input((2,), "float64")
    words = g.random.uniform((2,), dtype="float64", scan_step=slice_)
    total = words + carry
    scaled = g.cast(slice_, "float64") * 2.0
    found = liftable([total, scaled], [slice_], [carry])
    assert scaled in found
    assert words not in found
    assert total not in found


def test_every_pointwise_reduction_and_movement_op_has_a_rule():
    families = ("pointwise", "reduce", "movement")
    names = [op.name for op in OPS.values() if op.family in families]
    assert [name for name in names if name not in scan_batch._RULES] == []
    draw = g.random.bits((2,))
    assert not can_batch(draw, [True])
