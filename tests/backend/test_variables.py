import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    GradientError,
    KeywordError,
    ShapeError,
)


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


def test_eval_gives_the_value_of_an_expression():
    assert K.eval(K.variable(2.0) * 3) == 6.0
    with pytest.raises(ArgumentError, match="needs 'x'"):
        K.eval(K.placeholder((2,), name="x") + 1)


def test_a_function_takes_and_gives_lists_and_converts():
    x, n = K.placeholder((None, 2)), K.placeholder((), dtype="int32")
    total = K.variable(0.0)
    f = K.function([x, n], [K.sum(x) * n], updates=[(total, total + K.sum(x))])
    outputs = f([[[1, 2], [3, 4]], 2.0])
    assert outputs == [20.0]
    assert outputs[0].dtype == np.float32
    assert f([np.ones((3, 2), dtype=bool), np.int64(1)]) == [6.0]
    assert K.get_value(total) == 16.0
    with pytest.raises(DataError, match="whole numbers that fit int32"):
        f([np.ones((1, 2)), 1.5])
    with pytest.raises(DataError, match="whole numbers that fit int32"):
        f([np.ones((1, 2)), float("nan")])
    with pytest.raises(DTypeError, match="expected numbers, received str"):
        f(["a", 1])
    with pytest.raises(ArgumentError, match="expected 2 arrays, received 1"):
        f([1])
    with pytest.raises(ArgumentError, match="expected a list of 2 arrays"):
        f(np.ones((2, 2)))
    with pytest.raises(KeywordError, match="did you mean 'givens'"):
        K.function([x], [x], given=[])


@pytest.mark.parametrize(("phase", "expected"), [(0, [2.0, 1.0]), (1, [1.0, 2.0])])
def test_the_phase_is_fed_or_fixed(phase, expected):
    a, b = K.variable(1.0), K.variable(2.0)
    outputs = [K.in_train_phase(a, b), K.in_test_phase(a, b)]
    assert K.function([K.learning_phase()], outputs)([phase]) == expected
    fixed = K.function([], outputs, givens=[(K.learning_phase(), bool(phase))])
    assert fixed([]) == expected
    with pytest.raises(ArgumentError, match="learning_phase"):
        K.function([], outputs)


def test_switch_chooses_by_element():
    chosen = K.switch(K.variable([1, 0, 2]), K.variable([1.0, 2.0, 3.0]), 0.0)
    assert K.eval(chosen).tolist() == [1.0, 0.0, 3.0]


def test_gradients_come_in_the_order_of_the_variables():
    x, y = K.variable(3.0), K.variable(5.0)
    dx, dy = K.gradients(x * x * y, [x, y])
    assert [float(K.eval(dx)), float(K.eval(dy))] == [30.0, 9.0]
    with pytest.raises(GradientError):
        K.gradients(x * x, [y])
