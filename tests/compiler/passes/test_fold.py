"""fold: small results of constants become constants, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.passes import fold
from graphc.errors import IndexRangeError

X = g.input((3,), "float32")


def folded(node):
    (after,) = fold([node])
    return after


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (g.constant(2.0) * g.constant(3.0) + g.constant(1.0), np.float32(7)),
        (g.cast(g.as_node(5), "float64"), np.float64(5)),
        (g.less(g.constant(2), g.constant(3)), np.True_),
        (g.sum(g.constant([[1, 2], [3, 4]]), 1), np.array([3, 7], "int32")),
        (g.constant(np.array(0.1)) / g.constant(np.array(3.0)), np.float64(0.1) / 3),
        (g.reshape(g.constant(np.arange(6)), (2, 3))[1], np.arange(3, 6)),
        (g.logical_not(g.constant(np.zeros((8, 8), bool))), np.ones((8, 8), bool)),
    ],
)
def test_constants_are_computed(node, expected):
    after = folded(node)
    assert after.op == "constant"
    assert (after.shape, after.dtype) == (node.shape, node.dtype)
    np.testing.assert_array_equal(after.attrs["value"], expected)
    assert after.attrs["value"].dtype == expected.dtype


def test_constants_inside_an_expression_and_inside_a_scan():
    two = g.constant(1.0, "float32") + g.constant(1.0, "float32")
    assert folded(X * g.broadcast_to(two, (3,))) is X * 2
    (final,), _ = g.scan(
        lambda carries, slices: ((carries[0] * g.broadcast_to(two, (3,)),), ()), [X], length=4
    )
    (expected,), _ = g.scan(lambda carries, slices: ((carries[0] * 2,), ()), [X], length=4)
    assert folded(final) is expected


LARGE = g.constant(np.ones(65))


@pytest.mark.parametrize(
    "node",
    [
        LARGE + LARGE,
        g.full((2, 2), 1.0, "float32"),
        g.random.bits((2,), seed=1),
        g.iota(4),
        g.tanh(X),
        g.cast(g.as_node(g.symbol("n")), "float32"),
        g.cast(g.iota(3), "float32"),
    ],
)
def test_the_rest_stays(node):
    assert folded(node) is node


def test_a_small_result_of_a_large_constant_is_computed():
    assert folded(g.sum(LARGE)).attrs["value"] == 65


def test_an_index_out_of_range_is_the_interpreters_error():
    with pytest.raises(IndexRangeError):
        fold([g.take(g.constant([1, 2]), g.constant([5]))])
