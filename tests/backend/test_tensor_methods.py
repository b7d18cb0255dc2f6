"""Methods of Theano's tensors on nodes, against NumPy's functions of those names."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.backend.tensor_methods import METHODS
from graphc.errors import ArgumentError, DTypeError

X = np.random.RandomState(0).normal(size=(2, 3, 1)).astype("float32")
ONES = np.ones((3, 2), "float32")

CASES = {
    "sum": (lambda x: x.sum(axis=1), X.sum(axis=1)),
    "mean": (
        lambda x: x.mean(axis=(0, 2), keepdims=True),
        X.mean(axis=(0, 2), keepdims=True),
    ),
    "max": (lambda x: x.max(), X.max()),
    "min": (lambda x: x.min(axis=-1), X.min(axis=-1)),
    "prod": (lambda x: x.prod(axis=0), X.prod(axis=0)),
    "std": (lambda x: x.std(axis=1), X.std(axis=1)),
    "var": (lambda x: x.var(axis=1, keepdims=True), X.var(axis=1, keepdims=True)),
    "any": (lambda x: (x > 0).any(axis=0), (X > 0).any(axis=0)),
    "all": (lambda x: (x > 0).all(axis=0), (X > 0).all(axis=0)),
    "argmax": (lambda x: x.argmax(), X.argmax()),
    "argmax of an axis": (lambda x: x.argmax(axis=0), X.argmax(axis=0)),
    "argmin": (lambda x: x.argmin(), X.argmin()),
    "argmin of an axis": (lambda x: x.argmin(axis=1), X.argmin(axis=1)),
    "flatten": (lambda x: x.flatten(), X.ravel()),
    "flatten to axes": (lambda x: x.flatten(ndim=2), X.reshape(2, 3)),
    "reshape": (lambda x: x.reshape((3, 2)), X.reshape(3, 2)),
    "reshape to sizes": (lambda x: x.reshape(3, -1), X.reshape(3, 2)),
    "transpose": (lambda x: x.transpose(1, 0, 2), X.transpose(1, 0, 2)),
    "transpose of all": (lambda x: x.transpose(), X.T),
    "dimshuffle": (lambda x: x.dimshuffle(1, "x", 0), X[:, :, 0].T[:, None, :]),
    "dimshuffle of a tuple": (lambda x: x.dimshuffle((0, 1, "x", 2)), X[:, :, None, :]),
    "repeat": (lambda x: x.repeat(3), X.repeat(3)),
    "repeat along an axis": (lambda x: x.repeat(2, axis=1), X.repeat(2, axis=1)),
    "repeat along the first": (lambda x: x.repeat(2, axis=0), X.repeat(2, axis=0)),
    "norm": (lambda x: x.norm(2, axis=1), np.linalg.norm(X, axis=1)),
    "norm of another order": (lambda x: x.norm(3), (abs(X) ** 3).sum() ** (1 / 3)),
    "clip": (lambda x: x.clip(-0.5, 0.5), X.clip(-0.5, 0.5)),
    "dot": (lambda x: x[:, :, 0].dot(K.variable(ONES)), X[:, :, 0] @ ONES),
    "astype": (lambda x: x.astype("int32"), X.astype("int32")),
    "round": (lambda x: (10 * x).round(), (10 * X).round()),
}


@pytest.mark.parametrize("case", CASES)
def test_values(case):
    call, expected = CASES[case]
    x = K.placeholder((2, 3, 1))
    (found,) = K.function([x], [call(x)])([X])
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_every_method_is_tested():
    others = {"eval", "get_shape", "get_value", "set_value"}
    assert {case.split()[0] for case in CASES} == METHODS.keys() - others
    assert K.placeholder((None, 3)).get_shape().as_list() == [None, 3]


def test_values_of_variables_and_expressions():
    v, x = K.variable([3.0, 4.0]), K.placeholder((None, 2))
    assert v.eval().tolist() == v.get_value(borrow=True).tolist() == [3.0, 4.0]
    assert (v * 2).eval().tolist() == [6.0, 8.0]
    assert (x + v).eval({x: [[1, 2]]}).tolist() == [[4.0, 6.0]]
    mine = np.array([5.0, 6.0], "float32")
    v.set_value(mine, borrow=True)
    mine[:] = v.get_value(borrow=True)[:] = 0.0
    assert v.get_value().tolist() == [5.0, 6.0]
    for mistake in ((x + v).get_value, lambda: v.get_value(return_internal_type=True)):
        with pytest.raises(DTypeError):
            mistake()
    with pytest.raises(ArgumentError, match="the graph needs"):
        (x + v).eval()


@pytest.mark.parametrize("ndim", [0, 4])
def test_flattening_to_more_axes_than_there_are(ndim):
    with pytest.raises(ArgumentError, match=f"ndim: expected 1 to 3, received {ndim}"):
        K.placeholder((2, 3, 1)).flatten(ndim)


def test_what_is_no_method():
    with pytest.raises(AttributeError, match="no attribute 'meen'; K's functions"):
        K.placeholder((2, 3, 1)).meen(axis=1)
    assert not hasattr(K.placeholder((2,)), "_own")
