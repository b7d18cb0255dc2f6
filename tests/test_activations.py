import math

import numpy as np
import pytest

from graphc import activations
from graphc import backend as K
from graphc.errors import ArgumentError, ShapeError, UnknownNameError

X = np.array([[-3.0, -0.5, 0.0, 0.5, 3.0]])


def value(function, x=X, **kwargs):
    return K.eval(function(K.variable(x, "float64"), **kwargs))


def slope(function, x):
    """The gradient of the sum of function(x), element by element."""
    node = K.variable(x, "float64")
    return K.eval(K.gradients(K.sum(function(node)), [node])[0])


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("softplus", lambda x: np.log(1 + np.exp(x))),
        ("relu", lambda x: np.where(x > 0, x, 0.0)),
        ("elu", lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)),
        ("softsign", lambda x: x / (1 + np.abs(x))),
        ("tanh", np.tanh),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("hard_sigmoid", lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
        ("linear", lambda x: x),
        ("softmax", lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    ],
)
def test_by_name_equals_the_formula(name, formula):
    np.testing.assert_allclose(value(activations.get(name)), formula(X), rtol=1e-14)


def test_softplus_and_softmax_stay_finite_far_out():
    far = np.array([[-1000.0, 1000.0]])
    np.testing.assert_array_equal(value(activations.softplus, far), [[0.0, 1000.0]])
    np.testing.assert_array_equal(value(activations.softmax, far), [[0.0, 1.0]])


def test_softmax_over_one_class_is_logged(caplog):
    activations.softmax(K.placeholder((None, 2)))
    assert not caplog.records
    activations.softmax(K.placeholder((None, 1)))
    (record,) = caplog.records
    assert "softmax over one class is always 1" in record.getMessage()
    assert "use sigmoid, with binary_crossentropy" in record.getMessage()


def test_softmax_of_three_axes_is_over_the_last():
    x = np.random.randn(2, 3, 4)
    expected = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    np.testing.assert_allclose(value(activations.softmax, x), expected, rtol=1e-14)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4, 5)])
def test_softmax_refuses_other_ranks(shape):
    with pytest.raises(ShapeError, match=r"expected \(samples, classes\) or"):
        activations.softmax(K.placeholder(shape))


@pytest.mark.parametrize("alpha", [0.0, 0.3, 2.0])
def test_relu_with_a_slope_and_a_bound(alpha):
    expected = np.minimum(np.where(X > 0, X, alpha * X), 2.5)
    np.testing.assert_allclose(
        value(activations.relu, alpha=alpha, max_value=2.5), expected, rtol=1e-15
    )


@pytest.mark.parametrize("alpha", [0.0, 0.3, 2.0])
def test_the_gradient_of_relu_at_zero_is_theanos(alpha):
    gradient = slope(lambda x: K.relu(x, alpha), np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(gradient, [alpha, (1 + alpha) / 2, 1.0], rtol=1e-15)


def test_relu_takes_a_tensor_as_slope_and_keeps_nan():
    alpha = K.variable([0.5, 0.25, 1.0], "float64")
    x = K.variable([-2.0, -4.0, math.nan], "float64")
    np.testing.assert_array_equal(K.eval(K.relu(x, alpha)), [-1.0, -1.0, math.nan])


def test_hard_sigmoid_is_flat_outside():
    np.testing.assert_allclose(slope(K.hard_sigmoid, np.array([-3.0, 1.0, 3.0])), [0, 0.2, 0])


def test_get_refuses_what_it_does_not_know():
    with pytest.raises(UnknownNameError, match="activation 'relux'. Did you mean 'relu'"):
        activations.get("relux")
    with pytest.raises(UnknownNameError, match="here it is 'linear'"):
        activations.get("identity")
    with pytest.raises(ArgumentError, match="received 3"):
        activations.get(3)
    assert activations.get(None) is activations.linear
    assert activations.get(K.tanh) is K.tanh
