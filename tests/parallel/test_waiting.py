"""A wait keeps its processor at first where it may, yields it, then sleeps; an error ends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graphc.parallel import waiting
from graphc.parallel.waiting import wait_until


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
