import numpy as np
import pytest

from graphc import backend as K
from graphc.errors import ArgumentError, DTypeError, ShapeError

X = np.random.default_rng(1).normal(size=(4, 3))


def tensor(value=X):
    return K.variable(value, "float64")


def horner(accumulated, element):
    return 0.5 * accumulated + K.sin(element)


def folded(rows, start):
    for row in rows:
        start = 0.5 * start + np.sin(row)
    return start


def test_a_function_of_each_element():
    np.testing.assert_allclose(K.eval(K.map_fn(K.sum, tensor())), X.sum(1))
    both = K.map_fn(lambda x, y: x * K.max(y), [tensor(), tensor(X[:, :2])])
    np.testing.assert_allclose(K.eval(both), X * X[:, :2].max(1, keepdims=True))


def test_folds_begin_with_the_first_element_that_they_take():
    np.testing.assert_allclose(K.eval(K.foldl(horner, tensor())), folded(X[1:], X[0]))
    np.testing.assert_allclose(K.eval(K.foldr(horner, tensor())), folded(X[2::-1], X[3]))


def test_folds_begin_with_the_initializer():
    start = np.ones(3)
    np.testing.assert_allclose(K.eval(K.foldl(horner, tensor(), tensor(start))), folded(X, start))
    np.testing.assert_allclose(
        K.eval(K.foldr(lambda a, x: a + K.sum(x), tensor(), 2.0)), 2 + X.sum()
    )


def test_one_element_of_an_open_axis_is_the_result():
    x = K.placeholder((None, 3), dtype="float64")
    f = K.function([x], [K.foldl(horner, x), K.foldr(horner, x)])
    for rows in (1, 4):
        left, right = f([X[:rows]])
        np.testing.assert_allclose(left, folded(X[1:rows], X[0]))
        np.testing.assert_allclose(right, folded(X[:rows][-2::-1] if rows > 1 else [], X[rows - 1]))


def test_gradients_pass_through():
    x = tensor()
    gradient = K.eval(K.gradients(K.sum(K.foldl(lambda a, b: a * b, x)), [x])[0])
    others = [[np.prod(np.delete(X[:, j], i)) for j in range(3)] for i in range(4)]
    np.testing.assert_allclose(gradient, others)


def test_what_is_accumulated_keeps_its_type():
    with pytest.raises(ShapeError, match=r"foldl: fn has to return the shape .* received \(\)"):
        K.foldl(lambda a, x: K.sum(a) + K.sum(x), tensor())
    with pytest.raises(DTypeError, match="foldr: fn has to return the dtype"):
        K.foldr(lambda a, x: K.cast(a, "float32"), tensor())
    with pytest.raises(ArgumentError, match="expected one tensor, received 2; K.rnn"):
        K.foldl(lambda a, x: [a, x], tensor())
    with pytest.raises(ShapeError, match="map_fn: elems: expected an axis"):
        K.map_fn(K.exp, tensor(1.0))
