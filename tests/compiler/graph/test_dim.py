"""Dim arithmetic agrees with integers, and its normal form decides equality."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.graph.dim import (
    Dim,
    ceil_divide,
    evaluate,
    exact_quotient,
    minimum_value,
    substitute,
    symbol,
    symbols,
)
from graphc.errors import ShapeError

SIZES = [symbol(name) for name in ("a", "b", "c")]
SYMBOLS = [symbols(size)[0] for size in SIZES]
values = st.lists(st.integers(1, 50), min_size=3, max_size=3)


def grow(inner: st.SearchStrategy) -> st.SearchStrategy:
    two = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(st.just("+"), two),
        st.tuples(st.just("-"), two),
        st.tuples(st.just("*"), two),
        st.tuples(st.just("//"), st.tuples(inner, st.integers(1, 7))),
    )


leaves = st.one_of(st.integers(-5, 9), st.sampled_from(SIZES))
expressions = st.recursive(leaves, grow, max_leaves=8)


def work_out(expression: object, leaf) -> object:
    """The expression with Python's operators over what `leaf` gives."""
    if not isinstance(expression, tuple):
        return leaf(expression)
    operator, (left, right) = expression
    a, b = work_out(left, leaf), work_out(right, leaf)
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "//": lambda: a // b}[
        operator
    ]()


@given(expressions, values)
def test_arithmetic_agrees_with_integers(expression, numbers):
    size = work_out(expression, lambda leaf: leaf)
    known = dict(zip(SYMBOLS, numbers, strict=True))
    by_size = dict(zip(SIZES, numbers, strict=True))
    expected = work_out(expression, lambda leaf: by_size.get(leaf, leaf))
    assert evaluate(size, known) == expected
    assert substitute(size, known) == expected
    least = minimum_value(size)
    assert least is None or least <= expected
    assert isinstance(size, int) or symbols(size)


@given(expressions, expressions, expressions)
def test_equal_polynomials_are_equal(x, y, z):
    a, b, c = (work_out(expression, lambda leaf: leaf) for expression in (x, y, z))
    for left, right in (
        (a + b, b + a),
        (a * b, b * a),
        ((a + b) * c, a * c + b * c),
        (a - b, -(b - a)),
        ((a + b) - b, a),
    ):
        assert left == right
        assert hash(left) == hash(right)
        assert str(left) == str(right)


@given(st.integers(-40, 40), st.integers(1, 9), values)
def test_whole_parts_leave_a_quotient(offset, divisor, numbers):
    a = SIZES[0]
    known = dict(zip(SYMBOLS, numbers, strict=True))
    assert (divisor * a) // divisor == a
    assert (divisor * a + offset) // divisor == a + offset // divisor
    assert evaluate(ceil_divide(a + offset, divisor), known) == -((-numbers[0] - offset) // divisor)


def test_what_works_out_is_an_int():
    a, b, _ = SIZES
    assert type(a - a) is int
    assert (a * b) // b is a or (a * b) // b == a
    assert isinstance(a + 1, Dim)
    assert symbol("a") != a
    with pytest.raises(ShapeError, match="truth value"):
        bool(a)
    with pytest.raises(ShapeError, match="by zero"):
        a // 0


def test_normal_form_distinguishes_symbols_of_one_name():
    first, second = symbol("n"), symbol("n")
    assert first // 2 + second // 2 == second // 2 + first // 2
    assert (first // 2) * (second // 2) == (second // 2) * (first // 2)
    assert first // 2 != second // 2


def test_nothing_divided_is_nothing():
    assert 0 // symbol("n") == 0


@given(expressions, expressions)
def test_a_product_is_divided_by_each_of_its_factors(one, another):
    a, b = (work_out(expression, lambda leaf: leaf) for expression in (one, another))
    if b != 0:
        assert exact_quotient(a * b, b) == a


def test_what_leaves_a_rest_has_no_exact_quotient():
    a, b, _ = SIZES
    assert exact_quotient((a - 1) * b * 6, (a - 1) * 2) == 3 * b
    assert exact_quotient(a * a - b * b, a + b) == a - b
    for numerator, denominator in (
        (a * b, a - 1),
        ((a - 1) * b, (a - 1) * 2),
        (a * a + b * b, a + b),
        (6, a - 1),
    ):
        assert exact_quotient(numerator, denominator) is None


def test_quotients_are_printed_as_python_reads_them():
    n, m = symbol("n"), symbol("m")
    assert str((n + 15) // 16) == "(n + 15) // 16"
    assert str(n // (m * 2)) == "n // (2*m)"
    assert str(n - 16 * (n // 16)) == "n - 16*(n // 16)"
    assert str(-(n // 3)) == "-(n // 3)"
