"""Each rank has a GPU of its host: alone over NCCL, in turn over MPI."""

from __future__ import annotations

import pytest

from graphc.errors import RankError
from graphc.parallel.gpus import Seen, assigned, own_gpu, shared_gpu
from tests.parallel.threads import ThreadRank, run_ranks

FOUR = ["0000:01:00.0", "0000:02:00.0", "0000:03:00.0", "0000:04:00.0"]


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        ([("a", FOUR)] * 4, [0, 1, 2, 3]),
        # GPUs of two hosts have the same addresses; ranks go over the hosts in turn.
        ([("a", FOUR[:2]), ("b", FOUR[:2])] * 2, [0, 0, 1, 1]),
        # A launcher that lets each rank see its own.
        ([("a", [one]) for one in FOUR], [0, 0, 0, 0]),
        ([("a", FOUR[:2]), ("a", FOUR[1:]), ("a", FOUR[1:])], [0, 0, 1]),
        ([("a", FOUR[:1])] * 2, [0, None]),
        ([("a", []), ("a", FOUR)], [None, 0]),
    ],
)
def test_ranks_take_the_first_that_is_free(ranks: list[Seen], expected: list[int | None]) -> None:
    assert assigned(ranks) == expected


def test_each_rank_learns_its_own() -> None:
    assert run_ranks(3, lambda rank: own_gpu(rank, "node1", FOUR)) == [0, 1, 2]


def test_too_few_are_an_error_on_all_ranks_with_hosts_and_counts() -> None:
    hosts = ["node1", "node1", "node1", "node2"]

    def program(rank: ThreadRank) -> str:
        with pytest.raises(RankError) as raised:
            own_gpu(rank, hosts[rank.rank], FOUR[:2] if rank.rank < 3 else FOUR[:1])
        return str(raised.value)

    (message,) = set(run_ranks(4, program))
    assert "received 3 ranks and 2 GPUs on node1; 1 rank and 1 GPU on node2. " in message


def test_ranks_that_share_take_them_in_turn() -> None:
    hosts = ["a", "b", "a", "a", "b"]
    assert [shared_gpu(hosts, rank, 2) for rank in range(5)] == [0, 0, 1, 0, 1]
    assert shared_gpu(hosts, 3, 1) == shared_gpu(hosts, 3, 0) == 0
