"""The transport over MPI, on ranks that mpiexec starts."""

from __future__ import annotations

import json

import pytest

from graphc.errors import RankError
from graphc.parallel.heartbeat import ENDING_SECONDS, SILENCE_SECONDS
from graphc.parallel.launcher import Launcher
from graphc.parallel.mpi import check_size
from tests.parallel.mpiexec.launching import Job, run


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_the_five_calls(ranks: int) -> None:
    ended = run(ranks, "calls.py")
    assert ended.status == 0, ended.errors
    values = json.loads(ended.output)
    assert [one[:2] for one in values] == [[rank, ranks] for rank in range(ranks)]
    assert all(one[2] == values[0][2] for one in values)


@pytest.mark.parametrize(
    ("ranks", "way", "failing", "others", "message"),
    [
        (4, "raise", 2, "waiting", "ValueError: no such file"),
        (2, "raise", 0, "busy", "ValueError: no such file"),
        (2, "raise in a block", 1, "waiting", 'KeyError: "a callback\'s"'),
        (2, "stop", 0, "waiting", "no sign of life for 6 s"),
        (4, "stop", 3, "busy", "no sign of life for 6 s"),
        (2, "leave", 1, "waiting", "its program has ended while others wait for it"),
    ],
)
def test_a_rank_that_fails_ends_all_others_which_name_it(
    ranks: int, way: str, failing: int, others: str, message: str
) -> None:
    with Job(ranks, "failing.py", way, failing, others) as job:
        ended = job.end()
    assert ended.status != 0
    assert "end\n" not in ended.output
    lines = [line for line in ended.errors.splitlines() if f"rank {failing} on " in line]
    assert sum(message in line for line in lines) == ranks - 1, ended.errors


def test_a_rank_that_stops_while_all_end_ends_the_job() -> None:
    with Job(2, "failing.py", "stop at the end", 1, "waiting") as job:
        ended = job.end()
    assert ended.status != 0
    assert ended.output.count("end") == 2
    assert "rank 0: another rank has stopped at its end" in ended.errors


def test_a_killed_rank_ends_the_job() -> None:
    with Job(2, "failing.py", "kill", 1, "waiting") as job:
        ended = job.end()
    assert ended.status != 0
    assert "end\n" not in ended.output


def test_a_slow_rank_is_waited_for() -> None:
    """Longer than the silence after which a rank counts as stopped."""
    ended = run(2, "failing.py", "slow", 1, "waiting")
    assert ended.status == 0, ended.errors
    assert ended.output.count("end") == 2


def test_ctrl_c_on_mpiexec_ends_all_ranks() -> None:
    with Job(2, "failing.py", "interrupt", 1, "waiting") as job:
        job.wait_for("begun")
        job.interrupt()
        assert job.end().status != 0


def test_all_end_within_ten_seconds() -> None:
    """By the sum of the times; a test that measured it would measure how busy the machine is."""
    ticks = 4 * 0.25
    assert SILENCE_SECONDS + 2 * ENDING_SECONDS + ticks < 10


def test_a_launcher_of_another_mpi_is_an_error() -> None:
    check_size(None, 1, "MPICH")
    check_size(Launcher("mpiexec", 0, None), 4, "MPICH")
    check_size(Launcher("mpiexec", 0, 4), 4, "MPICH")
    with pytest.raises(RankError, match="started 4 processes.*MPICH Version: 5, sees 1"):
        check_size(Launcher("mpiexec of Open MPI", 2, 4), 1, "MPICH Version: 5\nmore")
