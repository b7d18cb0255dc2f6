"""The tree over shards: its order, the nodes that a rank computes, and bits of one rank."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.errors import ArgumentError
from graphc.parallel.tree import (
    Interval,
    TreeSum,
    complete_subtrees,
    halves,
    rows_of_rank,
    shards_of_rank,
)

SHARDS = st.integers(1, 70)


def tree(values: list) -> object:
    """The definition, as it is written."""
    if len(values) == 1:
        return values[0]
    k = 0
    while 2 ** (k + 1) < len(values):
        k += 1
    return tree(values[: 2**k]) + tree(values[2**k :])


def with_empty_shards(values: list) -> object:
    """The definition over all shards, where None is an empty one, which adds nothing."""
    if len(values) == 1:
        return values[0]
    k = 0
    while 2 ** (k + 1) < len(values):
        k += 1
    left, right = with_empty_shards(values[: 2**k]), with_empty_shards(values[2**k :])
    return left if right is None else left + right


def added(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return left + right


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, "a"),
        (2, "(ab)"),
        (3, "((ab)c)"),
        (4, "((ab)(cd))"),
        (6, "(((ab)(cd))(ef))"),
        (7, "(((ab)(cd))((ef)g))"),
    ],
)
def test_the_order_by_hand(count: int, expected: str) -> None:
    total = TreeSum[str](Interval(0, count), lambda left, right: f"({left}{right})")
    for shard in reversed(range(count)):
        total.put(Interval(shard, shard + 1), "abcdefg"[shard])
    assert total.result() == expected


@settings(max_examples=30)
@given(SHARDS, st.data())
def test_ranks_that_add_their_own_subtrees_first_give_the_bits_of_one_rank(
    count: int, data: st.DataObject
) -> None:
    shards = data.draw(st.integers(count, 2 * count))
    ranks = data.draw(st.integers(1, shards))
    values = list(np.random.default_rng(count).normal(size=(count, 3)).astype("float32") * 1e3)
    whole = TreeSum[np.ndarray](Interval(0, count), added)
    sent = []
    for rank in range(ranks):
        for node in complete_subtrees(count, shards_of_rank(shards, ranks, rank)):
            own = TreeSum[np.ndarray](node, added)
            for shard in range(node.start, node.stop):
                own.put(Interval(shard, shard + 1), values[shard])
            sent.append((node, own.result()))
    for node, value in data.draw(st.permutations(sent)):
        whole.put(node, value)
    assert whole.result().tobytes() == tree(values).tobytes()


@given(SHARDS, st.integers(0, 40))
def test_empty_shards_leave_the_tree_of_the_others(filled: int, empty: int) -> None:
    values = list(np.random.default_rng(filled).normal(size=filled).astype("float32"))
    expected = with_empty_shards(values + [None] * empty)
    assert expected.tobytes() == tree(values).tobytes()


@given(SHARDS)
def test_shards_in_order_keep_at_most_a_value_for_each_bit(count: int) -> None:
    total = TreeSum[float](Interval(0, count), lambda left, right: left + right)
    most = 0
    for shard in range(count):
        total.put(Interval(shard, shard + 1), 1.0)
        most = max(most, total.kept)
    assert total.result() == count
    assert most <= count.bit_length()


@given(SHARDS, st.data())
def test_complete_subtrees_are_the_fewest_nodes_that_cover_a_part(
    count: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, count))
    part = Interval(start, data.draw(st.integers(start, count + 3)))
    nodes = complete_subtrees(count, part)
    assert [k for node in nodes for k in range(node.start, node.stop)] == list(
        range(part.start, min(part.stop, count))
    )
    joined = {halves(Interval(0, count))} if count > 1 else set()
    waiting = list(*joined) if joined else []
    while waiting:
        node = waiting.pop()
        if len(node) > 1:
            joined.add(halves(node))
            waiting += halves(node)
    assert not any(pair in joined for pair in itertools.pairwise(nodes))


@given(SHARDS, st.data())
def test_ranks_own_consecutive_shards_evenly(shards: int, data: st.DataObject) -> None:
    ranks = data.draw(st.integers(1, shards))
    parts = [shards_of_rank(shards, ranks, rank) for rank in range(ranks)]
    assert [k for part in parts for k in range(part.start, part.stop)] == list(range(shards))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert min(map(len, parts)) >= 1


def test_more_ranks_than_shards_is_an_error_that_names_the_flag() -> None:
    with pytest.raises(
        ArgumentError,
        match="at most one rank for each of 4 shards, received 5.*"
        "raise shards to 5 or start 4 ranks",
    ):
        shards_of_rank(4, 5, 0)


def test_a_tree_is_not_a_chain() -> None:
    total = TreeSum[np.float32](Interval(0, 4), lambda left, right: left + right)
    for shard, value in enumerate(np.array([1.0, 2.0**-24, 2.0**-24, 2.0**-24], "float32")):
        total.put(Interval(shard, shard + 1), value)
    assert total.result() == 1 + np.float32(2.0**-23)  # a chain of sums stays at 1


def test_a_sum_that_lacks_a_shard_is_no_sum() -> None:
    total = TreeSum[float](Interval(0, 3), lambda left, right: left + right)
    total.put(Interval(0, 1), 1.0)
    total.put(Interval(2, 3), 1.0)
    with pytest.raises(ArgumentError, match="the values of all shards from 0 to 2"):
        total.result()


@pytest.mark.parametrize(
    ("rows", "shards", "ranks", "expected"),
    [
        (8, 4, 2, [(0, 4), (4, 8)]),
        (6, 4, 2, [(0, 4), (4, 6)]),  # shards of 2, 2, 2 and no rows
        (6, 4, 4, [(0, 2), (2, 4), (4, 6), (6, 6)]),
        (7, 3, 2, [(0, 3), (3, 7)]),  # shards of 3, 3, 1, of which the first rank has one
        (1, 2, 2, [(0, 1), (1, 1)]),
        (0, 2, 2, [(0, 0), (0, 0)]),
    ],
)
def test_rows_of_ranks_by_hand(
    rows: int, shards: int, ranks: int, expected: list[tuple[int, int]]
) -> None:
    assert [rows_of_rank(rows, shards, ranks, rank) for rank in range(ranks)] == [
        Interval(*one) for one in expected
    ]


@pytest.mark.parametrize("ranks", [-1, 0, 5])
def test_a_rank_has_a_shard_at_least_and_there_is_a_rank(ranks):
    with pytest.raises(ArgumentError, match=f"for each of 4 shards, received {ranks} ranks"):
        shards_of_rank(4, ranks, 0)
    assert shards_of_rank(4, 4, 3) == Interval(3, 4)
    assert shards_of_rank(4, 1, 0) == Interval(0, 4)
