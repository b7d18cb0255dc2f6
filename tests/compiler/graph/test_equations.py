"""Which symbols equalities between sizes settle."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.graph import equations
from graphc.compiler.graph.checks import SizeClaim
from graphc.compiler.graph.dim import Size, Symbol, evaluate, substitute, symbol, symbols
from graphc.compiler.graph.equations import settle, values
from graphc.errors import ShapeError

A, B, C, D = (symbol(name) for name in "abcd")


def of(*sizes: Size) -> list[Symbol]:
    return [one for size in sizes for one in symbols(size)]


def settled(*equal: tuple[Size, Size], known: tuple[Size, ...] = (A, B, C, D)) -> dict[str, Size]:
    claims = [SizeClaim(left, "==", right, "a test") for left, right in equal]
    return {str(one): size for one, size in settle(claims, of(*known)).items()}


def test_the_example() -> None:
    assert not doctest.testmod(equations, extraglobs={"symbol": symbol}).failed


def test_the_known_and_the_first_stay() -> None:
    assert settled((A, 4)) == {"a": 4}
    assert settled((B, A)) == settled((A, B)) == {"b": A}
    assert settled((A, B), known=(B,)) == {"a": B}
    assert settled((A, B), (B, C), (C, 5)) == {"a": 5, "b": 5, "c": 5}
    assert settled((A - B, 3), (B, 2)) == {"a": 5, "b": 2}


def test_factors_and_what_both_sides_have() -> None:
    assert settled((A * B, A * C)) == {"c": B}
    assert settled((2 * A, 8)) == {"a": 4}
    assert settled((3 * A, B)) == {"b": 3 * A}
    assert settled(((A + 1) // 2, B)) == {"b": (A + 1) // 2}
    assert settled((A * B, 2 * C + D), known=(A, B, C)) == {"d": A * B - 2 * C}


def test_an_equation_that_settles_nothing_yet_may_later() -> None:
    assert settled((A * B, 12), (A, 3)) == {"a": 3, "b": 4}


@pytest.mark.parametrize(
    ("left", "right"), [(A * B, C * D), (2 * A, 3 * B), (A // 2, 4), (A * A, B * B)]
)
def test_what_only_a_call_can_compare(left: Size, right: Size) -> None:
    assert settled((left, right)) == {}


@pytest.mark.parametrize(
    ("equal", "message"),
    [
        ([(A, 4), (A, 5)], r"needs a == 5, which holds for no sizes.*needs a = 4"),
        ([(A, A + 1)], "needs a == a \\+ 1, which"),
        ([(A, 0)], "needs a == 0"),
        ([(A, B - 3), (B, 2)], "needs b == 2, .*needs b = a \\+ 3"),
        ([(A, 2 * A)], "needs a == 2"),
    ],
)
def test_no_sizes_fit(equal: list[tuple[Size, Size]], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        settled(*equal)


def test_values_of_symbols_that_nothing_feeds() -> None:
    (a,), (b,) = of(A), of(B)
    assert values({b: A - 3}, {a: 5}) == {a: 5, b: 2}
    assert values({b: A - 3}, {a: 5, b: 7}) == {a: 5, b: 7}  # which the claims refuse
    with pytest.raises(ShapeError, match="the size b = a - 3 .*received 0 .a = 3"):
        values({b: A - 3}, {a: 3})


TERMS = st.lists(
    st.tuples(st.integers(-3, 3), st.lists(st.sampled_from([A, B, C, D]), max_size=2)), max_size=3
)


def polynomial(terms: list[tuple[int, list[Size]]]) -> Size:
    total: Size = 0
    for factor, atoms in terms:
        for one in atoms:
            factor = factor * one
        total = total + factor
    return total


@given(st.lists(st.integers(1, 9), min_size=4, max_size=4), st.lists(TERMS, max_size=5))
def test_sizes_that_fulfil_the_claims_fulfil_what_they_settle(
    numbers: list[int], sides: list[list[tuple[int, list[Size]]]]
) -> None:
    bindings = dict(zip(of(A, B, C, D), numbers, strict=True))
    lefts = [polynomial(terms) for terms in sides]
    claims = [SizeClaim(left, "==", evaluate(left, bindings), "a test") for left in lefts]
    found = settle(claims, of(A, B))
    for one, size in found.items():
        assert evaluate(size, bindings) == bindings[one]
        assert not set(symbols(size)) & found.keys()
        assert substitute(size, found) == size
