"""The gradient of a loop: against central differences, and against the loop written out."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from graphc.errors import GradientError
from tests.compiler.grad.differences import assert_close, check_gradients

rng = np.random.default_rng(5)
STEPS, BATCH, INPUTS, UNITS = 4, 2, 3, 2
XS = rng.normal(size=(STEPS, BATCH, INPUTS))
H0 = rng.normal(size=(BATCH, UNITS))
W = rng.normal(size=(INPUTS, UNITS))
U = rng.normal(size=(UNITS, UNITS))
B = rng.normal(size=(UNITS,))


def unrolled(step, init, sequences=(), length=None, reverse=False):
    """`scan` written out: what the loop has to equal, made of other nodes."""
    count = sequences[0].shape[0] if length is None else length
    carries, outputs = tuple(init), {}
    for k in reversed(range(count)) if reverse else range(count):
        carries, outputs[k] = step(carries, tuple(x[k] for x in sequences))
    width = len(outputs[0])
    return carries, tuple(g.stack([outputs[k][j] for k in range(count)]) for j in range(width))


def simple_rnn(loop, reverse=False):
    """Returns final state, and states stacked."""

    def build(xs, h0, w, u, b):
        def step(carries, slices):
            h = g.tanh(g.dot(slices[0], w) + g.dot(carries[0], u) + b)
            return (h,), (h,)

        finals, stacks = loop(step, [h0], [xs], reverse=reverse)
        return [*finals, *stacks]

    return build


def gru(loop):
    def build(xs, h0, w, u):
        def step(carries, slices):
            (h,) = carries
            gate = g.sigmoid(g.dot(slices[0], w) + g.dot(h, u))
            candidate = g.tanh(g.dot(slices[0], w) * 0.5 + g.dot(gate * h, u))
            return (gate * h + (1.0 - gate) * candidate,), (gate,)

        finals, stacks = loop(step, [h0], [xs])
        return [*finals, *stacks]

    return build


def two_carries(loop):
    """An LSTM's two carries, one of them stacked shifted, and a sequence of scalars."""

    def build(xs, scale, h0, c0, w):
        def step(carries, slices):
            h, c = carries
            x, s = slices
            gate = g.sigmoid(g.dot(x, w) + h)
            new_c = gate * c + s * g.tanh(h)
            return (gate * g.tanh(new_c), new_c), (c, g.exp(h) * s)

        finals, stacks = loop(step, [h0, c0], [xs, scale])
        return [finals[0], *stacks]

    return build


def without_sequence(loop):
    def build(h0, u):
        finals, _ = loop(lambda carries, _: ((g.sin(g.dot(carries[0], u)),), ()), [h0], length=5)
        return finals[0]

    return build


SCALE = rng.normal(size=(STEPS,))
CASES = {
    "rnn": (simple_rnn, [XS, H0, W, U, B]),
    "reversed rnn": (lambda loop: simple_rnn(loop, reverse=True), [XS, H0, W, U, B]),
    "gru": (gru, [XS, H0, W, U]),
    "two carries": (two_carries, [XS, SCALE, H0, H0 * 0.5, W]),
    "no sequence": (without_sequence, [H0, U]),
}


@pytest.mark.parametrize("name", CASES)
def test_first_and_second_derivatives(name):
    build, arrays = CASES[name]
    check_gradients(build(g.scan), arrays)


@pytest.mark.parametrize("name", CASES)
def test_equals_the_loop_written_out(name):
    build, arrays = CASES[name]
    nodes = [g.input(array.shape, "float64") for array in arrays]
    feeds = dict(zip(nodes, arrays, strict=True))
    results = []
    for loop in (g.scan, unrolled):
        loss = sum(g.sum(value * value) for value in build(loop)(*nodes))
        first = grad(loss, nodes)
        second = grad(sum(g.sum(g.sin(value)) for value in first), nodes)
        results.append(evaluate([loss, *first, *second], feeds))
    for looped, written_out in zip(*results, strict=True):
        assert_close(looped, written_out)


def test_symbolic_length_and_batch():
    xs = g.input((None, g.BATCH, INPUTS), "float64")
    h0 = g.input((g.BATCH, UNITS), "float64")
    weights = [g.input(array.shape, "float64") for array in (W, U, B)]
    nodes = [xs, h0, *weights]
    first = grad(sum(g.sum(value) for value in simple_rnn(g.scan)(*nodes)), nodes)
    for steps in (1, 3):
        arrays = [rng.normal(size=(steps, BATCH, INPUTS)), H0, W, U, B]
        fixed = [g.input(array.shape, "float64") for array in arrays]
        expected = grad(sum(g.sum(value) for value in simple_rnn(unrolled)(*fixed)), fixed)
        actual = evaluate(first, dict(zip(nodes, arrays, strict=True)))
        wanted = evaluate(expected, dict(zip(fixed, arrays, strict=True)))
        for one, other in zip(actual, wanted, strict=True):
            assert_close(one, other)


def nested(loop):
    """A loop whose step is a loop: the outer one over rows, the inner one over columns."""

    def build(xs, h0, u):
        def outer(carries, slices):
            def inner(carries, slices):
                h = g.tanh(g.dot(carries[0], u) + slices[0])
                return (h,), (h * h,)

            finals, (squares,) = loop(inner, carries, [slices[0]])
            return finals, (g.sum(squares, 0),)

        finals, stacks = loop(outer, [h0], [xs])
        return [*finals, *stacks]

    return build


def test_nested_loops():
    arrays = [rng.normal(size=(2, 3, UNITS)), rng.normal(size=(UNITS,)), U]
    check_gradients(nested(g.scan), arrays)
    nodes = [g.input(array.shape, "float64") for array in arrays]
    feeds = dict(zip(nodes, arrays, strict=True))
    looped, written_out = (
        evaluate(grad(sum(g.sum(value) for value in nested(loop)(*nodes)), nodes), feeds)
        for loop in (g.scan, unrolled)
    )
    for one, other in zip(looped, written_out, strict=True):
        assert_close(one, other)


def test_the_inner_loop_runs_forwards_in_the_outer_one_alone():
    """Its residuals are stored, not computed again."""
    shapes = ((2, 3, UNITS), (UNITS,), (UNITS, UNITS))
    nodes = [g.input(shape, "float64") for shape in shapes]
    loss = sum(g.sum(value) for value in nested(g.scan)(*nodes))
    (backward,) = (x for x in g.toposort(grad(loss, nodes)) if x.op == "scan" and _reversed(x))
    inner = [x for x in g.toposort(backward.attrs["body"].outputs) if x.op == "scan"]
    assert [_reversed(x) for x in inner] == [True]


def test_ops_inside_the_step_that_need_more_than_a_value():
    """Reductions, indexing and masks in a step: their gradients read positions and conditions."""

    def build(xs, h0):
        def step(carries, slices):
            (h,) = carries
            x = slices[0]
            h = g.where(g.less(0.0, x), g.maximum(h, x), h * x) + g.prod(x)
            return (h,), (g.max(h) * h[::-1], g.take(h, g.argmax(x)))

        finals, stacks = g.scan(step, [h0], [xs])
        return [*finals, *stacks]

    check_gradients(build, [rng.normal(size=(3, 4)), rng.normal(size=(4,))])


def test_an_integer_carry_has_no_part():
    def build(h0):
        def step(carries, _):
            h, count = carries
            return (h * h + g.cast(count, "float64"), count + 1), (h,)

        (h, _), stacks = g.scan(step, [h0, g.constant(0, "int32")], length=3)
        return [h, *stacks]

    check_gradients(build, [np.array([0.3, -0.7])])


def test_a_carry_that_takes_steps_passes_nothing_on():
    """h is 1.5, then floor(1.5), then 1: only the first stacked square depends on the start."""
    h0 = g.input((), "float64")
    (last,), (squares,) = g.scan(
        lambda carries, _: ((g.floor(carries[0]),), (carries[0] * carries[0],)), [h0], length=3
    )
    gradient = grad(last + g.sum(squares), h0)
    assert evaluate([gradient], {h0: np.float64(1.5)})[0] == 3.0


def test_what_is_not_on_the_way_is_not_built():
    """With respect to the sequence alone there is no running sum for the weights."""
    nodes = [g.input(array.shape, "float64") for array in (XS, H0, W, U, B)]
    loss = g.sum(simple_rnn(g.scan)(*nodes)[1])
    (loop,) = (x for x in g.toposort([grad(loss, nodes[0])]) if x.op == "scan" and _reversed(x))
    assert loop.attrs["carries"] == 1
    to_weights = grad(loss, nodes[2:])
    (loop,) = (x for x in g.toposort(to_weights) if x.op == "scan" and _reversed(x))
    assert loop.attrs["carries"] == 4
    assert len(loop.dtype) == 4


def test_a_stack_that_does_not_depend_on_wrt_sends_no_cotangent():
    x, y = g.input((3, 2), "float64"), g.input((3, 2), "float64")
    _, (one, other) = g.scan(
        lambda _, slices: ((), (g.exp(slices[0]), g.sin(slices[1]))), [], [x, y]
    )
    (loop,) = (
        node
        for node in g.toposort([grad(g.sum(one) + g.sum(other * other), x)])
        if node.op == "scan" and _reversed(node)
    )
    assert loop.attrs["sequences"] == 2  # exp(x), stored, and the cotangent of its stack


def _reversed(node):
    return node.attrs["reverse"]


def test_a_carry_that_the_loss_does_not_read_is_not_connected():
    x, y = g.input((2,), "float64"), g.set_name(g.input((2,), "float64"), "y")
    (first, _), _ = g.scan(lambda c, _: ((c[0] * 2.0, c[1] * 3.0), ()), [x, y], length=3)
    assert evaluate([grad(g.sum(first), x)], {x: np.ones(2)})[0].tolist() == [8.0, 8.0]
    with pytest.raises(GradientError, match="no gradient reaches 'y'"):
        grad(g.sum(first), y)


def test_residuals_leave_out_what_costs_nothing_to_make_again():
    """tanh's residual is the state that is stacked already: one more stack, the carry before."""
    nodes = [g.input(array.shape, "float64") for array in (XS, H0, W, U, B)]
    loss = g.sum(simple_rnn(g.scan)(*nodes)[1])
    loops = [x for x in g.toposort(grad(loss, nodes)) if x.op == "scan" and not _reversed(x)]
    assert sorted(len(loop.dtype) for loop in loops) in ([3], [2, 3])


def test_residuals_leave_out_arithmetic_on_what_is_stored():
    """Stored are gate, state and what enters the second product; 1 - gate is made again."""

    def step(carries, slices):
        (h,) = carries
        gate = g.tanh(g.dot(h, u))
        mixed = gate * h + (1.0 - gate) * slices[0]
        return (g.dot(mixed, u),), ()

    xs, h0, u = (g.input(shape, "float64") for shape in ((4, 2, 3), (2, 3), (3, 3)))
    (final,), _ = g.scan(step, [h0], [xs])
    loops = g.toposort(grad(g.sum(final), [xs, h0, u]))
    loops = [x for x in loops if x.op == "scan" and not _reversed(x)]
    assert [len(loop.dtype) for loop in loops] == [1 + 3]


def test_a_mask_drawn_in_the_step_is_the_same_on_the_way_back():
    x = g.input((3, 5), "float64")

    def step(carries, slices):
        keep = g.random.bernoulli((5,), 0.5, seed=7, scan_step=carries[0])
        return (carries[0] + 1,), (g.where(keep, slices[0] * 3.0, 0.0),)

    _, (dropped,) = g.scan(step, [g.constant(0, "int32")], [x])
    values, gradient = evaluate([dropped, grad(g.sum(dropped), x)], {x: np.ones((3, 5))})
    assert values.tolist() == gradient.tolist()
    assert 0 < np.count_nonzero(values) < 15


def test_sizes_that_are_equal_at_the_call_alone():
    """A loop whose input has another size than its body was written for, of the same number."""
    n = g.symbol("n")
    xs, h0, other = (g.input(shape, "float64") for shape in ((4, n, 2), (n, 2), (3, 2)))

    def step(carries, slices):
        h = g.tanh(carries[0] * slices[0])
        return (h,), ()

    (final,), _ = g.scan(step, [h0], [xs])
    loss = g.sum(final * final)
    (alike,) = g.substitute([loss], {h0: other})
    gradients = grad(alike, [xs, other])
    assert not any(node.op == "arg" for node in g.toposort(gradients))
    rng = np.random.default_rng(0)
    values = {xs: rng.standard_normal((4, 3, 2)), other: rng.standard_normal((3, 2))}
    expected = evaluate(grad(loss, [xs, h0]), {xs: values[xs], h0: values[other]})
    for ours, theirs in zip(evaluate(gradients, values), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
