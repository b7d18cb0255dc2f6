"""Calls of the functions that build graphs which are refused before there is a node of an op."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.expressions import random
from graphc.compiler.interpret import evaluate
from graphc.errors import ArgumentError, DTypeError, ShapeError

N = g.symbol("n")
SCALAR = g.input((), "float32")
VECTOR = g.input((3,), "float32")
ROWS = g.input((2, 3), "float32")
CUBE = g.input((2, 3, 4), "float32")
OPEN = g.input((N, 3), "float32")
IMAGES = g.input((1, 2, 5, 5), "float32")
KERNEL = g.input((4, 2, 3, 3), "float32")


class OnAGpu:
    __cuda_array_interface__ = None


class Sparse:
    nnz = 1

    def toarray(self) -> np.ndarray:
        return np.zeros((1, 1))


REFUSED: list[tuple[Callable[[], object], type, str]] = [
    (lambda: g.reshape(ROWS, (-1, -1)), ShapeError, r"reshape to \(-1, -1\): only one size"),
    (lambda: g.squeeze(ROWS, 1), ShapeError, r"axis 1 of \(2, 3\) has size 3, not 1"),
    (lambda: g.concat([]), ShapeError, "concat: needs at least one input"),
    (lambda: g.pad(ROWS, [(1, 1)]), ShapeError, "expected .* for 2 axes, received 1"),
    (lambda: g.tile(ROWS, (2,)), ShapeError, r"expected 2 counts, one an axis, received \(2,\)"),
    (lambda: g.take(ROWS, [0.5]), DTypeError, "take: indices have to be integers, .*float32"),
    (lambda: g.scatter_add([0.5], VECTOR, 3), DTypeError, "scatter_add: indices .* float32"),
    (lambda: VECTOR[::0], ShapeError, "axis 0: a slice's step cannot be 0"),
    (lambda: CUBE[..., 0, ...], ShapeError, "only one Ellipsis"),
    (lambda: ROWS[0, 0, 0], ShapeError, "3 indices for an input of 2 axes"),
    (lambda: OPEN[2 : N - 2 : -1], ShapeError, "axis 0 of symbolic size n: .* flip"),
    (lambda: list(SCALAR), DTypeError, "cannot be iterated"),
    (lambda: list(OPEN), DTypeError, "the size of its axis 0 is not known"),
    (lambda: g.tensordot(ROWS, ROWS, ([0, 1], [0])), ShapeError, "as many axes of both"),
    (lambda: g.tensordot(ROWS, CUBE, ([0, 0], [0, 1])), ShapeError, "name an axis twice"),
    (lambda: g.tensordot(CUBE, ROWS, ([0, 1], [0, 0])), ShapeError, "name an axis twice"),
    (lambda: g.batch_dot(CUBE, CUBE, (0, 1)), ShapeError, "name axis 0, which is the batch"),
    (lambda: g.batch_dot(CUBE, CUBE, (1, 0)), ShapeError, "name axis 0, which is the batch"),
    (lambda: g.batch_dot(VECTOR, ROWS, (0, 1)), ShapeError, r"at least two axes, .* \(3,\) and"),
    (lambda: g.batch_dot(ROWS, VECTOR, (1, 0)), ShapeError, r"at least two axes, .* and \(3,\)"),
    (lambda: g.dot(SCALAR, VECTOR), ShapeError, r"dot: expected at least one axis each"),
    (lambda: g.dot(VECTOR, SCALAR), ShapeError, r"dot: expected at least one axis each"),
    (lambda: g.matmul(VECTOR, ROWS), ShapeError, r"matmul: .* two axes, received \(3,\)"),
    (lambda: g.matmul(ROWS, VECTOR), ShapeError, r"matmul: .* two axes, .* and \(3,\)"),
    (lambda: g.conv(IMAGES, KERNEL, strides=(1, 1, 1)), ShapeError, "strides: expected 2 numbers"),
    (lambda: g.conv(IMAGES, KERNEL, strides=0), ShapeError, "strides: .* at least 1"),
    (lambda: g.conv(IMAGES, KERNEL, padding=[(0, 0)]), ShapeError, "padding: .* 2 spatial axes"),
    (lambda: g.max_pool(IMAGES, (2,)), ShapeError, "pooling: window: expected 2 numbers"),
    (lambda: g.average_pool(IMAGES, (2, 2), (1, 0)), ShapeError, "pooling: strides: .* received"),
    (lambda: g.broadcast_to(ROWS, (3,)), ShapeError, "the result has fewer axes"),
    (lambda: g.as_node(OnAGpu()), DTypeError, "OnAGpu, which lives on a GPU"),
    (lambda: g.as_node(Sparse()), DTypeError, r"a sparse matrix \(Sparse\)"),
    (lambda: g.as_node("text"), DTypeError, "expected numbers of dtype bool, .* received str"),
    (lambda: g.as_node(np.zeros(2, "complex64")), DTypeError, "received complex64 "),
    (lambda: g.constant(2.5, "int32"), DTypeError, "whole numbers that int32 holds, received 2.5"),
    (lambda: g.add(g.input((2,), "int32"), 2**31), DTypeError, "2147483648 does not fit int32"),
    (lambda: g.add(g.input((2,), "uint32"), -1), DTypeError, "-1 does not fit uint32"),
    (lambda: g.shared(VECTOR), DTypeError, r"shared\(\) takes a value, not a node"),
    (lambda: g.shared(0.0).set_value("a"), DTypeError, "without a name: expected numbers, .* 'a'"),
    (lambda: g.shared_without_copy(np.zeros(2, "int8")), DTypeError, "'int8' is not supported"),
    (lambda: VECTOR.get_value(), DTypeError, "shared variable"),
    (lambda: g.state_of(3), DTypeError, r"expected a shared variable, .* received int"),
    (lambda: int(VECTOR), DTypeError, "no number here"),
    (lambda: range(VECTOR), ArgumentError, "no number here"),
    (lambda: random.bernoulli((2,), 1.5), ArgumentError, r"lies in \[0, 1\], received 1.5"),
    (lambda: random.bernoulli((2,), -0.5), ArgumentError, r"lies in \[0, 1\], received -0.5"),
    (lambda: N / 2, ShapeError, "the size n divided by 2 may leave a "),
    (lambda: N + 0.5, TypeError, "unsupported operand"),
    (lambda: N - 0.5, TypeError, "unsupported operand"),
    (lambda: 0.5 - N, TypeError, "unsupported operand"),
    (lambda: N * 0.5, TypeError, "can't multiply|unsupported operand"),
    (lambda: N / 0.5, TypeError, "unsupported operand"),
    (lambda: N // 0.5, TypeError, "unsupported operand"),
    (lambda: 0.5 // N, TypeError, "unsupported operand"),
    (lambda: bool(N), ShapeError, "has no truth value"),
    (lambda: range(N), ShapeError, "no number here"),
    (lambda: g.make("exp", VECTOR, VECTOR), TypeError, "exp takes 1 inputs, received 2"),
    (lambda: g.make("exp", VECTOR, axis=1, at=2), TypeError, r"unknown attributes \['at', 'axis'"),
    (lambda: g.make("flip", VECTOR, axes=[0]), TypeError, r"has to be immutable, got \[0\]"),
]


@pytest.mark.parametrize("case", REFUSED, ids=map(str, range(len(REFUSED))))
def test_a_call_that_means_nothing(case: tuple[Callable[[], object], type, str]) -> None:
    call, error, message = case
    with pytest.raises(error, match=message):
        call()


def test_a_scan_is_no_value() -> None:
    (last,), _ = g.scan(lambda c, s: ((c[0] + s[0],), ()), [SCALAR], [VECTOR])
    [loop] = last.inputs
    assert repr(loop) == "<scan: (float32[])>"
    with pytest.raises(DTypeError, match=r"several values; read one by item\(scan, k\)"):
        g.exp(loop)
    with pytest.raises(ShapeError, match="sequence 0 is a scalar"):
        g.scan(lambda c, s: ((c[0],), ()), [SCALAR], [SCALAR])


def test_numbers_at_the_bounds_of_a_dtype_are_taken() -> None:
    for dtype in ("int32", "int64", "uint32"):
        limits = np.iinfo(dtype)
        x = g.input((1,), dtype)
        [low, high] = evaluate(
            [g.maximum(x, limits.min), g.minimum(x, limits.max)], {x: np.array([5], dtype)}
        )
        assert (low.dtype, low[0], high[0]) == (dtype, 5, 5)
        state = g.shared(np.zeros(2, dtype))
        state.set_value([limits.min, limits.max])
        assert state.get_value().tolist() == [limits.min, limits.max]
        with pytest.raises(DTypeError, match=f"{limits.min} to {limits.max}"):
            state.set_value([0, int(limits.max) + 1])


def test_narrow_dtypes_of_numpy_are_widened() -> None:
    widened = {"int8": "int32", "uint16": "int32", "float16": "float32"}
    for narrow, wide in widened.items():
        assert g.as_node(np.ones(1, narrow)).dtype == wide
    assert g.as_node([1, 2**31 - 1]).dtype == "int32"
    assert g.as_node([1, 2**31]).dtype == "int64"
    assert g.as_node(np.int64(1)).dtype == "int64"


def test_sizes_among_values_make_a_vector() -> None:
    vector = g.as_node([N, 7])
    assert (vector.dtype, vector.shape) == ("int64", (2,))
    rows = g.cast(g.sum(OPEN), "int64")
    [found] = evaluate([vector + rows], {OPEN: np.zeros((5, 3), "float32")})
    assert found.tolist() == [5, 7]


def test_a_size_is_divided_where_nothing_is_left() -> None:
    assert (N * 6) / 3 == N * 2
    assert (N * 6) / N == 6
    assert 12 // g.symbol("m") != 12
    assert (N + 0 is N, 0 + N is N, N * 1 is N, N * 0) == (True, True, True, 0)


def test_the_rows_of_a_node_can_be_iterated() -> None:
    x = g.input((3, 2), "float32")
    values = np.arange(6, dtype="float32").reshape(3, 2)
    found = evaluate(list(x), {x: values})
    assert np.array_equal(found, values)
