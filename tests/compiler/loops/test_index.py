"""Index expressions: the normal form keeps the value, and knows the usual identities."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.graph.dim import Size, evaluate, symbol, symbols
from graphc.compiler.loops.index import (
    Index,
    LoopVariable,
    as_index,
    coordinates,
    index_of,
    position,
    variable,
)

N, M = symbol("n"), symbol("m")
(N_SYMBOL,), (M_SYMBOL,) = symbols(N), symbols(M)
A, B = variable("i"), variable("j")
Values = tuple[int, int, int, int]


@dataclass
class Computed:
    """An index, and its value by Python's ints, from i, j, n and m."""

    index: Index
    value: Callable[[Values], int]


def constant(size: Size) -> Computed:
    return Computed(as_index(size), lambda v: evaluate(size, {N_SYMBOL: v[2], M_SYMBOL: v[3]}))


LEAVES = st.one_of(
    st.just(Computed(A, operator.itemgetter(0))),
    st.just(Computed(B, operator.itemgetter(1))),
    st.integers(-9, 9).map(constant),
    st.just(constant(N)),
)
FACTORS = st.sampled_from([constant(size) for size in (-2, -1, 2, 3, N, N * M)])
DIVISORS = st.sampled_from([constant(size) for size in (1, 2, 3, 4, 6, 12, N, N * 2, N * M, N + M)])


def combined(of: st.SearchStrategy[Computed]) -> st.SearchStrategy[Computed]:
    def by(left: Computed, right: Computed, name: str) -> Computed:
        operation = getattr(operator, name)
        other = right.index if name in ("add", "sub") else right.index.constant
        return Computed(
            operation(left.index, other), lambda v: operation(left.value(v), right.value(v))
        )

    return st.one_of(
        st.builds(by, of, of, st.sampled_from(["add", "sub"])),
        st.builds(by, of, FACTORS, st.just("mul")),
        st.builds(by, of, DIVISORS, st.sampled_from(["floordiv", "mod"])),
    )


EXPRESSIONS = st.recursive(LEAVES, combined, max_leaves=8)
VALUES = st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 9), st.integers(1, 9))


def value_at(index: Index, values: Values) -> int:
    i, j, n, m = values
    variables = {LoopVariable("i"): i, LoopVariable("j"): j}
    return index.evaluate(variables, {N_SYMBOL: n, M_SYMBOL: m})


@given(EXPRESSIONS, VALUES)
def test_the_normal_form_keeps_the_value(made: Computed, values: Values) -> None:
    assert value_at(made.index, values) == made.value(values)


@given(EXPRESSIONS, EXPRESSIONS, VALUES)
def test_variables_are_replaced_everywhere(made: Computed, by: Computed, values: Values) -> None:
    replaced = made.index.substitute({LoopVariable("i"): by.index})
    i = by.value(values)
    assert value_at(replaced, values) == made.value((i, *values[1:]))


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ((A * 10 + B) // 10, A + B // 10),
        ((A * 10 + B) % 10, B % 10),
        (A // 3 // 4, A // 12),
        ((A // 3 + 2) // 4, (A + 6) // 12),
        (A % 12 // 4, A // 4 % 3),
        (A % 12 % 4, A % 4),
        (A * 6 // 4, A + A // 2),
        (A * 6 % 4, A % 2 * 2),
        ((A * N + N * M * 3) // N, A + M * 3),
        (A * N // (N * M), A // M),
        (A // 5 * 5 + A % 5, A),
        (A // (N * M) * N + A // M % N, A // M),
        (A // 3 % 4 * 3 + A % 3, A % 12),
        (A // 30 * 90 + (A // 3 % 10 * 3 + A % 3) * 3, A * 3),
        ((A * 64 + B) // 6 * 6 + (A * 64 + B) % 6, A * 64 + B),
        (A - A, as_index(0)),
    ],
)
def test_identities(index: Index, expected: Index) -> None:
    assert index is expected


@given(EXPRESSIONS, EXPRESSIONS, FACTORS, st.integers(-3, 3))
def test_a_sum_with_a_multiple_is_that_of_both(
    left: Computed, right: Computed, factor: Computed, more: int
) -> None:
    times = factor.index.constant
    assert left.index.plus(right.index, times, more) is left.index + (right.index + more) * times
    for atom, own in left.index.terms:
        rest = left.index - index_of(atom) * own
        assert left.index.with_terms(lambda one, _, atom=atom: one is not atom) is rest
        assert left.index.plus(right.index, times, without=atom) is rest + right.index * times


@pytest.mark.parametrize("shape", [(N, M, 4), (3, 4, 5), (N,), ()])
def test_a_position_is_that_of_its_coordinates(shape: tuple[Size, ...]) -> None:
    place = A if shape else as_index(0)
    assert position(coordinates(place, shape), shape) is place


def test_terms_have_one_order_whichever_way_they_are_added() -> None:
    assert A + B * 2 + N is N + B * 2 + A


def test_a_division_by_less_than_one_is_refused() -> None:
    with pytest.raises(ValueError, match="i divided by 0: expected a size of at least 1"):
        A // 0


def test_a_quotient_of_sizes_is_a_size() -> None:
    last = as_index(N) - 1
    assert last // 3 is as_index((N - 1) // 3)
    assert last % 3 is as_index(N - 1 - (N - 1) // 3 * 3)
    assert (last // 3).is_constant
    assert as_index(N) // M is as_index(N // M)


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (A + B * 10, "10*j + i"),
        (B * 2 + A * N + A // 3 + 1, "n*i + 2*j + i // 3 + 1"),
        (N - 1 - A, "n - 1 - i"),
        (B * 4 - A * 16, "4*j - 16*i"),
        (A * -1 - 2, "-i - 2"),
        (as_index(0), "0"),
    ],
)
def test_the_largest_stride_is_printed_first(index: Index, text: str) -> None:
    assert str(index) == text
