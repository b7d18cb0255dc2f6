"""simplify: each rule fires, and the values stay."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import simplify, stabilize
from graphc.compiler.passes.match import Pattern, Variable
from graphc.compiler.passes.simplify import ROWS
from tests.compiler.passes.values import assert_rewrites, assert_same_values, random_feeds

N = g.symbol("n")
X = g.input((N, 3), "float64")
Y = g.input((N, 3), "float64")
V = g.input((3,), "float64")
T = g.input((N, 2, 3), "float64")
F = g.input((N, 3), "bool")
I = g.input((N, 3), "int32")  # noqa: E741


def instance(pattern: object, bound: dict[Variable, Node], dtype: str) -> object:
    """The expression that a pattern is written like."""
    if isinstance(pattern, Variable):
        if pattern not in bound:
            of_bool = dtype == "bool" or pattern.op == "condition"
            bound[pattern] = (
                g.broadcast_to(g.cast(g.as_node(N), "float64"), (N, 3))
                if pattern.op == "size"
                else g.input((N, 3), "bool" if of_bool else "float64")
            )
        return bound[pattern]
    if isinstance(pattern, Pattern):
        operands = [instance(operand, bound, dtype) for operand in pattern.operands]
        return getattr(g, pattern.op)(*operands)
    return pattern


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_each_row_fires_and_keeps_the_values(row):
    dtype = "bool" if row.pattern.op.startswith("logical") else "float64"
    before = instance(row.pattern, {}, dtype)
    assert row(before) is not None
    (after,) = simplify([before])
    assert after is not before
    assert_same_values([before], [after], random_feeds([before]))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (X * 1 + 0, X),
        (-(X - Y), Y - X),
        (X + -Y, X - Y),
        (-X * Y - -X, X - X * Y),
        (X + -V, X - V),
        (-V + X, X - V),
        (X**2, X * X),
        (I**2, I * I),
        ((X * 3) * 5, X * 15),
        (5 * (3 * X), X * 15),
        (X / 4, X * 0.25),
        (X / -0.5, X * -2.0),
        (X / 3, X / 3),
        (g.where(g.constant(True), X, Y), X),
        (g.where(g.constant(False), X, Y), Y),
        (g.logical_not(g.logical_not(F)), F),
        (g.logical_or(F, True), g.full((N, 3), True, "bool")),
    ],
)
def test_pointwise(before, after):
    assert_rewrites(simplify, before, after)


@pytest.mark.parametrize(
    "node", [X - X, X * 0, g.div(X, X), g.maximum(X, 0) * 2, g.equal(X, X), g.not_equal(X, X)]
)
def test_what_would_hide_a_nan_stays(node):
    assert simplify([node]) == [node]


def test_factors_are_not_combined_where_the_product_leaves_the_range():
    node = X * 1e-200 * 1e-200
    assert simplify([node]) == [node]
    small = g.input((3,), "float32") / 2.0**-127
    assert simplify([small])[0].op == "mul"
    large = g.input((3,), "float32") / 2.0**127  # 2^-127 is no normal float32
    assert simplify([large]) == [large]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (g.transpose(g.transpose(T, (1, 2, 0)), (1, 2, 0)), g.transpose(T, (2, 0, 1))),
        (g.transpose(g.transpose(T, (2, 0, 1)), (1, 2, 0)), T),
        (g.transpose(g.reshape(V, (3, 1))), g.reshape(V, (1, 3))),
        (g.transpose(g.broadcast_to(V, (2, 3))), g.make("broadcast", V, shape=(3, 2), axes=(0,))),
        (g.reshape(g.reshape(T, (N, 6)), (N, 3, 2)), g.reshape(T, (N, 3, 2))),
        (g.reshape(g.reshape(T, (N, 6)), (N, 2, 3)), T),
        (g.reshape(g.zeros((N, 6), "float64"), (N, 2, 3)), g.zeros((N, 2, 3), "float64")),
        (g.broadcast_to(g.broadcast_to(V, (2, 3)), (N, 2, 3)), g.broadcast_to(V, (N, 2, 3))),
        (g.cast(g.cast(F, "int32"), "float64"), g.cast(F, "float64")),
        (g.cast(g.cast(I, "int64"), "int32"), I),
        (T[:, 0:2][:, :, :], T),
        (T[:, :, 1:3][:, :, 1:2], T[:, :, 2:3]),
        (T[:, :, 1:][:, :, ::2], T[:, :, 1:3:2]),
        (g.flip(g.flip(T, 1), 1), T),
        (g.flip(g.flip(T, 1), 2), g.flip(T, (1, 2))),
        (g.flip(g.reshape(V, (3, 1)), 1), g.reshape(V, (3, 1))),
        (g.make("pad", X, low=(0, 0), high=(0, 0), interior=(0, 0), value=0.0), X),
        (g.make("concat", X, axis=1), X),
        (g.concat([X, g.zeros((N, 0), "float64")], 1), X),
        (g.concat([X, Y, X], 1)[:, 3:6], Y),
        (g.concat([X, Y], 1)[:, 4:5], Y[:, 1:2]),
        (g.concat([X, Y], 1)[:, 2:5], g.concat([X, Y], 1)[:, 2:5]),
        (g.take(T, g.iota(2), 1), T),
        (g.tanh(g.broadcast_to(V, (N, 3))), g.broadcast_to(g.tanh(V), (N, 3))),
        (g.broadcast_to(V, (N, 3)) * 3, g.broadcast_to(V * 3, (N, 3))),
        (g.tanh(g.reshape(X, (N, 3, 1))) + 3, g.reshape(g.tanh(X) + 3, (N, 3, 1))),
    ],
)
def test_movement(before, after):
    assert_rewrites(simplify, before, after)


IMAGE = g.input((N, 3, 7, 6), "float64")
FILTERS = g.input((4, 3, 3, 2), "float64")


def zeros_around(x, *widths, value=0.0):
    return g.pad(x, [(0, 0)] * (x.ndim - len(widths)) + list(widths), value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            g.conv(zeros_around(IMAGE, (1, 2), (0, 3)), FILTERS, padding=((1, 0), (2, -1))),
            g.conv(IMAGE, FILTERS, padding=((2, 2), (2, 2))),
        ),
        (
            g.make(
                "conv",
                zeros_around(IMAGE, (1, 2), (0, 0)),
                FILTERS,
                strides=(1, 1),
                padding=((0, N), (1, 1)),
                input_dilation=(1, 1),
                kernel_dilation=(1, 1),
            ),
            g.make(
                "conv",
                IMAGE,
                FILTERS,
                strides=(1, 1),
                padding=((1, N + 2), (1, 1)),
                input_dilation=(1, 1),
                kernel_dilation=(1, 1),
            ),
        ),
        (
            g.conv(zeros_around(IMAGE, (1, 2), (3, 0)), FILTERS, 2, input_dilation=(2, 3)),
            g.conv(IMAGE, FILTERS, 2, padding=((2, 4), (9, 0)), input_dilation=(2, 3)),
        ),
        (
            g.conv(
                g.transpose(
                    g.pad(g.transpose(IMAGE, (0, 2, 3, 1)), [(0, 0), (1, 2), (3, 4), (0, 0)]),
                    (0, 3, 1, 2),
                ),
                FILTERS,
            ),
            g.conv(IMAGE, FILTERS, padding=((1, 2), (3, 4))),
        ),
        (
            g.make(
                "sum_pool",
                zeros_around(IMAGE, (1, 0), (2, 1)),
                window=(3, 4),
                strides=(1, 2),
                padding=((1, 0), (1, 1)),
            ),
            g.make("sum_pool", IMAGE, window=(3, 4), strides=(1, 2), padding=((2, 0), (3, 2))),
        ),
    ],
)
def test_windows_of_an_image_in_zeros_have_padding(before, after):
    assert_rewrites(simplify, before, after)


POINTS = g.input((4, 3, 1, 1), "float64")
NO_DILATION = {"input_dilation": (1, 1), "kernel_dilation": (1, 1)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (g.conv(IMAGE, POINTS, (2, 3)), g.conv(IMAGE[:, :, ::2, ::3], POINTS)),
        (g.conv(IMAGE, POINTS, (1, 4)), g.conv(IMAGE[:, :, :, ::4], POINTS)),
        (g.conv(IMAGE, POINTS, 2, kernel_dilation=2), g.conv(IMAGE[:, :, ::2, ::2], POINTS)),
    ],
)
def test_windows_of_one_element_with_strides_are_of_what_is_read(before, after):
    assert_rewrites(simplify, before, after)


@pytest.mark.parametrize(
    "node",
    [
        g.conv(IMAGE, POINTS, 2, padding=1),
        g.make("conv", IMAGE, POINTS, strides=(2, 2), padding=((0, N), (0, 0)), **NO_DILATION),
        g.conv(IMAGE, POINTS, 2, input_dilation=2),
        g.conv(IMAGE, FILTERS, 2),
    ],
)
def test_other_windows_with_strides_stay(node):
    assert simplify([node]) == [node]


@pytest.mark.parametrize(
    "node",
    [
        g.conv(zeros_around(IMAGE, (1, 1), (1, 1), value=0.5), FILTERS),
        g.conv(zeros_around(g.input((N, 1, 7, 6)), (1, 1), (0, 0), (0, 0)), FILTERS),
        g.conv(zeros_around(IMAGE, (1, N), (0, 0)), FILTERS),
        g.max_pool(zeros_around(IMAGE, (1, 1), (1, 1)), (3, 3), (1, 1)),
        g.make(
            "sum_pool",
            zeros_around(IMAGE, (1, 0), (0, 0)),
            window=(2, 2),
            strides=(1, 1),
            padding=((1, 0), (0, 0)),
        ),
    ],
    ids=["another number", "channels", "a size of a call", "maxima", "windows of zeros alone"],
)
def test_what_is_around_an_image_stays(node):
    assert "pad" in {one.op for one in g.toposort(simplify([node]))}


def test_lossy_casts_stay():
    for inner, outer in [("float32", "float64"), ("int32", "float64"), ("int64", "float64")]:
        node = g.cast(g.cast(X if inner != "int64" else g.cast(I, "int64"), inner), outer)
        if inner != "int64":
            assert simplify([node]) == [node]
    wide = g.cast(g.cast(g.input((3,), "int64"), "float64"), "int64")
    assert simplify([wide]) == [wide]


COUNT = g.cast(g.as_node(N), "float64")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (g.sum(g.sum(T, 1), 1), g.sum(T, (1, 2))),
        (g.max(g.max(T, 2), 0), g.max(T, (0, 2))),
        (g.any(g.any(F, 1), 0), g.any(F)),
        (g.sum(g.broadcast_to(V, (N, 3)), 0), V * COUNT),
        (g.sum(g.broadcast_to(V, (N, 3))), g.sum(V) * COUNT),
        (g.max(g.broadcast_to(V, (N, 3)), 0), V),
        (g.mean(g.broadcast_to(V, (N, 3)), 0), V),
        (
            g.sum(g.broadcast_to(V, (N, 4, 3)), 1),
            g.broadcast_to(V * g.cast(g.as_node(4), "float64"), (N, 3)),
        ),
        (g.sum(g.reshape(T, (N, 6))), g.sum(T)),
        (g.sum(g.transpose(T, (2, 0, 1)), 2), g.transpose(g.sum(T, 1))),
        (g.sum(g.flip(T, 1), 1), g.sum(T, 1)),
        (g.max(g.transpose(T, (2, 0, 1)), (1, 2)), g.max(T, (0, 1))),
        (g.max(g.transpose(T, (2, 0, 1)), 1), g.transpose(g.max(T, 0))),
        (g.sum(g.reshape(X, (N, 1, 3)), (1, 2)), g.sum(X, 1)),
        (g.sum(-X, 0), -g.sum(X, 0)),
    ],
)
def test_reductions(before, after):
    (expected,) = simplify([after])
    assert_rewrites(simplify, before, expected)


@pytest.mark.parametrize(
    "node",
    [
        g.max(g.flip(T, 1), 1),
        g.min(g.min(T, 0), 0),
        g.max(g.transpose(T, (2, 1, 0)), (0, 1)),
    ],
)
def test_which_tie_comes_first_stays(node):
    assert simplify([node]) == [node]


def test_a_sum_over_no_step_is_not_n_times_a_value():
    empty = g.sum(g.broadcast_to(V, (0, 3)), 0)
    assert simplify([empty]) == [empty]


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_a_softmax_is_normalised_once(axis):
    e = g.exp(X)
    p = e / g.sum(e, axis, keepdims=True)
    (once,) = simplify([p])
    (twice,) = simplify([p / g.sum(p, axis, keepdims=True)])
    assert twice is once
    assert_same_values([p / g.sum(p, axis, keepdims=True)], [twice], random_feeds([p]))


def test_a_guarded_normalising_of_a_softmax_goes_and_nan_stays():
    p = g.softmax(X, 1)
    total = g.sum(p, 1)
    guarded = p / g.expand_dims(g.where(g.equal(total, 0), 1.0, total), 1)
    assert simplify([guarded]) == simplify([p])
    feeds = {X: np.array([[1.0, 2.0, 3.0], [1.0, np.nan, 3.0]])}
    for node in (guarded, total):
        (before,), (after,) = evaluate([node], feeds), evaluate(simplify([node]), feeds)
        np.testing.assert_allclose(after, before, rtol=1e-12)
        assert np.isnan(after[1]).all()


def test_normalising_along_another_axis_stays():
    p = g.softmax(X, 1)
    (node,) = simplify([p / g.sum(p, 0, keepdims=True)])
    assert node is not simplify([p])[0]
    assert_same_values([p / g.sum(p, 0, keepdims=True)], [node], random_feeds([p]))


def test_claims_about_symbols_keep_the_shape_of_a_node():
    other = g.input((None, 3), "float64")
    fixed = g.input((2, 3), "float64")
    for node in (g.where(True, other, fixed), g.where(True, X, other)):
        (after,) = simplify([node])
        assert after.shape == node.shape


def test_bodies_of_scans_are_simplified():
    def step(carries, slices):
        h = g.tanh(carries[0] * 1 + slices[0] + 0)
        return (h,), (g.neg(-h),)

    finals, stacks = g.scan(step, [g.zeros((3,), "float64")], [X])
    outputs = [*finals, *stacks]
    after = simplify(outputs)
    body = after[0].inputs[0].attrs["body"].outputs
    assert {node.op for node in g.toposort(body)} == {"tanh", "add", "arg"}
    assert after[0].inputs[0] is after[1].inputs[0]
    assert_same_values(outputs, after, {X: np.ones((4, 3))})


def test_names_and_origins_are_carried_along():
    x = g.input((4,), "float64")
    with g.origin("dense_1"):
        node = g.set_name(g.log(g.sigmoid(x)), "loss")
    (after,) = stabilize([node])
    assert after is not node
    assert g.name_of(after) == "loss"
    computed = [node for node in g.toposort([after]) if x in g.toposort([node])[:-1]]
    assert {str(g.origin_of(node)) for node in computed} == {"dense_1"}


def test_unsigned_and_saturating_ints_keep_their_values():
    u = g.input((3,), "uint32")
    i = g.input((3,), "int32")
    feeds = {
        u: np.array([1, 2**31, 2**32 - 1], "uint32"),
        i: np.array([-(2**31), -7, 5], "int32"),
    }
    nodes = [
        g.abs(-u),
        g.cast(g.cast(u, "float64"), "int32"),
        g.cast(g.cast(i, "float64"), "uint32"),
        g.cast(g.cast(i, "float64"), "int64"),
        g.cast(g.cast(u, "int64"), "int32"),
    ]
    expected = [
        [2**32 - 1, 2**31, 1],
        [1, 2**31 - 1, 2**31 - 1],
        [0, 0, 5],
        [-(2**31), -7, 5],
        [1, -(2**31), -1],
    ]
    for values in (evaluate(nodes, feeds), evaluate(simplify(nodes), feeds)):
        assert [value.tolist() for value in values] == expected


IMAGES: dict[int, Node] = {rank: g.input((N, 7, 8)[:rank] + (2,), "float64") for rank in (2, 3)}


def channels_first(x: Node) -> Node:
    return g.transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


@pytest.mark.parametrize("pool", [g.max_pool, g.average_pool])
@pytest.mark.parametrize("rank", IMAGES)
def test_windows_of_images_with_channels_last_leave_elements_where_they_are(pool, rank):
    before = pool(channels_first(IMAGES[rank] * 2.0), (3, 2)[: rank - 1], (2, 1)[: rank - 1])
    (after,) = simplify([before])
    assert_same_values([before], [after], random_feeds([before]))
    (pooling,) = (x for x in g.toposort([after]) if x.op in ("max_pool", "sum_pool"))
    assert pooling.inputs[0].op != "transpose"
    assert pooling.attrs["window"][-1] == 1


def test_windows_of_padding_keep_their_values():
    before = g.max_pool(channels_first(IMAGES[3]), (3, 2), (2, 1), padding=((1, 1), (0, 1)))
    (after,) = simplify([before])
    assert after.op == "transpose"
    assert_same_values([before], [after], random_feeds([before]))


ACTIVATION = g.tanh(
    g.transpose(g.conv(channels_first(IMAGES[3]), g.input((3, 2, 3, 3), "float64")), (0, 2, 3, 1))
    + g.input((3,), "float64")
)


@pytest.mark.parametrize(
    "images",
    [
        ACTIVATION,
        g.concat([ACTIVATION, g.exp(ACTIVATION)], axis=3),
        ACTIVATION[:, 1:, :-1],
        g.pad(ACTIVATION, [(0, 0), (1, 2), (0, 1), (0, 0)]),
    ],
    ids=["alone", "concat", "slice", "pad"],
)
def test_windows_of_a_convolution_stay_those_of_its_result(images):
    before = g.max_pool(channels_first(images), (2, 2))
    (after,) = simplify([before])
    assert after.op == "max_pool"
    assert_same_values([before], [after], random_feeds([before]))
