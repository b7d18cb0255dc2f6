"""Proofs about indices: none is wrong, and those that lowering needs are found."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.graph.dim import Size, Symbol, symbol, symbols
from graphc.compiler.loops.index import (
    Index,
    LoopVariable,
    as_index,
    coordinates,
    index_of,
    variable,
)
from graphc.compiler.loops.ranges import Ranges, is_never_negative

N, M = symbol("n"), symbol("m")
(N_SYMBOL,), (M_SYMBOL,) = symbols(N), symbols(M)
OUTER, INNER = LoopVariable("outer"), LoopVariable("inner")
OUT, IN = index_of(OUTER), index_of(INNER)
TILE = Ranges().within(OUTER, (N + 15) // 16).within(INNER, 16, N - OUT * 16)


def combined(of: st.SearchStrategy[Index]) -> st.SearchStrategy[Index]:
    return st.one_of(
        st.builds(lambda a, b: a + b, of, of),
        st.builds(lambda a, b: a - b, of, of),
        st.builds(lambda a, b: a * b, of, st.sampled_from([-2, -1, 2, 3, N, N - 1])),
        st.builds(lambda a, b: a // b, of, st.sampled_from([2, 3, 4, N, M * 2])),
        st.builds(lambda a, b: a % b, of, st.sampled_from([2, 3, 4, N, M * 2])),
    )


LEAVES = st.sampled_from([OUT, IN, as_index(N), as_index(M), *map(as_index, range(-3, 4))])
INDICES = st.recursive(LEAVES, combined, max_leaves=6)
OUTER_ENDS = st.sampled_from([as_index(N), as_index(5), as_index(M * 2)])
INNER_ENDS = st.sampled_from([(as_index(4),), (as_index(M), N - OUT), (as_index(N) - OUT,)])


def points(ranges: Ranges) -> list[tuple[dict[LoopVariable, int], dict[Symbol, int]]]:
    """Return all values of the variables, for some sizes."""
    found = []
    for n, m in itertools.product((1, 2, 4), (1, 3)):
        sizes = {N_SYMBOL: n, M_SYMBOL: m}
        for outer in range(ranges.ends[OUTER][0].evaluate({}, sizes)):
            ends = (end.evaluate({OUTER: outer}, sizes) for end in ranges.ends[INNER])
            found += [({OUTER: outer, INNER: inner}, sizes) for inner in range(min(ends))]
    return found


@given(INDICES, OUTER_ENDS, INNER_ENDS)
def test_what_is_proved_holds_at_all_points(
    index: Index, outer_end: Index, inner_ends: tuple[Index, ...]
) -> None:
    ranges = Ranges().within(OUTER, outer_end).within(INNER, *inner_ends)
    proved, simplified = ranges.is_never_negative(index), ranges.simplified(index)
    step = ranges.step(index, INNER)
    for variables, sizes in points(ranges):
        value = index.evaluate(variables, sizes)
        assert value >= 0 or not proved
        assert simplified.evaluate(variables, sizes) == value
        if step is not None:
            moved = simplified.evaluate({**variables, INNER: variables[INNER] + 1}, sizes)
            assert moved - value == as_index(step).evaluate({}, sizes)


def test_the_remainder_of_a_split_is_inside() -> None:
    assert TILE.is_below(OUT * 16 + IN, N)
    assert not TILE.is_below(OUT * 16 + IN, N - 1)


@pytest.mark.parametrize("shape", [(N, M, 4), (N, 3), (2, 3, 4)])
def test_the_coordinates_of_an_element_are_inside(shape: tuple[Size, ...]) -> None:
    total: Size = 1
    for size in shape:
        total = total * size
    ranges = Ranges().within(OUTER, total)
    assert ranges.is_inside(coordinates(OUT, shape), shape)
    assert not ranges.is_inside(coordinates(OUT + 1, shape), shape)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ((OUT * 16 + IN) // 16, OUT),
        ((OUT * 16 + IN) % 16, IN),
        ((OUT * 16 + IN) // 32, OUT // 2),
        ((OUT * 16 + IN) % 32, OUT % 2 * 16 + IN),
        ((OUT * 4 * N + IN * N) // N, OUT * 4 + IN),
    ],
)
def test_quotients_that_the_ranges_settle_are_gone(index: Index, expected: Index) -> None:
    ranges = Ranges().within(OUTER, 10).within(INNER, 16)
    assert ranges.simplified(index) is expected


@given(INDICES, OUTER_ENDS, INNER_ENDS)
def test_reduced_indices_are_at_least_0_at_the_same_points(
    index: Index, outer_end: Index, inner_ends: tuple[Index, ...]
) -> None:
    ranges = Ranges().within(OUTER, outer_end).within(INNER, *inner_ends)
    reduced = ranges.reduced(index)
    for values, sizes in points(ranges):
        assert (reduced.evaluate(values, sizes) >= 0) == (index.evaluate(values, sizes) >= 0)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (as_index(319) - OUT * 16 - IN, 19 - OUT),
        (OUT * 16 + IN - 320, OUT - 20),
        (N * 16 - 1 - OUT * 16 - IN, N - 1 - OUT),
        (OUT * 16 + IN - 321, OUT * 16 + IN - 321),  # the last turns of one outer turn
        (OUT * 8 + IN, OUT * 8 + IN),
    ],
)
def test_terms_that_decide_nothing_are_gone(index: Index, expected: Index) -> None:
    assert Ranges().within(OUTER, N).within(INNER, 16).reduced(index) == expected


def test_conditions_around_are_facts_of_a_proof() -> None:
    row = variable("outer")
    ranges = Ranges().within(OUTER, N + 6)
    assert not ranges.is_below(row - 3, N)
    inside = ranges.given([row - 3, N - row + 2])
    assert inside.is_never_negative(row - 3)
    assert inside.is_below(row - 3, N)


def test_facts_that_grow_by_each_other_end_a_search() -> None:
    row, column = variable("outer"), variable("inner")
    ranges = Ranges().given([row - column * 2, column - row])
    assert not ranges.is_never_negative(row - 5)
    assert ranges.given([column - 5]).is_never_negative(row * 2 - 20)


def test_conditions_of_sizes_are_facts_too() -> None:
    large = Ranges().given([as_index(N - 16)])
    assert large.is_never_negative(N - 16)
    assert large.is_never_negative(N * 2 - 32)
    assert large.is_never_negative(N * M - 16)
    assert not large.is_never_negative(N - 17)
    assert not large.is_never_negative(M - 16)
    rest = as_index(N) % 16
    even = Ranges().given([rest, -rest])
    assert even.divides(16, N)
    assert not even.divides(32, N)
    assert not even.divides(16, M)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (N * M - N, True),
        (N - 1, True),
        (N - 2, False),
        (N - M, False),
        ((N + 15) // 16 * 16 - N, True),
        (N - N // 16 * 16, True),
        (N // 16 - 1, False),
        ((N + 15) // 16 - 1, True),
        ((N + 15) // 16 - 2, False),
        (N - (N + 15) // 16, True),
        (N - 1 - (N + 15) // 16, False),
        ((N - 1) * (M - 1), True),
        (256 * ((N + 255) // 256) - 256, True),
        (256 * ((N + 255) // 256) - 257, False),
        (256 * M - 256 * (N // 256), False),
        (2 * N - 2 * ((N + 1) // 2), True),
        # An image of at least 3, of which the size is all that is known.
        (N * M - (N * M - 1) // (M - 2), False),
    ],
)
def test_sizes_that_are_never_negative(size: Size, expected: bool) -> None:
    assert is_never_negative(size) is expected


def test_a_constant_that_is_a_multiple_falls_out_of_a_quotient_with_the_terms() -> None:
    ranges = Ranges().within(OUTER, N).within(INNER, 4)
    assert ranges.simplified((OUT * 4 + IN + 8) // 68) is (OUT + 2) // 17
    assert ranges.simplified((OUT * 4 + IN + 9) // 68) is (OUT * 4 + IN + 9) // 68
