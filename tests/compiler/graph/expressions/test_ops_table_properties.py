"""Broadcasting, dtypes and indexing of the expression surface agree with NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate


def ramp(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape, dtype=int), dtype="float64").reshape(shape) - 3


def fed(array: np.ndarray, symbolic: bool) -> g.Node:
    """An input for an array; a size of 1 stays known, for a symbol never stretches."""
    shape = tuple(None if symbolic and size > 1 else size for size in array.shape)
    return g.input(shape, array.dtype.name)


@given(arrays.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=4), st.booleans())
def test_pointwise_broadcasting(shapes, symbolic):
    x, y, z = (ramp(shape) for shape in shapes.input_shapes)
    a, b, c = (fed(array, symbolic) for array in (x, y, z))
    feeds = {a: x, b: y, c: z}
    mixed, chosen = evaluate([a * b - c, g.where(a > b, b, c)], feeds)
    np.testing.assert_array_equal(mixed, x * y - z)
    np.testing.assert_array_equal(chosen, np.where(x > y, y, z))
    assert mixed.shape == chosen.shape == shapes.result_shape


@given(arrays.array_shapes(min_dims=0, max_dims=3, max_side=4), st.data())
def test_broadcast_to(shape, data):
    wanted = data.draw(arrays.broadcastable_shapes(shape, max_dims=4, max_side=4).map(tuple))
    x = ramp(shape)
    try:
        expected = np.broadcast_to(x, wanted)
    except ValueError:
        return  # the other way round: `shape` broadcasts to `wanted` here only by shrinking
    node = g.input(shape, "float64")
    np.testing.assert_array_equal(evaluate([g.broadcast_to(node, wanted)], {node: x})[0], expected)


indices = arrays.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=6).flatmap(
    lambda shape: st.tuples(
        st.just(shape),
        arrays.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True, max_dims=6),
    )
)


@given(indices)
def test_indexing(case):
    shape, key = case
    x = ramp(shape)
    node = g.input(shape, "float64")
    taken = node[key]
    expected = x[key]
    assert taken.shape == np.shape(expected)
    np.testing.assert_array_equal(evaluate([taken], {node: x})[0], expected)


in_range = st.integers(1, 6).flatmap(
    lambda size: st.tuples(
        st.just(size),
        st.one_of(st.none(), st.integers(-size, size)),
        st.one_of(st.none(), st.integers(-size, size)),
        st.integers(1, 3),
    )
)


@given(in_range)
def test_slices_of_a_symbolic_axis(case):
    """Bounds inside of the axis give what NumPy gives; start behind stop is refused at the call."""
    size, start, stop, step = case
    x = ramp((size, 2))
    node = g.input((None, 2), "float64")
    first, last, _ = slice(start, stop, step).indices(size)
    if first <= last:
        (taken,) = evaluate([node[start:stop:step]], {node: x})
        np.testing.assert_array_equal(taken, x[start:stop:step])
    else:
        with pytest.raises(ValueError, match="slice"):
            evaluate([node[start:stop:step]], {node: x})


@given(st.integers(1, 7), st.integers(1, 3))
def test_a_symbolic_axis_backwards(size, step):
    x = ramp((size, 2))
    node = g.input((None, 2), "float64")
    (taken,) = evaluate([node[::-step]], {node: x})
    np.testing.assert_array_equal(taken, x[::-step])


reductions = arrays.array_shapes(min_dims=1, max_dims=4, max_side=4).flatmap(
    lambda shape: st.tuples(
        st.just(shape),
        st.one_of(st.none(), arrays.valid_tuple_axes(len(shape), min_size=1)),
        st.booleans(),
    )
)


@given(reductions, st.sampled_from(["sum", "prod", "max", "min", "mean", "var", "std"]))
def test_reductions(case, name):
    shape, axis, keepdims = case
    x = ramp(shape)
    node = fed(x, symbolic=True)
    (result,) = evaluate([getattr(g, name)(node, axis, keepdims)], {node: x})
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


@given(arrays.mutually_broadcastable_shapes(signature="(m,k),(k,n)->(m,n)", max_side=4))
def test_matmul(shapes):
    x, y = (ramp(shape) for shape in shapes.input_shapes)
    a, b = g.input(x.shape, "float64"), g.input(y.shape, "float64")
    (result,) = evaluate([g.matmul(a, b)], {a: x, b: y})
    np.testing.assert_allclose(result, np.matmul(x, y), rtol=1e-12)
    assert result.shape == shapes.result_shape
