import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine import Input
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
        (lambda: K.variable(1.0, dtype="complex64"), DTypeError, "'complex64' is not supported"),
        (lambda: K.zeros((None, 2)), ShapeError, r"zeros: .*received \(None, 2\); zeros_like"),
        (lambda: K.ones((None,)), ShapeError, "ones_like"),
        (lambda: K.ones((2, 1.5)), ShapeError, "whole numbers"),
    ],
)
def test_what_no_variable_can_hold_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_one_number_is_the_shape_of_a_vector():
    assert K.get_value(K.zeros(3)).tolist() == [0.0, 0.0, 0.0]
    assert K.get_value(K.ones(np.int64(2))).tolist() == [1.0, 1.0]


def test_likes_take_another_dtype_and_a_name():
    x = K.placeholder((None, 3), dtype="int32")
    for node in (K.zeros_like(x, "float64", name="like"), K.ones_like(x, dtype="float64")):
        assert node.dtype == "float64"
    assert g.name_of(K.zeros_like(x, name="named")) == "named"


def test_what_is_known_of_a_tensor():
    x, w = K.placeholder((None, 3)), K.variable(np.ones((2, 3)))
    assert K.int_shape(x) == (None, 3)
    assert K.int_shape(w) == K.get_variable_shape(w) == (2, 3)
    assert not K.is_keras_tensor(x)
    assert K.is_keras_tensor(Input((3,)))
    assert not K.is_sparse(x)
    assert K.to_dense(x) is x
    assert K.is_explicit_shape((None, 3))
    assert not K.is_explicit_shape(K.shape(x))
    assert not K.is_explicit_shape(3)
    with pytest.raises(ArgumentError, match=r"sparse: expected False.*toarray"):
        K.placeholder((2, 2), sparse=True)
    with pytest.raises(DTypeError, match="expression"):
        K.get_variable_shape(x)


def test_variables_of_later_releases():
    np.testing.assert_array_equal(K.get_value(K.eye(3, "float64")), np.eye(3))
    np.random.seed(3)
    uniform = K.random_uniform_variable((200, 3), -2.0, 1.0)
    normal = K.random_normal_variable((200, 3), 4.0, 0.1, "float64")  # the mean counts
    values = K.batch_get_value([uniform, normal])
    np.random.seed(3)
    np.testing.assert_allclose(values[0], np.random.uniform(-2, 1, (200, 3)), rtol=1e-6)
    np.testing.assert_array_equal(values[1], np.random.normal(4, 0.1, (200, 3)))


def test_updates_are_pairs_for_a_function():
    one, two, three, mean = (K.variable(np.full(2, k), "float64") for k in (1.0, 2.0, 3.0, 4.0))
    updates = [
        K.update(one, two),
        K.update_add(two, [1.0, 2.0]),
        K.update_sub(three, one),
        K.moving_average_update(mean, three, 0.75),
    ]
    K.function([], [one], updates=updates)([])
    found = K.batch_get_value([one, two, three, mean])
    np.testing.assert_array_equal(found, [[2, 2], [3, 4], [2, 2], [3.75, 3.75]])
