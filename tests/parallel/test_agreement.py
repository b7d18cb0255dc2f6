"""Ranks compare what they have to have in common; each names the ranks that differ."""

from __future__ import annotations

import pytest

from graphc.errors import RankError
from graphc.parallel.agreement import agree, gather
from graphc.parallel.transport import OneRank
from tests.parallel.threads import ThreadRank, run_ranks


def errors_of(facts: list[dict[str, str]]) -> list[str]:
    """Return the error that each rank raises."""

    def program(rank: ThreadRank) -> str:
        try:
            agree("m.fit", rank, f"host{rank.rank // 2}", facts[rank.rank])
        except RankError as error:
            return str(error)
        return ""

    return run_ranks(len(facts), program)


def test_equal_facts_pass() -> None:
    assert errors_of([{"version": "1", "flags": "floatX=float32"}] * 3) == [""] * 3
    agree("m.fit", OneRank(), "here", {"version": "1"})


def test_all_ranks_name_what_differs_and_where() -> None:
    facts = [{"version": "1.0", "flags": "floatX=float32"} for _ in range(4)]
    facts[2] = {"version": "1.0", "flags": "floatX=float64"}
    errors = errors_of(facts)
    assert len(set(errors)) == 1
    assert errors[0].startswith("m.fit: expected the same program, flags, ")
    assert errors[0].endswith(
        ". flags: floatX=float32 on ranks 0, 1, 3 (host0, host1), floatX=float64 on rank 2 (host1)"
    )


def test_a_fact_that_a_rank_lacks_differs() -> None:
    errors = errors_of([{"version": "1"}, {"version": "1", "data": "b0f3"}])
    assert errors[0].endswith("data: none on rank 0 (host0), b0f3 on rank 1 (host0)")


@pytest.mark.parametrize("lengths", [[0, 0], [3, 0, 70000], [1], [5, 5]])
def test_bytes_of_any_length_are_gathered(lengths: list[int]) -> None:
    given = [bytes([rank]) * length for rank, length in enumerate(lengths)]
    assert run_ranks(len(given), lambda rank: gather(rank, given[rank.rank])) == [given] * len(
        given
    )
