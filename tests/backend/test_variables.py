import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, DTypeError, ShapeError


def test_variables_hold_values():
    x = K.variable([[1, 2], [3, 4]], name="x")
    assert (K.shape(x), K.ndim(x), K.dtype(x), K.count_params(x)) == ((2, 2), 2, "float32", 4)
    K.set_value(x, [[5, 6], [7, 8]])
    np.testing.assert_array_equal(K.get_value(x), [[5, 6], [7, 8]])
    assert K.get_value(x).dtype == np.float32
    y = K.zeros((2,), "int32")
    K.batch_set_value([(x, np.ones((2, 2))), (y, [3, 4])])
    assert K.get_value(x).sum() == 4.0
    assert K.get_value(y).tolist() == [3, 4]
    np.testing.assert_array_equal(K.get_value(K.ones((2, 1))), [[1], [1]])
    with pytest.raises(ShapeError, match=r"expected shape \(2,\)"):
        K.set_value(y, [1])
    for value in ([None, None], ["1", "2"], [1j, 2]):
        with pytest.raises(DTypeError, match="expected numbers, received"):
            K.set_value(y, value)
    with pytest.raises(DTypeError, match="an expression, not a shared variable"):
        K.get_value(x + 1)


def test_values_are_set_together_or_not_at_all():
    x, y = K.variable([1, 2]), K.variable(3.0, name="y")
    with pytest.raises(ShapeError, match=r"variable y: expected shape \(\), received \(2,\)"):
        K.batch_set_value([(x, [5, 6]), (y, [7, 8])])
    with pytest.raises(DTypeError, match="an expression, not a shared variable"):
        K.batch_set_value([(x, [5, 6]), (y + 1, 7)])
    assert K.get_value(x).tolist() == [1, 2]


def test_likes_are_expressions_of_the_same_type():
    x = K.placeholder((None, 3), dtype="int32")
    zeros, ones = K.zeros_like(x), K.ones_like(x)
    assert zeros.shape == ones.shape == x.shape
    assert zeros.dtype == "int32"
    values = K.function([x], [zeros, ones], on_unused_input="ignore")([np.full((2, 3), 7)])
    np.testing.assert_array_equal(values, [np.zeros((2, 3)), np.ones((2, 3))])


def test_placeholders():
    assert K.ndim(K.placeholder(ndim=3)) == 3
    assert K.placeholder(()).shape == ()
    rows, columns = K.shape(K.placeholder((None, 4)))
    assert isinstance(rows, g.Dim)
    assert columns == 4
    with pytest.raises(ArgumentError, match="a shape or a number of axes"):
        K.placeholder()
    with pytest.raises(ShapeError, match="ndim 3 does not fit"):
        K.placeholder((2, 2), ndim=3)
    with pytest.raises(ShapeError, match="not known before the call"):
        K.count_params(K.placeholder((None, 4)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: K.variable(None, name="w"), DTypeError, "variable w: expected numbers, received"),
        (lambda: K.variable("a"), DTypeError, "expected numbers, received str: 'a'"),
        (lambda: K.variable([[1.0], [1.0, 2.0]]), DTypeError, "expected numbers, received"),
        (lambda: K.variable(1.0, dtype="float16"), DTypeError, "'float16' is not supported"),
        (lambda: K.zeros((None, 2)), ShapeError, r"zeros: .*received \(None, 2\); zeros_like"),
        (lambda: K.ones(K.shape(K.placeholder((None,)))), ShapeError, "ones_like"),
        (lambda: K.ones((2, 1.5)), ShapeError, "whole numbers"),
    ],
)
def test_what_no_variable_can_hold_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_one_number_is_the_shape_of_a_vector():
    assert K.get_value(K.zeros(3)).tolist() == [0.0, 0.0, 0.0]
    assert K.get_value(K.ones(np.int64(2))).tolist() == [1.0, 1.0]
