"""A wait keeps its processor at first where it may, yields it, then sleeps; an error ends it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from graphc.parallel import waiting
from graphc.parallel.waiting import SPIN_SECONDS, own_processors, spin_seconds, wait_until


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps of a wait, on a clock that goes on by 6 ms at each look."""
    found: list[str] = []
    ticks = iter(range(1000))
    monkeypatch.setattr(waiting.time, "monotonic", lambda: 6e-3 * next(ticks))
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: found.append("sleep"))
    monkeypatch.setattr(waiting.os, "sched_yield", lambda: found.append("yield"))
    return found


@pytest.mark.parametrize(
    ("spins", "expected"),
    [
        (0.0, ["poll", *["yield", "poll"] * 3, *["sleep", "poll"] * 3]),
        (13e-3, ["poll", "poll", "poll", "yield", "poll", *["sleep", "poll"] * 3]),
    ],
)
def test_a_wait_keeps_its_processor_then_yields_it_then_sleeps(
    seen: list[str], spins: float, expected: list[str]
) -> None:
    def is_done() -> bool:
        seen.append("poll")
        return seen.count("poll") == 7

    wait_until(is_done, lambda: None, spins)
    assert seen == expected


def test_an_error_of_the_check_ends_the_wait(seen: list[str]) -> None:
    with pytest.raises(RuntimeError, match="rank 1 failed"):
        wait_until(lambda: False, check_that_fails(3))


def check_that_fails(at: int) -> Callable[[], None]:
    calls = iter(range(at + 1))

    def check() -> None:
        if next(calls) == at:
            raise RuntimeError("rank 1 failed")

    return check


BOTH, FIRST, SECOND = frozenset({0, 1}), frozenset({0}), frozenset({1})


@pytest.mark.parametrize(
    ("ranks", "may"),
    [
        ([("a", BOTH)], True),
        ([("a", BOTH), ("a", BOTH)], True),
        ([("a", FIRST), ("a", SECOND)], True),
        ([("a", BOTH), ("b", BOTH), ("b", BOTH), ("b", BOTH)], True),
        ([("a", BOTH), ("a", BOTH), ("a", BOTH)], False),
        ([("a", FIRST), ("a", FIRST), ("b", SECOND)], False),
    ],
)
def test_a_rank_keeps_its_processor_where_its_host_has_one_for_each(
    ranks: list[tuple[str, frozenset[int]]], may: bool
) -> None:
    assert spin_seconds(ranks, 0) == (SPIN_SECONDS if may else 0.0)


def test_the_processors_of_a_process_are_those_it_may_run_on() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert own_processors() == {min(before)}
    finally:
        os.sched_setaffinity(0, before)
