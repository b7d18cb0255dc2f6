"""Expressions of C: their text by C's precedence, and what they know of themselves."""

from __future__ import annotations

import re

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from graphc.compiler.codegen.expression import (
    Expression,
    call,
    counting,
    end_of_part,
    expression,
    local,
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
    st.integers(0, 3).map(lambda n: (Expression(str(n)), n)),
    st.sampled_from([(local(name), value) for name, value in VALUES.items()]),
)


def joined(parts: tuple) -> tuple[Expression, int]:
    """An expression and its value; those of / and % are used with positive divisors only."""
    operation, (left, x), (right, y) = parts
    if operation in (over, modulo) and (x < 0 or y <= 0):
        operation = plus
    return operation(left, right), OPERATIONS[operation](x, y)


def has_quotients(text: str) -> bool:
    """Return True if / or % is among the operations of an expression."""
    if not isinstance(text, Expression):
        return False
    return text.operation in ("/", "%") or any(map(has_quotients, text.operands))


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
    for text, value in claims:
        assert value_of(text, VALUES) == value
    assert_values_in_c(claims, VALUES)


def test_trivial_parts_are_left_out() -> None:
    assert plus(times("row", "1"), "0") == "row"
    assert times("2", "3") == "6"
    assert times("a + b", "0") == "0"
    assert over(modulo("i", "1"), "4") == "0"
    assert minus("7", "2") == "5"
    assert over("a + b", "4") == "(a + b) / 4"


def test_a_value_without_elements_has_no_places() -> None:
    assert over("i", "0") == modulo("i", "0") == "0"


@given(EXPRESSIONS)
def test_an_expression_knows_the_variables_in_it(found: tuple[Expression, int]) -> None:
    text, _ = found
    assert text.reads == set(re.findall(r"[a-d]", text))


def test_what_is_put_together_reads_what_its_parts_read() -> None:
    at = plus(times(local("row"), "10"), local("column"))
    load = subscript("x0", at)
    assert load == "x0[row * 10 + column]"
    assert load.reads == {"row", "column"}
    assert call("gc_add", load, local("t1")).reads == {"row", "column", "t1"}
    test = when([expression("{} >= 0", local("i3")), expression("{} < {}", local("i4"), "n0")])
    assert test == "if (i3 >= 0 && i4 < n0)"
    assert test.reads == {"i3", "i4"}
    assert when([]) == ""
    assert times(load, "0").reads == set()


@given(EXPRESSIONS, st.sampled_from("abcd"))
def test_a_step_is_what_a_variable_adds(found: tuple[Expression, int], name: str) -> None:
    """Where there are neither quotients nor rests, by computing both values."""
    text, value = found
    step = step_along(text, name)
    if has_quotients(text) or step is None:
        return
    assert value_of(text, {**VALUES, name: VALUES[name] + 1}) - value == step


@pytest.mark.parametrize(
    ("position", "step"),
    [
        (local("p"), 1),
        (plus(times(local("row"), "10"), local("p")), 1),
        (plus(local("p"), "3"), 1),
        (minus("9", local("p")), -1),
        (plus(times(local("p"), "10"), local("row")), 10),
        (times(local("p"), "n0"), None),
        (call("gc_first_window", local("p")), None),
        (over(local("p"), "10"), 0),
        (plus(times(over(local("p"), "10"), "20"), modulo(local("p"), "10")), 0),
        (local("row"), 0),
        ("n0", 0),
    ],
)
def test_how_far_a_position_moves(position: str, step: int | None) -> None:
    assert step_along(position, "p") == step


@given(EXPRESSIONS, st.sampled_from("abcd"), st.integers(-3, 3))
def test_a_step_counts_what_others_add(
    found: tuple[Expression, int], name: str, other: int
) -> None:
    """Variables that are made from the one move with it; an exact step holds for quotients too."""
    text, value = found
    second = {"a": "b", "b": "c", "c": "d", "d": "a"}[name]
    step = step_along(text, name, {second: other}, exact=True)
    if step is None:
        return
    moves = {**VALUES, name: VALUES[name] + 1, second: VALUES[second] + other}
    assert value_of(text, moves) - value == step


def test_a_step_that_is_not_known_is_none() -> None:
    position = plus(times(local("i3"), "4"), local("p"))
    assert step_along(position, "p", {"i3": 2}) == 9
    assert step_along(position, "p", {"i3": 0}) == 1
    assert step_along(position, "p", {"i3": None}) is None
    assert step_along(over(local("i3"), "4"), "p", {"i3": 4}) == 0
    assert step_along(over(local("i3"), "4"), "p", {"i3": 4}, exact=True) is None


def test_loops_count() -> None:
    assert counting("r0", "5") == "for (int r0 = 0; r0 < 5; ++r0)"
    assert counting("part", "n0", "begin", "64") == "for (int part = begin; part < n0; part += 64)"
    assert rest_of_part("n0", "part", "64") == "n0 - part < 64 ? n0 - part : 64"
    assert end_of_part("n0", "part", "64") == "n0 - part < 64 ? n0 : part + 64"
