"""C text that is broken where its expression says."""

from __future__ import annotations

import pytest

from graphc.compiler.targets.marks import with_name_and_notes
from graphc.compiler.targets.page import (
    WIDTH,
    Break,
    Fragment,
    call,
    choice,
    code,
    compared,
    conjunction,
    lines,
    listed,
    product,
    quotient,
    total,
)

A, B, C = code("a"), code("b"), code("c")
GETS = Fragment(" = ", Break.ASSIGNMENT)


def complete(found: list[str]) -> list[str]:
    """Return lines with their comments in place."""
    return with_name_and_notes("\n".join(found), "").split("\n")


def test_operands_are_in_parentheses_where_their_operator_binds_less() -> None:
    both = total([(True, A), (False, B)])
    assert str(product([both, C])) == "(a - b) * c"
    assert str(product([A, quotient(B, C)])) == "a * (b / c)"
    assert str(quotient(product([A, B]), C, "%")) == "a * b % c"
    assert str(total([(True, A), (False, both)])) == "a - (a - b)"
    assert str(total([(True, A), (True, both)])) == "a + a - b"
    assert str(total([(False, both), (True, C)])) == "-(a - b) + c"
    test = conjunction([compared(both, ">=", C), compared(A, "<", B)])
    assert str(choice(test, A, choice(test, B, C))) == (
        "a - b >= c && a < b ? a : a - b >= c && a < b ? b : c"
    )
    assert str(product([choice(test, A, B), C])) == "(a - b >= c && a < b ? a : b) * c"


def test_a_short_line_stays_with_its_comment() -> None:
    found = lines([A, GETS, B, ";"], "  ", "dense_1")
    assert complete(found) == ["  a = b;  // dense_1"]


def test_a_line_is_broken_inside_of_as_few_brackets_as_can_be() -> None:
    inner = call("inner", *[code("word")] * 4)
    found = lines(["x", GETS, call("gc_add", inner, inner, inner), ";"], "  ")
    assert found == [
        "  x =",
        "      gc_add(inner(word, word, word, word), inner(word, word, word, word),",
        "          inner(word, word, word, word));",
    ]
    assert all(len(line) <= WIDTH for line in found)


def test_what_has_no_place_to_be_broken_at_stays() -> None:
    assert lines(["x" * 90], "") == ["x" * 90]


def test_a_comment_without_room_stands_above() -> None:
    assert complete(lines(["y" * 70, ";"], "  ", "a long name of a layer")) == [
        "  // a long name of a layer",
        "  " + "y" * 70 + ";",
    ]


def test_a_directive_goes_on_behind_a_backslash() -> None:
    clause = Fragment(" ", Break.COMMA), code("if (" + "n" * 40 + ")")
    found = lines(["#pragma omp parallel for schedule(static)", *clause], "  ", broken=" \\")
    assert found == [
        "  #pragma omp parallel for schedule(static) \\",
        "      if (" + "n" * 40 + ")",
    ]


@pytest.mark.parametrize("count", [0, 1, 12])
def test_parameters_fill_lines(count: int) -> None:
    text = listed([f"const float* x{k}" for k in range(count)], "    ", ") {")
    assert text.count("const float*") == count
    assert all(len(line) <= WIDTH - len(") {") for line in text.split("\n"))
    assert "".join(text.split("\n")).count(",") == max(count - 1, 0)
