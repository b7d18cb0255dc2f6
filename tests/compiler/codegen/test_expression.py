"""Expressions of C: their text by C's precedence, and what they know of themselves."""

from __future__ import annotations

import re
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from graphc.compiler.codegen.expression import (
    ONE,
    ZERO,
    Arithmetic,
    Expression,
    Number,
    Parameter,
    Variable,
    call,
    cast,
    compare,
    counting,
    either,
    end_of_part,
    every,
    expression,
    grouped,
    literal,
    minus,
    modulo,
    over,
    plus,
    rest_of_part,
    step_along,
    subscript,
    times,
    when,
)
from tests.compiler.codegen.expression_values import assert_values_in_c, value_of
from tests.native.graph_programs import needs_compiler

OPERATIONS = {
    plus: lambda x, y: x + y,
    times: lambda x, y: x * y,
    minus: lambda x, y: x - y,
    over: lambda x, y: x // y,
    modulo: lambda x, y: x % y,
}
VALUES = {"a": 0, "b": 1, "c": 5, "d": 12}
LEAVES = st.one_of(
    st.integers(0, 3).map(lambda n: (Number(n), n)),
    st.sampled_from([(Variable(name), value) for name, value in VALUES.items()]),
)
A, B, C, P, ROW, COLUMN = map(Variable, ("a", "b", "c", "p", "row", "column"))
N = Parameter("n0")


def joined(parts: tuple) -> tuple[Expression, int]:
    """An expression and its value; those of / and % are used with positive divisors only."""
    operation, (left, x), (right, y) = parts
    if operation in (over, modulo) and (x < 0 or y <= 0):
        operation = plus
    return operation(left, right), OPERATIONS[operation](x, y)


def has_quotients(value: Expression) -> bool:
    """Return True if / or % is among the operations of an expression."""
    quotient = isinstance(value, Arithmetic) and value.operation in ("/", "%")
    return quotient or any(map(has_quotients, value.operands))


EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.tuples(st.sampled_from(list(OPERATIONS)), inner, inner).map(joined),
    max_leaves=8,
)


@needs_compiler
# The second list is the first that is not all zeros. None is shrunk: each try would be a run of the
# compiler, whose message names the expression.
@settings(max_examples=2, phases=[Phase.generate])
@given(st.lists(EXPRESSIONS, min_size=100, max_size=100))
def test_text_and_operations_have_the_value(claims: list[tuple[Expression, int]]) -> None:
    """The text as a compiler reads it, by its precedence and associativity of + - * / %."""
    for found, value in claims:
        assert value_of(found, VALUES) == value
    assert_values_in_c(claims, VALUES)


def test_equal_expressions_are_one() -> None:
    assert plus(A, times(B, 2)) is plus(Variable("a"), times(Variable("b"), Number(2)))
    assert call("gc_add", A, 1) is call("gc_add", A, ONE)
    # A variable is another thing than a parameter of its name, and both than a number.
    assert len({Variable("x"), Parameter("x"), Variable("y"), Number(1), literal(1, "uint32")}) == 5
    assert literal(0.0, "float32") is not literal(-0.0, "float32")
    assert literal(float("nan"), "float64") is literal(float("nan"), "float64")


def test_an_expression_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError, match="operation"):
        plus(A, B).operation = "-"


def test_threads_make_one_expression() -> None:
    at_once = threading.Barrier(4)

    def make(_: int) -> list[Expression]:
        at_once.wait()
        return [plus(times(Variable(f"v{k}"), k + 2), Parameter("n9")) for k in range(500)]

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(make, range(4))
    for other in others:
        assert all(one is another for one, another in zip(first, other, strict=True))


def test_the_table_keeps_nothing_alive() -> None:
    """Neither what is gone, nor what that was made from."""
    found: Expression = Variable("of_this_test")
    for k in range(50):
        found = call("gc_of_this_test", found, k)
    gone = weakref.ref(found.operands[0])
    del found
    assert gone() is None


def test_trivial_parts_are_left_out() -> None:
    assert plus(times(ROW, 1), 0) is ROW
    assert times(2, 3) is Number(6)
    assert times(plus(A, B), 0) is ZERO
    assert over(modulo(P, 1), 4) is ZERO
    assert minus(7, 2) is Number(5)
    assert str(over(plus(A, B), 4)) == "(a + b) / 4"
    # A number of another dtype is none that is reckoned with.
    assert str(times(literal(1, "int64"), A)) == "1LL * a"


def test_a_value_without_elements_has_no_places() -> None:
    assert over(P, 0) is modulo(P, 0) is ZERO


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (minus(A, plus(B, C)), "a - (b + c)"),
        (minus(plus(A, B), 3), "a + b - 3"),
        (times(plus(A, 1), N), "(a + 1) * n0"),
        (modulo(over(A, N), 4), "(a / n0) % 4"),
        (plus(times(A, N), B), "a * n0 + b"),
        (subscript("x0", plus(A, 1)), "x0[a + 1]"),
        (subscript(Variable("e3"), 0), "e3[0]"),
        (call("gc_max<int>", A, minus(B, 1)), "gc_max<int>(a, b - 1)"),
        (call("gc_zero"), "gc_zero()"),
        (either(compare(A, "<", 3), B, 0), "a < 3 ? b : 0"),
        (every([compare(A, ">=", 0), compare(A, "<", N)]), "a >= 0 && a < n0"),
        (times(cast("size_t", plus(A, 1)), N), "(size_t)(a + 1) * n0"),
        (cast("size_t", A), "(size_t)a"),
        (grouped(plus(A, B)), "(a + b)"),
        (grouped(A), "a"),
        (grouped(Number(-3)), "(-3)"),
        (expression("-{}", A), "-a"),
        (Number(-(2**31)), "(-2147483647 - 1)"),
    ],
)
def test_text(found: Expression, text: str) -> None:
    assert str(found) == text


@given(EXPRESSIONS)
def test_an_expression_knows_the_variables_in_it(found: tuple[Expression, int]) -> None:
    value, _ = found
    assert {str(one) for one in value.reads} == set(re.findall(r"[a-d]", str(value)))


def test_what_is_put_together_reads_what_its_parts_read() -> None:
    at = plus(times(ROW, 10), COLUMN)
    load = subscript("x0", at)
    assert load.reads == {ROW, COLUMN}
    assert call("gc_add", load, A).reads == {ROW, COLUMN, A}
    test = when([compare(A, ">=", 0), compare(B, "<", N)])
    assert str(test) == "if (a >= 0 && b < n0)"
    assert test is not None
    assert test.reads == {A, B}
    assert when([]) is every([None]) is None
    assert times(load, 0).reads == set()
    assert cast("int", either(A, B, C)).reads == {A, B, C}


@given(EXPRESSIONS, st.sampled_from("abcd"))
def test_a_step_is_what_a_variable_adds(found: tuple[Expression, int], name: str) -> None:
    """Where there are neither quotients nor rests, by computing both values."""
    value, number = found
    step = step_along(value, Variable(name))
    if has_quotients(value) or step is None:
        return
    assert value_of(value, {**VALUES, name: VALUES[name] + 1}) - number == step


@pytest.mark.parametrize(
    ("position", "step"),
    [
        (P, 1),
        (plus(times(ROW, 10), P), 1),
        (plus(P, 3), 1),
        (minus(9, P), -1),
        (plus(times(P, 10), ROW), 10),
        (times(P, N), None),
        (call("gc_first_window", P), None),
        (over(P, 10), 0),
        (plus(times(over(P, 10), 20), modulo(P, 10)), 0),
        (ROW, 0),
        (N, 0),
        (Parameter("p"), 0),
    ],
)
def test_how_far_a_position_moves(position: Expression, step: int | None) -> None:
    assert step_along(position, P) == step


@given(EXPRESSIONS, st.sampled_from("abcd"), st.integers(-3, 3))
def test_a_step_counts_what_others_add(
    found: tuple[Expression, int], name: str, other: int
) -> None:
    """Variables that are made from the one move with it; an exact step holds for quotients too."""
    value, number = found
    second = {"a": "b", "b": "c", "c": "d", "d": "a"}[name]
    step = step_along(value, Variable(name), {Variable(second): other}, exact=True)
    if step is None:
        return
    moves = {**VALUES, name: VALUES[name] + 1, second: VALUES[second] + other}
    assert value_of(value, moves) - number == step


def test_a_step_that_is_not_known_is_none() -> None:
    i = Variable("i3")
    position = plus(times(i, 4), P)
    assert step_along(position, P, {i: 2}) == 9
    assert step_along(position, P, {i: 0}) == 1
    assert step_along(position, P, {i: None}) is None
    assert step_along(over(i, 4), P, {i: 4}) == 0
    assert step_along(over(i, 4), P, {i: 4}, exact=True) is None


def test_loops_count() -> None:
    begin, part = Parameter("begin"), Variable("part")
    assert str(counting(A, 5)) == "for (int a = 0; a < 5; ++a)"
    assert str(counting(part, N, begin, 64)) == "for (int part = begin; part < n0; part += 64)"
    assert str(rest_of_part(N, part, 64)) == "n0 - part < 64 ? n0 - part : 64"
    assert str(end_of_part(N, part, 64)) == "n0 - part < 64 ? n0 : part + 64"
