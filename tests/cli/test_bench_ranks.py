"""`graphc bench --ranks`: what its report says, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.cli import main
from graphc.cli.bench import ranks
from graphc.cli.bench.ranks import RanksReport, RankTimes, TimedTransport
from graphc.config import config
from graphc.errors import ArgumentError
from graphc.reference_models import ReferenceModel, mlp
from tests.parallel.threads import ThreadRank, run_ranks


def tiny() -> object:
    return mlp.build(features=4, width=3, classes=2)


def test_one_rank_computes_and_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "_SECONDS", 0.0)
    with config.changed(cpu="numpy"):
        found = ranks.profile(ReferenceModel("tiny", "", 6, tiny), 6, 1, 3)
    assert (found.model, found.batch, found.shards) == ("tiny", 6, 3)
    assert found.parameters == 4 * 3 + 3 + 3 * 3 + 3 + 3 * 2 + 2
    (times,) = found.ranks
    assert times.sent == 0
    assert times.step > 0
    assert times.computing > 0


def test_a_timed_transport_moves_what_it_is_given_and_counts_it() -> None:
    """Two transfers under way at once; one before `begin` is not counted."""

    def program(rank: ThreadRank) -> tuple[list, int]:
        timed = TimedTransport(rank)
        whole = np.full(3, rank.rank, "uint8")
        timed.all_gather(whole, [1, 1, 1]).wait()
        assert timed.sent == 0
        timed.begin()
        received = np.zeros(6, "uint8")
        sent = np.arange(6, dtype="uint8") + 10 * rank.rank
        first = timed.all_to_all(sent, [2, 2, 2], received, [2, 2, 2])
        second = timed.broadcast(whole, 1)
        assert timed.overlapped == 0
        first.go_on()
        first.wait()
        overlapped = timed.overlapped
        second.wait()
        assert timed.waiting > 0
        assert timed.moving > 0
        assert timed.overlapped == overlapped > 0
        assert timed.transfers == 2
        return [received.tolist(), whole.tolist()], timed.sent

    gathered = [0, 1, 2]
    assert run_ranks(3, program) == [
        ([[0, 1, 10, 11, 20, 21], gathered], 4),
        ([[2, 3, 12, 13, 22, 23], gathered], 7),
        ([[4, 5, 14, 15, 24, 25], gathered], 4),
    ]


def test_the_table_has_a_row_for_each_rank() -> None:
    times = [
        RankTimes(2.5, 1.0, 0.5, 0.25, 0.125, 4096, 5),
        RankTimes(2.5, 1.25, 0.25, 0.25, 0, 12, 5),
    ]
    lines = str(RanksReport("mlp", 128, 4, 1000, times)).splitlines()
    assert lines[0].startswith("mlp, 1,000 parameters, batches of 128 in 4 shards on 2 ranks")
    assert lines[-2].split() == ["0", "2.500", "1.000", "0.500", "0.250", "0.125", "4,096", "5"]
    assert lines[-1].split() == ["1", "2.500", "1.250", "0.250", "0.250", "0.000", "12", "5"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shards", "2"], "expected --ranks beside it"),
        (["--ranks", "3", "--shards", "2"], "at most one rank for each of 2 shards"),
        (["--ranks", "2", "--vs", "torch"], "leave --vs and --device out"),
        (["--ranks", "2", "--compare", "a", "b"], "leave ranks out"),
        (["--ranks", "1", "--batch", "2", "--shards", "4"], "at most the 2 samples of a batch"),
    ],
)
def test_what_cannot_be_timed_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_another_number_of_ranks_than_the_launchers_is_refused() -> None:
    with pytest.raises(ArgumentError, match="expected the 1 that the launcher started"):
        ranks.profile(ReferenceModel("tiny", "", 6, tiny), 6, 2, None)
