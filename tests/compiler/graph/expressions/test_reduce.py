"""The reductions of the expression surface, against NumPy's functions of those names."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.errors import ShapeError

X = np.random.default_rng(0).normal(size=(2, 3, 4)).round(1)
SAME_DTYPE = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
TRUTH = {"any": np.any, "all": np.all}
POSITIONS = {"argmax": np.argmax, "argmin": np.argmin}
OF_FLOATS = {
    "mean": np.mean,
    "own_mean": np.mean,
    "var": np.var,
    "own_var": np.var,
    "std": np.std,
    "logsumexp": lambda x, axis=None, keepdims=False: np.log(
        np.sum(np.exp(x), axis, keepdims=keepdims)
    ),
}
AXES = [None, 0, -1, 1, (0, 2), (2, 1), [0, 1, 2]]


def value(name: str, x: np.ndarray, *arguments: object, **keywords: object) -> np.ndarray:
    node = g.input(x.shape, x.dtype.name)
    return evaluate([getattr(g, name)(node, *arguments, **keywords)], {node: x})[0]


def check(found: np.ndarray, expected: np.ndarray, dtype: str) -> None:
    assert (found.dtype, found.shape) == (dtype, np.shape(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def as_numpys(axis: object) -> object:
    return tuple(axis) if isinstance(axis, list) else axis


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", [*SAME_DTYPE, *OF_FLOATS])
def test_axes(name: str, axis: object) -> None:
    numpys = {**SAME_DTYPE, **OF_FLOATS}[name]
    expected = numpys(X, as_numpys(axis))
    check(value(name, X, axis), expected, "float64")
    kept = numpys(X, as_numpys(axis), keepdims=True)
    check(value(name, X, axis, keepdims=True), kept, "float64")


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", TRUTH)
def test_truth(name: str, axis: object) -> None:
    """Numbers are true where they are not 0."""
    for x in (X > 0, X.round().astype("int32"), X.round()):
        expected = TRUTH[name](x, as_numpys(axis))
        check(value(name, x, axis), expected, "bool")
        check(value(name, x, axis, True), TRUTH[name](x, as_numpys(axis), keepdims=True), "bool")


@pytest.mark.parametrize("name", POSITIONS)
def test_positions(name: str) -> None:
    for axis in (None, 0, 1, -1):
        check(value(name, X, axis), POSITIONS[name](X, axis), "int32")
    kept = POSITIONS[name](X, 1, keepdims=True)
    check(value(name, X, 1, keepdims=True), kept, "int32")
    # Over several axes they are counted in C order.
    several = POSITIONS[name](X.transpose(1, 0, 2).reshape(3, 8), 1)
    check(value(name, X, (0, 2)), several, "int32")


@pytest.mark.parametrize(("dtype", "kept"), [("int32", "int32"), ("bool", "int32")])
def test_dtypes(dtype: str, kept: str) -> None:
    x = np.array([[1, 0, 2], [1, 1, 1]]).astype(dtype)
    numbers = x.astype(kept)
    for name, numpys in SAME_DTYPE.items():
        check(value(name, x, 1), numpys(numbers, 1), kept)
    for name in ("mean", "var", "std", "own_mean", "own_var"):
        check(value(name, x, 1), OF_FLOATS[name](numbers, 1), "float32")


def test_without_axes_nothing_is_reduced() -> None:
    for name in SAME_DTYPE:
        check(value(name, X, ()), X, "float64")
    check(value("var", X, ()), np.zeros_like(X), "float64")


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax(axis: int) -> None:
    large = X + 1000.0  # whose exponentials overflow
    weights = np.exp(X) / np.exp(X).sum(axis, keepdims=True)
    check(value("softmax", large, axis), weights, "float64")
    check(value("softmax", X), np.exp(X) / np.exp(X).sum(-1, keepdims=True), "float64")


def test_logarithms_of_sums_that_overflow() -> None:
    check(value("logsumexp", X + 1000.0), 1000.0 + np.log(np.exp(X).sum()), "float64")
    x = np.array([[-np.inf, -np.inf], [np.inf, 0.0], [0.0, -np.inf]])
    check(value("logsumexp", x, 1), [-np.inf, np.inf, 0.0], "float64")


def test_one_hot_rows() -> None:
    numbers = np.array([[0, 2], [3, -1]], "int32")
    rows = np.array([[[1, 0, 0], [0, 0, 1]], [[0, 0, 0], [0, 0, 0]]])
    check(value("one_hot", numbers, 3), rows, "float32")
    check(value("one_hot", numbers, 3, "int32"), rows, "int32")
    check(evaluate([g.iota(4)], {})[0], np.arange(4), "int32")
    check(evaluate([g.iota(3, "int64")], {})[0], np.arange(3), "int64")


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        (3, "sum: axis 3 does not exist, the input has 3 axes"),
        (-4, "sum: axis -4 does not exist"),
        ((0, -3), r"sum: an axis is named twice in \(0, -3\)"),
        (1.0, r"sum: an axis is an int, received 1\.0"),
        ("0", "sum: an axis is an int, received '0'"),
    ],
)
def test_axes_that_are_none(axis: object, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        g.sum(g.input((2, 3, 4)), axis)
