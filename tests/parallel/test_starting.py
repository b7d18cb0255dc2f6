"""Ranks of a machine that look at each other until all have joined."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphc.parallel.heartbeat import SILENCE_SECONDS, TICK_SECONDS
from graphc.parallel.starting import Neighbour, Watch, find_neighbours

RUNNING = [Neighbour(rank, "R") for rank in range(3)]


def problems(watch: Watch, looks: list[list[Neighbour]]) -> list[str]:
    return [watch.problem(one, k * TICK_SECONDS) for k, one in enumerate(looks)]


def test_ranks_that_are_there_are_waited_for() -> None:
    sleeping = [Neighbour(rank, "S") for rank in range(3)]
    assert set(problems(Watch(3, 3, "here"), [RUNNING, sleeping] * 100)) == {""}


@pytest.mark.parametrize(
    ("ranks", "seen", "message"),
    [
        (3, False, "rank 1 on here failed: it has ended before it joined the others"),
        (9, True, "rank 1 on here failed: it has ended before it joined the others"),
        (9, False, "a rank on here failed: it has ended before it joined the others"),
    ],
)
def test_one_that_has_ended_ends_the_others(ranks: int, seen: bool, message: str) -> None:
    """It is named where it was seen, or where this machine has all ranks."""
    left = [RUNNING[0], RUNNING[2]]
    found = problems(Watch(ranks, 3, "here"), [RUNNING if seen else left, left, left])
    assert found[1:] == (["", message] if seen else [message, message])


def test_processes_that_are_seen_half_are_looked_at_again() -> None:
    assert problems(Watch(3, 3, "here"), [RUNNING[:2], RUNNING]) == ["", ""]


def test_one_that_is_stopped_for_long_ends_the_others() -> None:
    stopped = [*RUNNING[:2], Neighbour(2, "T")]
    looks = int(SILENCE_SECONDS / TICK_SECONDS)
    watch = Watch(3, 3, "here")
    found = problems(watch, [stopped] * looks + [RUNNING] + [stopped] * (looks + 2))
    assert set(found[:-1]) == {""}
    assert found[-1].startswith("rank 2 on here failed: it is stopped for 6 s")


def test_neighbours_are_the_other_children_of_the_launcher(tmp_path: Path) -> None:
    def process(number: int, parent: int, state: str, variables: bytes) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "stat").write_text(f"{number} (a ) name) {state} {parent} 1 1 0")
        (folder / "environ").write_bytes(variables)

    process(10, 1, "S", b"PATH=/bin\0")
    process(11, 10, "R", b"PATH=/bin\0PMI_RANK=0\0")
    process(12, 10, "T", b"PMI_RANK=1\0PATH=/bin\0")
    process(13, 10, "Z", b"PMI_RANK=2\0")
    process(14, 11, "S", b"PMI_RANK=0\0")  # a compiler that a rank has started
    process(15, 10, "S", b"")  # the launcher's own
    (tmp_path / "self").mkdir()
    (tmp_path / "16").mkdir()  # it ends meanwhile
    found = find_neighbours(tmp_path, 10)
    assert sorted(found, key=lambda one: one.rank) == [Neighbour(0, "R"), Neighbour(1, "T")]
