"""Unread results of a loop are removed, and what does not change is hoisted."""

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.passes.scan_trim import trim_scans
from tests.compiler.passes.loops import body_ops, check_values, scans, sequences

rng = np.random.default_rng(8)
XS = rng.normal(size=(4, 3))
H0 = rng.normal(size=(3,))
TIME = g.symbol("time")


def series():
    return g.input((TIME, 3), "float64")


def vector():
    return g.input((3,), "float64")


def test_unread_values_and_what_only_they_need_go():
    xs, ys, start, scale = series(), series(), vector(), vector()

    def step(carries, slices):
        h, idle = carries
        new = g.tanh(h + slices[0])
        return (new, idle * scale + slices[1]), (new * 2.0, g.exp(idle), new * 3.0)

    _, stacks = g.scan(step, [start, start], [xs, ys])
    trimmed = trim_scans([stacks[2]])
    (scan,) = scans(trimmed)
    assert scan.inputs == (start, xs)
    assert len(scan.dtype) == 2
    assert body_ops(scan)["exp"] == 0
    h, wanted = H0, []
    for x in XS:
        h = np.tanh(h + x)
        wanted.append(3.0 * h)
    check_values(trimmed, {xs: XS, start: H0}, [np.stack(wanted)])


def test_carries_that_feed_each_other_stay_if_one_is_read():
    start, other = vector(), vector()

    def step(carries, slices):
        a, b, c = carries
        return (b, a + 1.0, c + 1.0), ()

    (a, _, _), _ = g.scan(step, [start, other, start], length=3)
    trimmed = trim_scans([a])
    (scan,) = scans(trimmed)
    assert scan.attrs["carries"] == 2
    # a, b -> b, a + 1 -> a + 1, b + 1 -> b + 1, a + 2
    check_values(trimmed, {start: H0, other: H0 * 2.0}, [H0 * 2.0 + 1.0])


def test_repeated_inputs_carries_and_stacks_are_kept_once():
    xs, start = series(), vector()

    def step(carries, slices):
        a, b = carries
        left, right = slices
        new, same = g.tanh(a + left), g.tanh(b + right)
        return (new, same), (new * left, same * right)

    finals, stacks = g.scan(step, [start, start], [xs, xs])
    trimmed = trim_scans([*finals, *stacks])
    (scan,) = scans(trimmed)
    assert scan.inputs == (start, xs)
    assert len(scan.dtype) == 2
    assert trimmed[0] is trimmed[1]
    assert trimmed[2] is trimmed[3]
    h, wanted = H0, []
    for x in XS:
        h = np.tanh(h + x)
        wanted.append(h * x)
    check_values(trimmed, {xs: XS, start: H0}, [h, h, np.stack(wanted), np.stack(wanted)])


def test_carries_that_never_change_and_sequences_of_one_value_become_constants():
    xs, start, scale, bias = series(), vector(), vector(), vector()
    repeated = g.broadcast_to(bias, (TIME, 3))
    ones = g.full((TIME, 3), 1.0, "float64")

    def step(carries, slices):
        h, factor = carries
        return (h * g.exp(factor) + slices[0] * slices[1] - slices[2], factor), ()

    finals, _ = g.scan(step, [start, scale], [xs, repeated, ones])
    trimmed = trim_scans(finals)
    (scan,) = scans(trimmed)
    assert trimmed[1] is scale
    assert sequences(scan) == (xs,)
    assert scan.attrs["carries"] == 1
    assert body_ops(scan)["exp"] == 0  # the same at each step, so computed before the loop
    h = H0
    for x in XS:
        h = h * np.exp(H0) + x * (H0 + 1.0) - 1.0
    feeds = {xs: XS, start: H0, scale: H0, bias: H0 + 1.0}
    check_values(trimmed, feeds, [h, H0])


def test_sequences_of_one_value_are_broadcast_to_what_a_slice_was():
    xs, start = series(), g.input((2, 3), "float64")
    row, column = vector(), g.input((2,), "float64")
    shape = (TIME, 2, 3)
    same = [g.make("broadcast", x, shape=shape, axes=(k,)) for x, k in ((row, 2), (column, 1))]
    varying = g.make("broadcast", xs, shape=shape, axes=(0, 2))

    def step(carries, slices):
        return (carries[0] * slices[0] + slices[1] * slices[2],), ()

    finals, _ = g.scan(step, [start], [*same, varying])
    trimmed = trim_scans(finals)
    (scan,) = scans(trimmed)
    assert sequences(scan) == (varying,)
    column_value = np.array([[2.0], [-1.0]])
    h = np.stack([H0, -H0])
    for x in XS:
        h = h * (H0 + 1.0) + column_value * x
    feeds = {xs: XS, start: np.stack([H0, -H0]), row: H0 + 1.0, column: column_value[:, 0]}
    check_values(trimmed, feeds, [h])


def test_a_stack_of_a_slice_or_of_a_constant_is_read_outside():
    xs, scale = series(), vector()
    step = lambda carries, slices: ((), (slices[0], g.exp(scale), slices[0] * 2.0))  # noqa: E731
    _, stacks = g.scan(step, [], [xs])
    trimmed = trim_scans(stacks)
    (scan,) = scans(trimmed)
    assert len(scan.dtype) == 1
    assert trimmed[0] is xs
    check_values(trimmed, {xs: XS, scale: H0}, [XS, np.broadcast_to(np.exp(H0), (4, 3)), XS * 2.0])


def test_a_loop_with_nothing_left_goes():
    xs = series()
    _, (same,) = g.scan(lambda carries, slices: ((), (slices[0],)), [], [xs])
    assert trim_scans([same]) == [xs]


def test_a_trimmed_graph_stays_as_it_is():
    xs, start = series(), vector()
    _, stacks = g.scan(lambda c, s: ((c[0] * 0.5 + s[0],), (g.sin(c[0]),)), [start], [xs])
    once = trim_scans(stacks)
    assert trim_scans(once) == once


def test_a_loop_inside_of_a_body_is_trimmed_and_its_constants_leave_it():
    xs, start = series(), vector()

    def outer(carries, slices):
        def inner(carried, parts):
            return (carried[0] + g.exp(slices[0]), carried[1] * 2.0), ()

        (kept, _), _ = g.scan(inner, [carries[0], carries[0]], length=3)
        return (kept,), ()

    finals, _ = g.scan(outer, [start], [xs])
    trimmed = trim_scans(finals)
    (scan,) = scans(trimmed)
    (nested,) = scans(scan.attrs["body"].outputs)
    assert nested.attrs["carries"] == 1
    assert body_ops(nested)["exp"] == 0
    check_values(trimmed, {xs: XS, start: H0}, [H0 + 3.0 * np.exp(XS).sum(0)])
