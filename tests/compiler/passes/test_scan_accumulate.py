"""Sums over the steps leave their loop."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.passes.scan_accumulate import sink_accumulations
from tests.compiler.passes.loops import TIME, body_ops, check_values, scans

rng = np.random.default_rng(6)
XS = rng.normal(size=(5, 2, 3))
H0 = rng.normal(size=(2, 4))
START = rng.normal(size=(3, 4))


@pytest.fixture
def total():
    return g.input((3, 4), "float64", name="total")


def carried(h):
    """A carry of its own beside the sum: its values are known in the loop alone."""
    return g.tanh(h * 0.9 + 0.1)


def states():
    """The carry before each step."""
    h, found = H0, []
    for _ in XS:
        found.append(h)
        h = np.tanh(h * 0.9 + 0.1)
    return np.stack(found)


def left(outputs):
    """The graph after the pass and the loop's step, in which no product is left."""
    new = sink_accumulations(outputs)
    (scan,) = scans(new)
    assert body_ops(scan)["matmul"] == 0
    return new, scan


ADDENDS = {
    "a'b": (lambda x, h: g.dot(g.transpose(x), h), lambda x, h: x.T @ h),
    "scaled": (lambda x, h: -(g.dot(g.transpose(x), h) * 2.0), lambda x, h: -2.0 * (x.T @ h)),
    "transposed": (
        lambda x, h: g.transpose(g.dot(g.transpose(h), x)),
        lambda x, h: (h.T @ x).T,
    ),
    "b transposed": (
        lambda x, h: g.dot(g.transpose(x), g.transpose(g.transpose(h * x[:, :1]))),
        lambda x, h: x.T @ (h * x[:, :1]),
    ),
    "not transposed": (
        lambda x, h: g.dot(g.reshape(x, (3, -1)), h),
        lambda x, h: x.reshape(3, -1) @ h,
    ),
    "reshaped": (
        lambda x, h: g.reshape(g.dot(g.transpose(h), x), (3, 4)),
        lambda x, h: (h.T @ x).reshape(3, 4),
    ),
    "two": (
        lambda x, h: g.dot(g.transpose(x), h) - g.dot(g.transpose(x * x), g.sin(h)),
        lambda x, h: x.T @ h - (x * x).T @ np.sin(h),
    ),
    "projected": (
        lambda x, h: g.dot(g.dot(g.transpose(x), h), g.shared(np.diag([1.0, 2.0, 3.0, 4.0]))),
        lambda x, h: x.T @ h @ np.diag([1.0, 2.0, 3.0, 4.0]),
    ),
}


@pytest.mark.parametrize("name", ADDENDS)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_sum_of_products_is_one_product_over_all_steps(xs, start, total, name, backwards):
    build, reference = ADDENDS[name]

    def step(carries, slices):
        h, acc = carries
        return (carried(h), acc + build(slices[0], h)), ()

    (_, final), _ = g.scan(step, [start, total], [xs], reverse=backwards)
    new, scan = left([final])
    assert scan.attrs["carries"] == 1
    pairs = zip(XS[::-1] if backwards else XS, states(), strict=True)
    wanted = START + sum(reference(x, h) for x, h in pairs)
    check_values(new, {xs: XS, start: H0, total: START}, [wanted])


def test_a_weight_gradient_is_one_product_of_rows_of_all_steps(xs, start, total):
    def step(carries, slices):
        h, acc = carries
        return (carried(h), acc + g.dot(g.transpose(slices[0]), h)), (h,)

    (_, final), (hs,) = g.scan(step, [start, total], [xs])
    new, scan = left([final, hs])
    assert len(scan.dtype) == 2  # h is stacked once
    (product,) = [node for node in g.toposort(new) if node.op == "matmul"]
    assert product.inputs[0].shape == (3, TIME * g.BATCH)
    assert product.inputs[0].op == "transpose"
    assert product.inputs[1].op == "reshape"


def test_batched_products_of_any_rank():
    xs = g.input((TIME, 2, 3, 4), "float64")
    acc = g.zeros((2, 4, 4), "float64")

    def step(carries, slices):
        return (carries[0] + g.matmul(g.transpose(slices[0], (0, 2, 1)), slices[0]),), ()

    (final,), _ = g.scan(step, [acc], [xs])
    new = sink_accumulations([final])
    assert scans(new) == []
    values = rng.normal(size=(5, 2, 3, 4))
    check_values(new, {xs: values}, [np.einsum("tbij,tbik->bjk", values, values)])


def test_reductions_slices_and_stacked_values_are_summed_after_the_loop(xs, start):
    def step(carries, slices):
        h, bias, inputs, scalar, shown = carries
        new = carried(h)
        return (
            (new, bias + g.sum(new, 0), inputs - slices[0], scalar + g.sum(slices[0]), shown + new),
            (new,),
        )

    zeros = [g.zeros(s, "float64") for s in ((4,), (g.BATCH, 3), (), (g.BATCH, 4))]
    finals, stacks = g.scan(step, [start, *zeros], [xs])
    new, scan = left([*finals, *stacks])
    assert scan.attrs["carries"] == 1
    assert scan.attrs["sequences"] == 0
    hs = np.stack([*states()[1:], np.tanh(states()[-1] * 0.9 + 0.1)])
    wanted = [hs[-1], hs.sum((0, 1)), -XS.sum(0), XS.sum(), hs.sum(0), hs]
    check_values(new, {xs: XS, start: H0}, wanted)


@pytest.mark.parametrize("axis", [0, 1])
def test_scattered_rows_are_scattered_at_once(start, axis):
    ids = g.input((TIME, g.BATCH), "int32")
    shape = (6, 4) if axis == 0 else (4, 6)

    def step(carries, slices):
        h, acc = carries
        rows = h if axis == 0 else g.transpose(h)
        return (carried(h), acc + g.scatter_add(slices[0], rows, 6, axis)), ()

    (_, final), _ = g.scan(step, [start, g.zeros(shape, "float64")], [ids])
    new, scan = left([final])
    assert body_ops(scan)["scatter_add"] == 0
    rows_named = rng.integers(0, 6, size=(5, 2)).astype("int32")
    wanted = np.zeros((6, 4))
    for at, h in zip(rows_named, states(), strict=True):
        np.add.at(wanted, at, h)
    check_values(new, {ids: rows_named, start: H0}, [wanted if axis == 0 else wanted.T])


def test_other_addends_stay_in_the_loop(xs, start, total):
    def step(carries, slices):
        h, acc = carries
        plain = g.exp(h)[:1] + g.constant(np.zeros((3, 1)))
        return (carried(h), acc + plain + g.dot(g.transpose(slices[0]), h)), ()

    (_, final), _ = g.scan(step, [start, total], [xs])
    new, scan = left([final])
    assert scan.attrs["carries"] == 2
    hs = states()
    wanted = START + sum(np.exp(h)[:1] + x.T @ h for x, h in zip(XS, hs, strict=True))
    check_values(new, {xs: XS, start: H0, total: START}, [wanted])


def test_a_sum_that_the_loop_reads_stays(xs, start, total):
    def read_elsewhere(carries, slices):
        acc = carries[0] + g.dot(g.transpose(slices[0]), slices[0])
        return (acc,), (g.sum(carries[0]),)

    def stacked(carries, slices):
        acc = carries[0] + g.dot(g.transpose(slices[0]), slices[0])
        return (acc,), (acc,)

    def twice(carries, slices):
        return (carries[0] + carries[0] + g.dot(g.transpose(slices[0]), slices[0]),), ()

    def scaled(carries, slices):
        return (carries[0] * 0.9 + g.dot(g.transpose(slices[0]), slices[0]),), ()

    def shown_before(carries, slices):
        return (carries[0] + g.dot(g.transpose(slices[0]), slices[0]),), (carries[0],)

    def read_after(carries, slices):
        acc = carries[0] + g.dot(g.transpose(slices[0]), slices[0])
        return (acc,), (g.sum(acc),)

    square = g.zeros((3, 3), "float64")
    for step in (read_elsewhere, stacked, shown_before, read_after, twice, scaled):
        finals, stacks = g.scan(step, [square], [xs])
        assert sink_accumulations([*finals, *stacks]) == [*finals, *stacks]


def test_a_carry_that_never_changes_survives_beside_a_sum_that_leaves(xs, start, total):
    def step(carries, slices):
        same, acc = carries
        return (same, acc + g.dot(g.transpose(slices[0]), same)), (g.sin(same),)

    (same, final), (sines,) = g.scan(step, [start, total], [xs])
    new, _ = left([same, final, sines])
    wanted = [H0, START + sum(x.T @ H0 for x in XS), np.stack([np.sin(H0)] * 5)]
    check_values(new, {xs: XS, start: H0, total: START}, wanted)
