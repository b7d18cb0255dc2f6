"""The pointwise functions of the expression surface: values, broadcasting and dtypes as NumPy has
them, and where they are our own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.expressions import pointwise
from graphc.compiler.interpret import evaluate

LEFT = np.array([[-2.5, 0.0, 1.5], [3.0, -1.0, 2.5]])
RIGHT = np.array([-2.0, 1.0, 3.0])  # none is 0, so each divides
ABOVE_ZERO = np.array([[0.25, 1.0, 1.5], [3.0, 7.0, 2.5]])

ARITHMETIC = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "floordiv": np.floor_divide,
    "mod": np.mod,
    "maximum": np.maximum,
    "minimum": np.minimum,
}
COMPARISONS = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}
LOGICAL = {
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}
KEEP_DTYPE = {"neg": np.negative, "abs": np.abs, "sign": np.sign, "square": np.square}
WHOLE = {"floor": np.floor, "ceil": np.ceil, "round": np.round}
OF_FLOATS = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "erf": np.vectorize(math.erf),
    "sin": np.sin,
    "cos": np.cos,
    "softplus": lambda x: np.log(1 + np.exp(x)),
}
OTHERS = {
    *("div", "pow", "clip", "where", "logical_not", "isnan", "isfinite"),
    *("alias", "stop_gradient", "own_batch", "print_tensor"),
}


def value(function, *arrays: object) -> np.ndarray:
    """Return the value of a function of the surface for arrays, which are inputs, and for
    numbers."""
    inputs = [g.input(x.shape, x.dtype.name) if isinstance(x, np.ndarray) else x for x in arrays]
    feeds = {
        node: array for node, array in zip(inputs, arrays, strict=True)
        if isinstance(array, np.ndarray)
    }  # fmt: skip
    return evaluate([function(*inputs)], feeds)[0]


def check(found: np.ndarray, expected: np.ndarray, dtype: str) -> None:
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo("float32").eps)


def test_every_function_is_tested() -> None:
    tested = {*ARITHMETIC, *COMPARISONS, *LOGICAL, *KEEP_DTYPE, *WHOLE, *OF_FLOATS, *OTHERS}
    public = {
        name for name, one in vars(pointwise).items()
        if getattr(one, "__module__", "") == pointwise.__name__ and not name.startswith("_")
    }  # fmt: skip
    assert public == tested


@pytest.mark.parametrize("dtype", ["float64", "int32", "bool"])
@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS, *LOGICAL])
def test_two_arrays(name: str, dtype: str) -> None:
    """Bools are numbers where they are computed with."""
    numpys = {**ARITHMETIC, **COMPARISONS, **LOGICAL}[name]
    left, right = LEFT.astype(dtype), RIGHT.astype(dtype)
    as_numbers = [x.astype("int32") if dtype == "bool" else x for x in (left, right)]
    result = ("int32" if dtype == "bool" else dtype) if name in ARITHMETIC else "bool"
    check(value(getattr(g, name), left, right), numpys(*as_numbers), result)
    column, row = as_numbers[0][:, 2:], as_numbers[1]  # neither has all axes
    check(value(getattr(g, name), right, left[:, 2:]), numpys(row, column), result)


@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS])
def test_a_number_takes_the_dtype_of_the_array(name: str) -> None:
    numpys = {**ARITHMETIC, **COMPARISONS}[name]
    for dtype, number in (("float64", 0.7), ("int64", 2)):
        result = dtype if name in ARITHMETIC else "bool"
        array = ABOVE_ZERO.astype(dtype) + 1
        check(value(getattr(g, name), array, number), numpys(array, number), result)
        check(value(getattr(g, name), number, array), numpys(number, array), result)


@pytest.mark.parametrize("name", KEEP_DTYPE)
def test_functions_that_keep_the_dtype(name: str) -> None:
    for dtype in ("float32", "float64", "int32", "int64"):
        check(
            value(getattr(g, name), LEFT.astype(dtype)), KEEP_DTYPE[name](LEFT.astype(dtype)), dtype
        )


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers(name: str) -> None:
    check(value(getattr(g, name), LEFT), WHOLE[name](LEFT), "float64")  # halves to even
    check(value(getattr(g, name), LEFT.astype("int32")), LEFT.astype("int32"), "int32")


@pytest.mark.parametrize("name", OF_FLOATS)
def test_functions_of_floats(name: str) -> None:
    """Ints become floatX."""
    check(value(getattr(g, name), ABOVE_ZERO), OF_FLOATS[name](ABOVE_ZERO), "float64")
    ints = np.array([1, 2, 3], "int32")
    check(value(getattr(g, name), ints), OF_FLOATS[name](ints), "float32")


def test_softplus_does_not_overflow() -> None:
    found = value(g.softplus, np.array([-1000.0, 1000.0]))
    np.testing.assert_array_equal(found, [0.0, 1000.0])


def test_quotients_are_floats() -> None:
    check(value(g.div, LEFT, RIGHT), LEFT / RIGHT, "float64")
    left, right = np.array([1, 2, -3], "int32"), np.array([2, 4, 2], "int32")
    check(value(g.div, left, right), [0.5, 0.5, -1.5], "float32")
    check(value(g.div, left, True), [1.0, 2.0, -3.0], "float32")


def test_powers() -> None:
    check(value(g.pow, ABOVE_ZERO, RIGHT), ABOVE_ZERO**RIGHT, "float64")
    check(value(g.pow, np.array([2, 3], "int32"), np.array([3, 2], "int32")), [8, 9], "int32")


def test_bounds() -> None:
    check(value(g.clip, LEFT, -1.0, 2.0), np.clip(LEFT, -1, 2), "float64")
    low = np.array([2.0, 0.0, 0.0])
    check(value(g.clip, LEFT, low, 1.0), [[1, 0, 1], [1, 0, 1]], "float64")


def test_choices() -> None:
    chosen = np.array([True, False, True])
    check(value(g.where, chosen, LEFT, RIGHT), np.where(chosen, LEFT, RIGHT), "float64")
    numbers = np.array([2, 0, -1], "int32")  # true where they are not 0
    check(value(g.where, numbers, LEFT, RIGHT), np.where(chosen, LEFT, RIGHT), "float64")
    ints = np.array([1, 2, 3], "int32")
    check(value(g.where, chosen, ints, 0.5), [1.0, 0.5, 3.0], "float32")
    assert value(g.logical_not, numbers).tolist() == [False, True, False]
    assert value(g.logical_not, chosen).tolist() == [False, True, False]


def test_what_is_no_number() -> None:
    x = np.array([1.0, np.nan, np.inf, -np.inf])
    assert value(g.isnan, x).tolist() == [False, True, False, False]
    assert value(g.isfinite, x).tolist() == [True, False, False, False]
    for function in (g.minimum, g.maximum):
        assert np.isnan(value(function, x, 0.0)).tolist() == [False, True, False, False]


@pytest.mark.parametrize("function", [g.alias, g.stop_gradient, g.own_batch, g.print_tensor])
def test_nodes_with_the_value_of_another(function) -> None:
    x = g.input((3,), "float64")
    assert function(x) is not x
    np.testing.assert_array_equal(evaluate([function(x)], {x: RIGHT})[0], RIGHT)


def test_an_alias_is_equal_to_no_other_one() -> None:
    x = g.input((3,), "float64")
    assert g.stop_gradient(x) is g.stop_gradient(x)
    assert g.alias(x) is not g.alias(x)
