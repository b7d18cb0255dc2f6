"""The campaign that stops ranks at random moments: a few of its cases, and what it finds."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from graphc.config import config
from tests.campaigns import ranks
from tests.campaigns.campaign import Cases
from tests.parallel.mpiexec.launching import mpiexec

TORN = """
import sys
import time
from pathlib import Path
from graphc.callbacks import LambdaCallback
from tests.parallel.mpiexec import going_on

def write_in_place(epoch, logs):
    if going_on.rank() == 0 and epoch == 1:
        with open(sys.argv[1], "r+b") as file:
            file.write(bytes(5000))
        print(f"{going_on.BEGUN}1", flush=True)
        time.sleep(60)

going_on.train(Path(sys.argv[1]), LambdaCallback(on_epoch_begin=write_in_place))
"""
DEAF = """
import time
from tests.parallel.mpiexec import going_on

print(f"{going_on.BEGUN}1", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def undisturbed() -> ranks.Undisturbed:
    mpiexec()  # or the tests are skipped
    with config.changed(cpu="native"):
        return ranks.Undisturbed()


def test_cases_go_on_to_the_same_bits(undisturbed: ranks.Undisturbed) -> None:
    found = list(ranks.run_cases(Cases(41, 0, 3, argparse.Namespace())))
    assert [result.fault for result in found if result.fault] == []
    assert {way for result in found for way in ranks.WAYS if way in result.counts} == set(
        ranks.WAYS
    )


def test_a_file_that_is_written_in_place_is_found(
    undisturbed: ranks.Undisturbed, tmp_path: Path
) -> None:
    program, path = tmp_path / "torn.py", tmp_path / "model.h5"
    program.write_text(TORN)
    path.write_bytes(undisturbed.begun)
    case = ranks.Case(ranks=2, way="killed", rank=1, epoch=1, seconds=0.0, others=1)
    ranks.disturbed(case, path, str(program))
    assert undisturbed.problem_of(path).startswith("the file does not load")


def test_a_job_that_does_not_end_is_found(
    undisturbed: ranks.Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "deaf.py"
    program.write_text(DEAF)
    monkeypatch.setattr(ranks, "LIMIT_SECONDS", 1.0)
    case = ranks.Case(ranks=2, way="stopped", rank=1, epoch=1, seconds=0.0, others=1)
    fault, _ = ranks.disturbed(case, tmp_path / "model.h5", str(program))
    assert fault == "no end within 1 seconds"
