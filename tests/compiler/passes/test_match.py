"""Patterns: what they match, what they bind, and what their results are made of."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.passes.constants import any_constant, scalar_value
from graphc.compiler.passes.match import (
    Rewrite,
    matches,
    operations,
    variables,
)

x, y = variables("x y")
(constant,) = variables("constant", any_constant)
exp, log, where = operations("exp log where")

A = g.input((None, 3), "float32")
B = g.input((None, 3), "float32")


def bindings(pattern, node):
    return list(matches(pattern, node, {}))


def test_an_operation_matches_its_op_and_binds_its_operands():
    assert bindings(log(x), g.log(A)) == [{x: A}]
    assert bindings(log(x), g.exp(A)) == []
    assert bindings(x - y, A - B) == [{x: A, y: B}]


def test_commutative_operations_match_in_both_orders_and_others_in_one():
    assert bindings(exp(x) + y, B + g.exp(A)) == [{x: A, y: B}]
    assert bindings(x + y, A + B) == [{x: A, y: B}, {x: B, y: A}]
    assert bindings(exp(x) - y, B - g.exp(A)) == []


def test_a_repeated_variable_stands_for_one_node():
    assert bindings(x * x, A * A)
    assert not bindings(x * x, A * B)
    assert bindings((x * y) / x, (B * A) / A) == [{x: A, y: B}]


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint32", "float32", "float64"])
def test_a_number_matches_a_constant_of_any_dtype(dtype):
    node = g.input((2,), dtype)
    assert bindings(x + 1, node + 1) == [{x: node}]
    assert not bindings(x + 1, node + 2)


def test_a_number_matches_behind_broadcast_reshape_and_exact_casts():
    one = g.make("constant", value=np.array(1, "int32"))
    assert scalar_value(g.cast(g.full((2, 3), 1, "int32"), "float64")) == 1
    assert scalar_value(g.reshape(one, (1, 1))) == 1
    assert scalar_value(g.cast(g.constant(0.5, "float64"), "int32")) is None
    assert scalar_value(g.constant([1.0, 1.0])) is None
    assert scalar_value(A) is None


def test_numbers_match_by_type_nan_matches_nan_and_minus_zero_equals_zero():
    nan = g.constant(np.nan, "float32")
    assert not bindings(x + np.nan, A + nan)
    assert bindings(x + 0, A + g.constant(-0.0, "float32"))
    flag = g.input((2,), "bool")
    assert bindings(x & True, g.logical_and(flag, True)) == [{x: flag}]


def test_a_predicate_limits_what_a_variable_accepts():
    assert not bindings(x * constant, A * B)
    assert len(bindings(x * constant, A * 2.5)) == 1


def test_a_result_takes_weak_numbers_and_functions_of_the_surface():
    (softplus,) = operations("softplus")
    row = Rewrite(log(1 + exp(x)), softplus(x) * 2)
    node = g.input((3,), "float64")
    assert row(g.log(1 + g.exp(node))) is g.softplus(node) * 2
    assert row(g.log(2 + g.exp(node))) is None


def test_python_operators_on_either_side_write_patterns():
    flag, other = g.input((2,), "bool"), g.input((2,), "bool")
    assert bindings(~x & y, g.logical_and(g.logical_not(flag), other)) == [{x: flag, y: other}]
    assert bindings(1 / x, 1 / A) == [{x: A}]
    assert bindings(2**-x, g.pow(2.0, -A)) == [{x: A}]
    assert bindings(x ^ (y | x), g.logical_xor(flag, g.logical_or(other, flag)))


def test_rows_print_as_formulas():
    assert str(Rewrite(log(exp(x)), x)) == "log(exp(x)) = x"
    assert str(Rewrite(-(x - y), y - x)) == "-(x - y) = y - x"
    assert str(Rewrite(-x * y, -(x * y))) == "(-x) * y = -(x * y)"
    assert str(Rewrite(where(~x, x, y), where(x, y, x))) == "where(~x, x, y) = where(x, y, x)"
    assert str(Rewrite(x**2, x * x)) == "x ** 2 = x * x"
