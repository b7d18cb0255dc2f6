"""Scans that run over the same steps become one."""

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.passes.scan_merge import merge_scans
from tests.compiler.passes.loops import TIME, body_ops, check_values, scans, sequences

rng = np.random.default_rng(3)
XS = rng.normal(size=(4, 2, 3))
U = rng.normal(size=(3, 3))


def states(xs, start, u):
    """h = tanh(x + h u), step by step."""
    found = []
    for x in xs:
        start = np.tanh(x + start @ u)
        found.append(start)
    return np.stack(found)


def test_a_loop_and_its_extended_twin_become_one():
    xs, u = g.input((TIME, g.BATCH, 3), "float64"), g.shared(U)
    start = g.zeros((g.BATCH, 3), "float64")

    def short(carries, slices):
        h = g.tanh(slices[0] + g.dot(carries[0], u))
        return (h,), (h,)

    def extended(carries, slices):
        (h,), stacks = short(carries, slices)
        return (h,), (*stacks, carries[0], h * 2.0)

    (final,), (hs,) = g.scan(short, [start], [xs])
    _, (again, before, double) = g.scan(extended, [start], [xs])
    outputs = [final, hs, again, before, double]
    merged = merge_scans(outputs)
    (scan,) = scans(merged)
    assert scan.attrs["carries"] == 1
    assert scan.attrs["sequences"] == 1
    assert body_ops(scan)["matmul"] == 1
    assert merged[1] is merged[2]
    wanted = states(XS, np.zeros((2, 3)), U)
    shifted = np.concatenate([np.zeros((1, 2, 3)), wanted[:-1]])
    check_values(merged, {xs: XS}, [wanted[-1], wanted, wanted, shifted, wanted * 2.0])


def test_carries_with_equal_starts_and_different_updates_are_not_merged():
    xs = g.input((TIME, 3), "float64")
    start = g.zeros((3,), "float64")

    def adding(carries, slices):
        first, second = carries
        return (first + slices[0], second - slices[0]), ()

    def following(carries, slices):
        # `low` starts as `high` does and its update looks the same, but it reads another carry.
        high, low, plain = carries
        return (high + plain, low + low, plain + slices[0]), ()

    (up, down), _ = g.scan(adding, [start, start], [xs])
    (high, low, plain), _ = g.scan(following, [start, start, start], [xs])
    merged = merge_scans([up, down, high, low, plain])
    (scan,) = scans(merged)
    assert scan.attrs["carries"] == 4
    assert merged[0] is merged[4]
    values = XS[:, 0]
    prefix = np.cumsum(values, 0)
    total = values.sum(0)
    high_value = prefix[:-1].sum(0)
    check_values(merged, {xs: values}, [total, -total, high_value, np.zeros(3), total])


def test_a_loop_over_fewer_sequences_joins_one_over_more():
    xs, ys = g.input((TIME, 3), "float64"), g.input((TIME, 3), "float64")
    start = g.zeros((3,), "float64")
    _, (doubled,) = g.scan(lambda carries, slices: ((), (slices[0] * 2.0,)), [], [xs])
    (total,), _ = g.scan(
        lambda carries, slices: ((carries[0] + slices[0] * slices[1],), ()), [start], [ys, xs]
    )
    merged = merge_scans([doubled, total])
    (scan,) = scans(merged)
    assert set(sequences(scan)) == {xs, ys}
    x, y = XS[:, 0], XS[:, 1]
    check_values(merged, {xs: x, ys: y}, [2.0 * x, (x * y).sum(0)])


def test_loops_of_other_direction_length_or_start_are_not_merged():
    xs = g.input((TIME, 3), "float64")
    start = g.zeros((3,), "float64")

    def step(carries, slices):
        return (carries[0] * 0.5 + 1.0,), ()

    def final(start, **options):
        return g.scan(step, [start], **options)[0][0]

    outputs = [
        final(start, sequences=[xs]),
        final(start, sequences=[xs], reverse=True),
        final(start, length=7),
        final(g.input((3,), "float64"), sequences=[xs]),
    ]
    assert len(scans(outputs)) == 4
    assert merge_scans(outputs) == outputs


def test_a_loop_that_reads_the_other_is_not_merged():
    xs = g.input((TIME, 3), "float64")
    start = g.zeros((3,), "float64")

    def total(scale):
        step = lambda carries, slices: ((carries[0] + slices[0] * scale,), ())  # noqa: E731
        return g.scan(step, [start], [xs])[0][0]

    first = total(1.0)
    outputs = [first, total(g.exp(first))]
    assert merge_scans(outputs) == outputs


def test_two_groups_that_would_depend_on_each_other_do_not_both_merge():
    xs, ys = g.input((TIME, 3), "float64"), g.input((TIME, 3), "float64")
    start = g.zeros((3,), "float64")

    def total(series, scale):
        step = lambda carries, slices: ((carries[0] + slices[0] * scale,), ())  # noqa: E731
        return g.scan(step, [start], [series])[0][0]

    x_first, y_first = total(xs, 2.0), total(ys, 3.0)
    x_second, y_second = total(xs, y_first), total(ys, x_first)
    merged = merge_scans([x_first, y_first, x_second, y_second])
    assert len(scans(merged)) == 3
    x, y = XS[:, 0].sum(0), XS[:, 1].sum(0)
    check_values(merged, {xs: XS[:, 0], ys: XS[:, 1]}, [2 * x, 3 * y, 3 * y * x, 2 * x * y])


def test_loops_inside_of_a_body_merge():
    xs = g.input((TIME, 4, 3), "float64")

    def step(carries, slices):
        start = g.zeros((3,), "float64")
        (total,), _ = g.scan(lambda c, s: ((c[0] + s[0],), ()), [start], [slices[0]])
        (squares,), _ = g.scan(lambda c, s: ((c[0] + s[0] * s[0],), ()), [start], [slices[0]])
        return (), (total * squares,)

    _, outputs = g.scan(step, [], [xs])
    merged = merge_scans(outputs)
    (outer,) = scans(merged)
    assert body_ops(outer)["scan"] == 1
    values = rng.normal(size=(2, 4, 3))
    check_values(merged, {xs: values}, [values.sum(1) * (values * values).sum(1)])
