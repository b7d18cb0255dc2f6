"""Signs of life: what each rank concludes of what it hears, by a clock and a post of the test's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from graphc.errors import RankError
from graphc.parallel.heartbeat import (
    ENDING_SECONDS,
    HOLD_SECONDS,
    MOST_MESSAGE_BYTES,
    SILENCE_SECONDS,
    TICK_SECONDS,
    Heartbeat,
    MessageKind,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Box:
    """The post of one rank; `boxes` are those of all."""

    def __init__(self, rank: int, boxes: list[Box]) -> None:
        self.rank = rank
        self.boxes = boxes
        self.words: list[tuple[int, MessageKind, str]] = []

    def send(self, rank: int, kind: MessageKind, text: str = "") -> bool:
        is_free = (self.rank, kind) not in [one[:2] for one in self.boxes[rank].words]
        if is_free:
            self.boxes[rank].words.append((self.rank, kind, text))
        return is_free

    def receive(self) -> Iterator[tuple[int, MessageKind, str]]:
        while self.words:
            yield self.words.pop(0)


class Job:
    """Ranks that tick in turn; those in `stopped` do not."""

    def __init__(self, size: int) -> None:
        self.clock = Clock()
        boxes: list[Box] = []
        boxes.extend(Box(rank, boxes) for rank in range(size))
        hosts = [f"host{rank}" for rank in range(size)]
        self.ranks = [Heartbeat(box.rank, hosts, box, self.end, self.clock) for box in boxes]
        self.stopped: set[int] = set()

    def end(self) -> None:
        raise AssertionError("no test lets a thread end a job")

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_SECONDS)):
            self.clock.now += TICK_SECONDS
            for one in self.ranks:
                if one.rank not in self.stopped:
                    one.tick()

    def problems(self) -> list[str]:
        """Return the error that each rank's main thread raises, '' for none."""
        found = []
        for one in self.ranks:
            try:
                one.check()
                found.append("")
            except RankError as error:
                found.append(str(error))
        return found


def test_ranks_that_tick_are_alive() -> None:
    job = Job(4)
    job.run(60)
    assert job.problems() == [""] * 4
    assert not any(one.must_end() for one in job.ranks)


@pytest.mark.parametrize("stopped", [0, 2])
def test_a_stopped_rank_fails_all_others_in_time_for_them_to_end(stopped: int) -> None:
    job = Job(4)
    job.run(3)
    job.stopped = {stopped}
    job.run(SILENCE_SECONDS - 1)
    assert job.problems() == [""] * 4
    job.run(2)
    messages = [text for rank, text in enumerate(job.problems()) if rank != stopped]
    assert all(
        text.startswith(f"rank {stopped} on host{stopped} failed: no sign of life for 6 s")
        for text in messages
    )
    assert len(messages) == 3
    # Nobody waits for it.
    assert SILENCE_SECONDS + 3 * TICK_SECONDS + 2 * ENDING_SECONDS < 10


def test_who_was_stopped_itself_does_not_judge_the_others() -> None:
    """All were stopped, such as by Ctrl-Z, and go on."""
    job = Job(3)
    job.run(3)
    job.clock.now += 1000
    job.run(3)
    assert job.problems() == [""] * 3


def test_an_error_reaches_all_ranks_with_its_rank_and_host() -> None:
    job = Job(3)
    job.ranks[1].fail(ValueError("no such file"))
    job.run(TICK_SECONDS)
    assert job.problems() == ["rank 1 on host1 failed: ValueError: no such file"] * 3


def test_the_first_error_counts() -> None:
    job = Job(3)
    job.ranks[1].fail(ValueError("first"))
    job.run(TICK_SECONDS)
    job.ranks[2].fail(RankError("rank 1 on host1 failed: ValueError: first"))
    job.run(1)
    assert job.problems() == ["rank 1 on host1 failed: ValueError: first"] * 3


def test_a_long_text_is_cut_between_characters() -> None:
    job = Job(2)
    job.ranks[1].fail(ValueError("é" * MOST_MESSAGE_BYTES))
    job.run(TICK_SECONDS)
    assert job.problems()[0].endswith("é")
    assert len(job.problems()[0].encode()) < MOST_MESSAGE_BYTES + 100


def test_a_main_thread_that_does_not_hear_has_its_time_and_is_ended_then() -> None:
    job = Job(3)
    job.ranks[1].fail(ValueError("x"))
    job.run(TICK_SECONDS)
    assert not job.ranks[0].must_end()
    job.run(ENDING_SECONDS + TICK_SECONDS)
    assert job.ranks[0].must_end()
    assert not job.ranks[1].must_end()  # it raises its own error
    job.problems()
    assert not job.ranks[0].must_end()  # the main thread has raised it


def test_a_program_that_ends_is_no_failure_unless_others_wait_for_it() -> None:
    job = Job(3)
    job.ranks[2].say_left()
    job.stopped = {2}
    job.run(60)
    assert (
        job.problems()[:2]
        == ["rank 2 on host2 failed: its program has ended while others wait for it"] * 2
    )


def test_ranks_end_together() -> None:
    job = Job(3)
    for number, one in enumerate(job.ranks):
        one.say_left()
        job.run(1)
        left = set(range(number + 1))
        assert [other.may_end() for other in job.ranks] == [
            {0, 1, 2} - {rank} <= left for rank in range(3)
        ]


def test_after_a_failure_nobody_waits_for_a_silent_rank_or_for_long() -> None:
    job = Job(3)
    job.run(1)
    job.stopped = {2}
    job.run(SILENCE_SECONDS + 1)
    job.ranks[0].say_left()
    assert not job.ranks[1].may_end()
    job.run(TICK_SECONDS)
    assert job.ranks[1].may_end()
    job.run(2 * ENDING_SECONDS)
    assert job.ranks[0].may_end()


def test_a_program_that_is_over_writes_of_a_failure_that_it_meets_while_it_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = Job(2)
    job.stopped = {0}
    job.run(SILENCE_SECONDS + 1)
    assert not job.ranks[1].leave()
    message = capsys.readouterr().err
    assert message.startswith("graphc: rank 1: rank 0 on host0 failed: no sign of life for 6 s")
    assert job.problems()[1]
    assert not job.ranks[1].leave()  # its main thread has raised it
    assert capsys.readouterr().err == ""


def test_a_warning_of_another_rank_is_logged_by_rank_0(caplog: pytest.LogCaptureFixture) -> None:
    job = Job(3)
    assert job.ranks[0].warned("all have it")
    for rank in (1, 2):
        assert not job.ranks[rank].warned("all have it")
        assert not job.ranks[rank].warned("the others have it")
    job.ranks[2].warned("one has it")
    job.run(HOLD_SECONDS)
    assert caplog.messages == []  # rank 0 may say so a moment later
    job.run(8 * TICK_SECONDS)  # each sends one a tick
    assert caplog.messages == [
        "rank 1 on host1: the others have it",
        "rank 2 on host2: one has it",
    ]
    job.run(60)
    assert len(caplog.messages) == 2


def test_a_warning_is_not_lost_where_the_program_ends(caplog: pytest.LogCaptureFixture) -> None:
    job = Job(2)
    job.ranks[1].warned("at the end")
    job.run(TICK_SECONDS)
    job.ranks[1].say_left()
    job.run(TICK_SECONDS)
    assert job.ranks[0].leave()
    assert caplog.messages == ["rank 1 on host1: at the end"]
