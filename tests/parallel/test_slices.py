"""Slices of the parameters: each element has one owner, and the bytes are those of the formula."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.parallel.slices import (
    BLOCK_ELEMENTS,
    Parameter,
    Piece,
    blocks,
    bytes_sent,
    count_elements,
    rounds,
    slices,
)
from graphc.parallel.tree import Interval

PARAMETERS = st.lists(
    st.builds(Parameter, st.integers(0, 5 * BLOCK_ELEMENTS), st.booleans()), max_size=8
)


@given(PARAMETERS, st.integers(1, 40))
def test_each_element_has_one_owner_and_a_block_is_not_divided(
    parameters: list[Parameter], ranks: int
) -> None:
    owned = slices(parameters, ranks)
    assert len(owned) == ranks
    ends = [0] * len(parameters)
    line = [piece for pieces in owned for piece in pieces]
    assert line == sorted(line, key=lambda piece: (piece.parameter, piece.start))
    for piece in line:
        assert piece.start == ends[piece.parameter] < piece.stop
        ends[piece.parameter] = piece.stop
    assert ends == [parameter.elements for parameter in parameters]
    for pieces in owned:
        for piece in pieces:
            if parameters[piece.parameter].is_whole:
                assert len(piece) == parameters[piece.parameter].elements
            else:
                assert piece.start % BLOCK_ELEMENTS == 0


@given(st.integers(1, 200), st.integers(1, 40))
def test_slices_are_even_to_a_block(count: int, ranks: int) -> None:
    total = count * BLOCK_ELEMENTS + 17
    for owned in slices([Parameter(total)], ranks):
        assert abs(count_elements(owned) - total / ranks) <= BLOCK_ELEMENTS


def test_blocks_by_hand() -> None:
    parameters = [Parameter(BLOCK_ELEMENTS + 1), Parameter(3), Parameter(2 * BLOCK_ELEMENTS, True)]
    assert blocks(parameters) == [
        Piece(0, 0, BLOCK_ELEMENTS),
        Piece(0, BLOCK_ELEMENTS, BLOCK_ELEMENTS + 1),
        Piece(1, 0, 3),
        Piece(2, 0, 2 * BLOCK_ELEMENTS),
    ]
    assert slices(parameters, 2) == [
        [Piece(0, 0, BLOCK_ELEMENTS + 1), Piece(1, 0, 3)],
        [Piece(2, 0, 2 * BLOCK_ELEMENTS)],
    ]


def test_transfers_by_hand() -> None:
    """Three ranks of eight shards: 0 to 1, 2 to 4 and 5 to 7."""
    assert rounds(8, 8, 3) == [
        [Interval(0, 2), Interval(2, 4), Interval(5, 6)],
        [None, Interval(4, 5), Interval(6, 8)],
    ]
    assert rounds(5, 8, 3) == [[Interval(0, 2), Interval(2, 4), None], [None, Interval(4, 5), None]]
    assert rounds(8, 8, 4) == [[Interval(0, 2), Interval(2, 4), Interval(4, 6), Interval(6, 8)]]


@pytest.mark.parametrize("ranks", [1, 2, 4, 8])
@pytest.mark.parametrize("shards", [8, 16])
def test_bytes_are_those_of_the_formula_where_ranges_are_subtrees(shards: int, ranks: int) -> None:
    """2 P (R-1)/R of 4 bytes."""
    count = 64 * BLOCK_ELEMENTS
    sizes = [count_elements(owned) for owned in slices([Parameter(count)], ranks)]
    for rank in range(ranks):
        sent = bytes_sent(sizes, shards, shards, rank)
        assert sum(sent) == 2 * count * (ranks - 1) // ranks * 4
        assert sent[0] == sent[1]


@settings(max_examples=30)
@given(st.integers(1, 33), st.data())
def test_bytes_are_the_partials_times_what_others_own(shards: int, data: st.DataObject) -> None:
    ranks = data.draw(st.integers(1, shards))
    filled = data.draw(st.integers(1, shards))
    sizes = data.draw(st.lists(st.integers(0, 99), min_size=ranks, max_size=ranks))
    everywhere = data.draw(st.integers(0, 9))
    transfers = rounds(filled, shards, ranks)
    for rank in range(ranks):
        partials = [nodes[rank] for nodes in transfers if nodes[rank] is not None]
        to_others = sum(size + everywhere for other, size in enumerate(sizes) if other != rank)
        assert bytes_sent(sizes, filled, shards, rank, 8, everywhere) == (
            8 * len(partials) * to_others,
            8 * sizes[rank] * (ranks - 1),
        )
