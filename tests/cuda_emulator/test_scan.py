"""Loops on the emulated driver, in both forms, beside the interpreter.

Everything is float64 here: what the two differ by is the rounding of sums in another order, far
below the bound. `test_scan_models` has float32.
"""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.binding import bind
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.launch import launches
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.compiler.schedule import Loop, persistent
from graphc.errors import IndexRangeError
from tests.compiler.loops.build.random_bodies import random_body
from tests.cuda_emulator.graph_programs import both

pytestmark = pytest.mark.over("ptx", "source")

BATCH, TIME = g.BATCH, g.symbol("time")
STEPS, ROWS, UNITS = 4, 5, 6

rng = np.random.default_rng(0)
X = rng.normal(size=(STEPS, ROWS, UNITS))
H = rng.normal(size=(ROWS, UNITS))
xs, h0 = g.input((TIME, BATCH, UNITS), "float64"), g.input((BATCH, UNITS), "float64")
by_row = g.input((BATCH, TIME, UNITS), "float64")
FEEDS = {xs: X, h0: H, by_row: X.transpose(1, 0, 2).copy()}


def weight(*shape: int) -> g.Node:
    return g.shared(rng.normal(size=shape) / np.sqrt(shape[0]))


W, U, V = weight(UNITS, UNITS), weight(UNITS, UNITS), weight(UNITS, UNITS)


@pytest.fixture(params=["persistent", "launches"])
def form(request, monkeypatch) -> str:
    if request.param == "launches":
        monkeypatch.setattr(persistent, "MOST_SHARED", -1)
    return request.param


def check(outputs, form: str, loops: int, call_step: int = 0) -> None:
    """The values are the interpreter's, and so many loops have the wanted form."""
    program = lower(outputs)
    whole = [step for step in launches(program.steps) if isinstance(step.kernel, Loop)]
    assert len(whole) == (loops if form == "persistent" else 0)
    for k, (ours, theirs) in enumerate(both(outputs, FEEDS, call_step, program)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12, err_msg=f"output {k}")


def test_carries_and_stacks(form: str) -> None:
    outputs = []

    def recurrent(carries, slices):
        h = g.tanh(slices[0] + g.dot(carries[0], U))
        return (h,), (h, carries[0], h)  # a stack twice, and the carry as the step found it

    for reverse in (False, True):
        finals, stacks = g.scan(recurrent, [h0], [xs], reverse=reverse)
        outputs += [*finals, *stacks]
    # Carries that are another carry, one that stays, one whose end nobody reads.
    (a, b, same, _), _ = g.scan(
        lambda c, s: ((c[1], c[0] + s[0], c[2], c[3] * s[0]), ()), [h0, h0 * 2.0, h0, h0], [xs]
    )
    # Nothing is read of it but what it stacks: a constant, a slice, what lies outside.
    _, few = g.scan(
        lambda c, s: ((s[0],), (g.full((BATCH, UNITS), 1.0, "float64"), s[0], h0, c[0])), [h0], [xs]
    )
    check([*outputs, a, b, same, *few], form, 4)


def test_a_product_that_each_step_reads(form: str) -> None:
    ahead = g.dot(h0, W)
    (h,), _ = g.scan(lambda c, s: ((g.tanh(ahead + s[0] + c[0] * 0.5),), ()), [h0], [xs])
    check([h], form, 1)


def test_sequences_that_are_index_maps(form: str) -> None:
    def step(carries, slices):
        h = g.tanh(sum(slices) + g.dot(carries[0], U))
        return (h,), (g.dot(h, g.transpose(V, (1, 0))),)

    steps_first = g.transpose(by_row, (1, 0, 2))
    (h,), (ys,) = g.scan(step, [h0], [steps_first, xs[::-1]])
    (k,), (zs,) = g.scan(step, [h0[::-1]], [g.transpose(by_row, (1, 0, 2))[1:3, :, ::-1]])

    def turning(carries, slices):
        transposed = g.transpose(slices[0], (1, 0))  # the batch axis comes last in the slice
        joined = slices[1]  # what follows is one row of two layers, as fused gates are
        h = g.tanh(transposed + joined[:, UNITS:] + g.dot(carries[0], U) * joined[:, :UNITS])
        return (h,), (transposed,)

    pairs = g.concat([xs, xs * 0.5], 2)
    (transposed,), (parts,) = g.scan(turning, [h0], [g.transpose(xs, (0, 2, 1)), pairs])
    (one,), (once,) = g.scan(step, [g.zeros((BATCH, UNITS), "float64")], [xs[:1]])
    check([h, g.transpose(ys, (1, 0, 2)), k, zs, transposed, parts, one, once], form, 4)


def test_rows_of_other_ranks_and_types(form: str) -> None:
    def counting(carries, slices):
        total, seen, cube = carries
        positive = slices[0] > 0.0
        cube = cube * 0.5 + g.reshape(slices[0], (BATCH, 2, 3))
        return (
            (
                total + g.sum(slices[0], 1),
                seen + g.cast(g.sum(g.cast(positive, "int32"), 1), "int32"),
                g.transpose(g.reshape(cube, (BATCH, 3, 2)), (0, 2, 1)),
            ),
            (positive, g.argmax(cube, 2)),
        )

    start = [g.zeros((BATCH,), "float64"), g.zeros((BATCH,), "int32"), g.reshape(h0, (BATCH, 2, 3))]
    finals, stacks = g.scan(counting, start, [xs])
    wide = weight(UNITS, 200)
    (ends,), _ = g.scan(
        lambda c, s: ((g.tanh(c[0] * 0.5 + g.dot(s[0], wide)),), ()), [g.dot(h0, wide)], [xs]
    )
    check([*finals, *stacks, ends], form, 2)


def test_more_shared_memory_than_a_launch_has_unasked() -> None:
    wide = 60
    weights = [weight(wide, wide) for _ in range(3)]
    start = g.dot(h0, weight(UNITS, wide))

    def step(carries, slices):
        return (g.tanh(sum(g.dot(carries[0], each) for each in weights)),), ()

    (h,), _ = g.scan(step, [start], [xs])
    (whole,) = (x for x in launches(lower([h]).steps) if isinstance(x.kernel, Loop))
    assert whole.shared > 48 * 1024
    check([h], "persistent", 1)


def test_values_read_across_the_row(form: str) -> None:
    gates, joined = weight(UNITS, 4 * UNITS), weight(2 * UNITS, UNITS)
    table = weight(UNITS, UNITS)

    def softmax(x):
        e = g.exp(x - g.max(x, 1, keepdims=True))
        return e / g.sum(e, 1, keepdims=True)

    def fused_gates(carries, slices):
        h, c = carries
        z = g.dot(h, gates)
        i, f, n, o = (z[:, k * UNITS : (k + 1) * UNITS] for k in range(4))
        c = g.sigmoid(f) * c + g.sigmoid(i) * g.tanh(n + slices[0])
        return (g.sigmoid(o) * g.tanh(c), c), (z,)

    def normed(carries, slices):
        x = g.dot(g.concat([slices[0], carries[0]], 1), joined)
        x = x - g.mean(x, 1, keepdims=True)
        x = x / g.sqrt(g.mean(x * x, 1, keepdims=True) + 1e-3)
        return (softmax(x)[:, ::-1],), (g.argmax(x, 1), g.sum(x[:, :2], 1))

    def decoding(carries, slices):
        best = g.argmax(g.dot(carries[0], U), 1)
        return (g.tanh(g.take(table, best) + slices[0]),), (best,)

    outputs = []

    def gates_alone(carries, slices):
        return fused_gates(carries, slices)[0], ()

    steps = [(fused_gates, 2), (gates_alone, 2), (normed, 1), (decoding, 1)]
    for step, carries in steps:
        finals, stacks = g.scan(step, [h0] * carries, [xs])
        outputs += [*finals, *stacks]
    check(outputs, form, 4)


def test_random_words_and_constants_of_a_body(form: str) -> None:
    mask = np.array([1.0, 0.0, 2.0, 1.0, 0.0, 1.0])

    def step(carries, slices):
        x, number = slices
        kept = g.random.bernoulli((BATCH, UNITS), 0.7, seed=5, scan_step=number)
        h = g.dot(g.where(kept, x, 0.0), W) + g.dot(carries[0], U)
        noise = g.random.uniform((BATCH, UNITS), dtype="float64", seed=6, scan_step=number)
        return (g.tanh(h) * mask + noise * 0.1,), (kept, noise)

    numbers = g.iota(STEPS)
    (h,), (kept, noise) = g.scan(step, [h0], [xs[:STEPS], numbers])
    outputs = [h, kept, noise]
    check(outputs, form, 1, call_step=3)
    # The masks are the same bits, not near.
    for ours, theirs in both(outputs, FEEDS, 3)[1:]:
        assert ours.tobytes() == theirs.tobytes()


def test_loops_inside_of_loops(form: str) -> None:
    def inner(carries, slices):
        h = g.tanh(carries[0] + slices[0])
        return (h, carries[0]), (h,)

    def outer(carries, slices):
        # The inner loop starts from a carry and ends as one; its stack is a slice of a stack.
        (h, before), (stack,) = g.scan(inner, [carries[0], carries[1]], [xs * 0.5])
        return (h, before), (stack, h + slices[0])

    finals, stacks = g.scan(outer, [h0, h0], [xs])

    def numbered(carries, slices):
        words = g.random.uniform((BATCH, UNITS), dtype="float64", seed=3, scan_step=slices[0])
        return (carries[0] * words,), ()

    def repeated(carries, slices):
        (h,), _ = g.scan(numbered, [carries[0]], [g.iota(3) + slices[0]])
        return (h,), (carries[0],)

    more, again = g.scan(repeated, [h0], [g.iota(2)])
    check([*finals, *stacks, *more, *again], form, 2)


def test_a_loop_of_launches_where_rows_read_each_other() -> None:
    (h,), (ys,) = g.scan(
        lambda c, s: ((g.tanh(c[0] - g.mean(c[0], 0) + s[0]),), (g.sum(c[0]),)), [h0], [xs]
    )
    (count,), _ = g.scan(lambda c, s: ((c[0] + 1.0,), ()), [g.sum(h0)], [], length=7)
    check([h, ys, count], "launches", 0)


def test_an_index_out_of_range_in_a_body(form: str) -> None:
    table, words = weight(7, UNITS), g.input((TIME, BATCH), "int32")
    (h,), _ = g.scan(
        lambda c, s: ((g.tanh(c[0] + g.take(table, s[0]) + g.dot(c[0], U)),), ()),
        [h0],
        [words],
    )
    executor = CudaExecutor(lower([h]), [h])
    fed = {h0: H, words: rng.integers(0, 7, (STEPS, ROWS)).astype("int32")}
    bindings = bind(list(fed), list(fed.values()))
    (ours,) = executor.run(fed, bindings, g.CallStep())
    np.testing.assert_allclose(ours, evaluate([h], fed)[0], rtol=1e-11, atol=1e-12)
    fed[words][2, 3] = 7
    with pytest.raises(IndexRangeError) as theirs:
        evaluate([h], fed)
    with pytest.raises(IndexRangeError) as raised:
        executor.run(fed, bindings, g.CallStep())
    assert str(raised.value) == str(theirs.value)


def test_random_bodies() -> None:
    outputs = [node for seed in range(12) for node in random_body(seed, h0, xs, (U, W, V))]
    check(outputs, "persistent", 12)
