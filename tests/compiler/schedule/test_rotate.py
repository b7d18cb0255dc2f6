"""Loops whose elementwise beginning moves to the step before keep their values."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import DeviceLoop
from graphc.compiler.schedule import persistent
from graphc.compiler.schedule.rotate import rotate_loops

UNITS = 5
rng = np.random.default_rng(4)
TIME = g.symbol("time")
xs, h0 = g.input((TIME, g.BATCH, UNITS), "float64"), g.input((g.BATCH, UNITS), "float64")
U, V = (g.shared(rng.normal(size=(UNITS, UNITS))) for _ in range(2))


def feeds(steps: int) -> dict[g.Node, np.ndarray]:
    return {xs: rng.normal(size=(steps, 3, UNITS)), h0: rng.normal(size=(3, UNITS))}


@pytest.fixture(autouse=True)
def _no_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no loop run in one launch: such loops are left alone."""
    monkeypatch.setattr(persistent, "MOST_SHARED", -1)


def begins_elementwise(carries, slices):
    h, c, same = carries
    left = g.tanh(h + slices[0]) * c
    other = left / (1.5 + slices[0])  # zeros behind the last step would divide by 0 otherwise
    h = g.dot(left, U) + g.dot(other, V) * h
    return (h, g.tanh(c + left), same), (left, h, slices[0] * other, c)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_values_stay(steps: int, reverse: bool) -> None:
    finals, stacks = g.scan(begins_elementwise, [h0, h0 * 0.5, h0], [xs], reverse=reverse)
    outputs = [*finals, *stacks]
    rotated = rotate_loops(outputs)
    assert rotated[0] is not outputs[0]
    fed = feeds(steps)
    for ours, theirs in zip(evaluate(rotated, fed), evaluate(outputs, fed), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_products_that_follow_another_one_stay_behind_it() -> None:
    def step(carries, slices):
        first = g.dot(g.tanh(carries[0]), U)
        return (g.dot(g.tanh(g.exp(first) + slices[0]), V),), ()

    (h,), _ = g.scan(step, [h0], [xs])
    (rotated,) = rotate_loops([h])
    assert rotated is not h
    fed = feeds(3)
    (ours,), (theirs,) = evaluate([rotated], fed), evaluate([h], fed)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_what_is_not_read_stays_away() -> None:
    _, (left, _, _, _) = g.scan(begins_elementwise, [h0, h0 * 0.5, h0], [xs])
    fed = feeds(4)
    (ours,), (theirs,) = evaluate(rotate_loops([left]), fed), evaluate([left], fed)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "step",
    [
        lambda c, s: ((g.tanh(g.dot(c[0], U) + s[0]),), ()),  # begins with a product
        lambda c, s: ((g.dot(c[0] * 2.0, U) + g.dot(c[0], V),), ()),  # one of the products does
        lambda c, s: ((g.tanh(c[0] + g.dot(s[0] * 2.0, U)),), ()),  # of slices alone
        lambda c, s: ((g.dot(g.tanh(c[0] - g.mean(c[0], 1, keepdims=True)), U),), ()),
        lambda c, s: ((g.tanh(c[0]) + s[0],), ()),  # has none
    ],
)
def test_loops_that_stay_as_they_are(step) -> None:
    (h,), _ = g.scan(step, [h0], [xs])
    assert rotate_loops([h]) == [h]


def test_a_loop_that_runs_in_one_launch_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    (h, _, _), _ = g.scan(begins_elementwise, [h0, h0, h0], [xs])
    monkeypatch.setattr(persistent, "MOST_SHARED", 10**6)
    assert rotate_loops([h]) == [h]


def test_the_gradient_of_a_step_is_one_launch() -> None:
    def rnn(carries, slices):
        h = g.tanh(slices[0] + g.dot(carries[0], U))
        return (h,), (h,)

    _, (ys,) = g.scan(rnn, [h0], [xs])
    outputs, _ = optimize(grad(g.sum(ys * ys), [U, h0, xs]))
    loops = [step for step in lower(outputs).steps if isinstance(step, DeviceLoop)]
    assert [len(loop.steps) for loop in loops] == [1, 1]
