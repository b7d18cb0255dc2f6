"""Sums over shards on several ranks have the bits of the sum on one, whoever has their pieces."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from graphc.parallel.slices import BLOCK_ELEMENTS, Parameter
from graphc.parallel.summing import (
    Gathering,
    KeptMemory,
    Layout,
    ShardSums,
    gather_rows,
    sum_below,
)
from graphc.parallel.transport import OneRank
from graphc.parallel.tree import shards_of_rank
from tests.parallel.threads import ThreadRank, run_ranks

SHAPES = ((3, 5), (), (2 * BLOCK_ELEMENTS + 7,), (0, 4), (2,))
DTYPES = tuple(map(np.dtype, ("float32", "int64", "float32", "float32", "float64")))
LAYOUT = Layout(
    SHAPES, DTYPES, (0, None, 1, None, 2), (Parameter(15, True), Parameter(8199), Parameter(2))
)


def of_shard(shard: int) -> list[np.ndarray]:
    draw = np.random.default_rng(shard)
    return [
        np.array(draw.normal(size=shape) * 10.0 ** draw.integers(-3, 4), dtype)
        for shape, dtype in zip(SHAPES, DTYPES, strict=True)
    ]


def by_the_formula(shards: range) -> list[np.ndarray]:
    if len(shards) == 1:
        return of_shard(shards[0])
    k = 1
    while 2 * k < len(shards):
        k *= 2
    left, right = by_the_formula(shards[:k]), by_the_formula(shards[k:])
    return [np.asarray(one + other) for one, other in zip(left, right, strict=True)]


def bits(arrays: list[np.ndarray]) -> list[tuple]:
    return [(array.shape, array.dtype, array.tobytes()) for array in arrays]


@pytest.mark.parametrize(
    ("filled", "shards", "ranks"),
    [
        (1, 1, 1),
        (4, 4, 1),
        (4, 4, 2),
        (4, 4, 3),
        (4, 4, 4),
        (5, 5, 2),
        (7, 7, 3),
        (5, 8, 4),
        (2, 6, 5),
        (1, 3, 3),
    ],
)
def test_every_rank_has_the_bits_of_the_tree(filled: int, shards: int, ranks: int) -> None:
    computed: list[int] = []

    def counted(shard: int) -> list[np.ndarray]:
        computed.append(shard)
        return of_shard(shard)

    def program(rank: ThreadRank) -> list[np.ndarray]:
        of_subtree = partial(sum_below, of_shard=counted)
        return ShardSums(rank, LAYOUT, filled, shards)(of_subtree)

    expected = by_the_formula(range(filled))
    found = run_ranks(ranks, program)
    for k, array in enumerate(expected):
        if LAYOUT.numbers[k] is None:
            assert {one[k].tobytes() for one in found} == {array.tobytes()}
        else:
            pieces = np.concatenate([one[k].reshape(-1) for one in found])
            assert pieces.tobytes() == array.tobytes()
    assert sorted(computed) == list(range(filled))


def test_sums_in_kept_memory_are_those_of_their_own_step() -> None:
    """Of five shards the second rank sends two nodes of the tree, one behind the other; of two, one
    of them is empty."""

    def program(rank: ThreadRank) -> list:
        kept, seen = KeptMemory(), []
        sums = {filled: ShardSums(rank, LAYOUT, filled, 5, kept) for filled in steps}
        for shift, filled in enumerate(steps):
            of_subtree = partial(sum_below, of_shard=lambda shard, by=shift: of_shard(shard + by))
            seen.append(bits(sums[filled](of_subtree)))
        return seen

    steps = (2, 5, 1, 5, 5)
    for shift, of_ranks in enumerate(zip(*run_ranks(2, program), strict=True)):
        expected = by_the_formula(range(shift, shift + steps[shift]))
        for k, array in enumerate(expected):
            found = [one[k][-1] for one in of_ranks]
            assert (found[0] if LAYOUT.numbers[k] is None else b"".join(found)) == array.tobytes()


def test_sums_that_stay_in_one_place_are_sent_anew() -> None:
    """A function that returns the same list has written into the arrays in it, of which one is laid
    out by columns."""

    def program(rank: ThreadRank) -> list:
        sums, seen = ShardSums(rank, LAYOUT, 2, 2), []
        same = [np.asfortranarray(array) for array in of_shard(rank.rank)]
        for shift in range(3):
            for array, value in zip(same, of_shard(rank.rank + shift), strict=True):
                array[...] = value
            seen.append(bits(sums(lambda node: same)))
        return seen

    for shift, of_ranks in enumerate(zip(*run_ranks(2, program), strict=True)):
        for k, array in enumerate(by_the_formula(range(shift, shift + 2))):
            found = [one[k][-1] for one in of_ranks]
            assert (found[0] if LAYOUT.numbers[k] is None else b"".join(found)) == array.tobytes()


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_pieces_are_gathered_in_two_buffers(ranks: int) -> None:
    """The line of pieces has the float32 of the third array ahead of the float64 of the fourth.
    Those of the second call are written there ahead of it."""

    def program(rank: ThreadRank) -> list:
        gathering = Gathering(rank, layout)
        pieces = layout.pieces(ranks)[rank.rank]

        def own(shard: int) -> list[np.ndarray]:
            return [
                np.ascontiguousarray(array).reshape(-1)[piece.start : piece.stop]
                for array, piece in zip(of_shard(shard), pieces, strict=True)
                if len(piece)
            ]

        first = gathering.gather(own(0))
        for place, value in zip(gathering.own, own(1), strict=True):
            place[:] = value
        second = gathering.gather([None] * len(gathering.own))
        return [bits(first), bits(second)]

    parameters = tuple([Parameter(math.prod(shape)) for shape in SHAPES])
    layout = Layout(SHAPES, DTYPES, tuple(range(len(SHAPES))), parameters)
    expected = [bits(of_shard(0)), bits(of_shard(1))]
    assert run_ranks(ranks, program) == [expected] * ranks


def test_one_rank_sends_nothing() -> None:
    found = ShardSums(OneRank(), LAYOUT, 3, 4)(partial(sum_below, of_shard=of_shard))
    assert bits(found) == bits(by_the_formula(range(3)))


@pytest.mark.parametrize(("rows", "ranks"), [([2, 2, 1], 2), ([3], 2), ([1, 1, 1, 1], 4)])
def test_rows_of_all_shards_are_gathered_in_order(rows: list[int], ranks: int) -> None:
    shards = max(len(rows), ranks)
    layouts = [Layout(((count, 3), (count,)), DTYPES[:2]) for count in rows]

    def arrays(shard: int) -> list[np.ndarray]:
        return [np.full((rows[shard], 3), shard, "float32"), np.arange(rows[shard]) + shard]

    def program(rank: ThreadRank, to: int | None = None) -> list:
        own = shards_of_rank(shards, ranks, rank.rank)
        given = [arrays(shard) for shard in range(own.start, min(own.stop, len(rows)))]
        return [bits(one) for one in gather_rows(rank, layouts, shards, given, to)]

    expected = [bits(arrays(shard)) for shard in range(len(rows))]
    assert run_ranks(ranks, program) == [expected] * ranks
    to = ranks - 1
    assert run_ranks(ranks, partial(program, to=to)) == [[]] * to + [expected]
