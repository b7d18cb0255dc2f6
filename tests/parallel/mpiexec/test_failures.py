"""Trainings that fail on one rank: all end, the others name it, and the file is an epoch's."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphc.config import config
from graphc.models import load_model
from tests.parallel.mpiexec import going_on
from tests.parallel.mpiexec.launching import Job, run

FLAGS = "ranks=mpi,shards=2"
EPOCH = 3


def begun(folder: Path) -> Path:
    """The file of a model before its first epoch."""
    path = folder / "model.h5"
    with config.changed(cpu="native"):
        going_on.new_model().save(path)
    return path


@pytest.mark.parametrize(
    ("way", "failing", "message", "epochs"),
    [
        # Rank 0 may be saving still when another fails at the start of the epoch behind.
        ("exit", 1, "SystemExit: 0", (EPOCH - 1, EPOCH)),
        ("memory", 1, "Unable to allocate", (EPOCH - 1, EPOCH)),
        ("generator", 1, "LookupError: no more files", (0,)),
        ("disk", 0, "StorageError: ", (EPOCH,)),
    ],
)
def test_a_rank_that_fails_ends_the_others_and_tears_no_file(
    way: str, failing: int, message: str, epochs: tuple[int, ...], tmp_path: Path
) -> None:
    path = begun(tmp_path)
    with Job(2, "failing_training.py", way, path, flags=FLAGS) as job:
        ended = job.end()
    assert ended.status != 0
    assert "trained" not in ended.output
    lines = [line for line in ended.errors.splitlines() if f"rank {failing} on " in line]
    assert sum(message in line for line in lines) == 1, ended.errors
    assert load_model(path).epochs_done in epochs
    assert [one.name for one in tmp_path.iterdir()] == ["model.h5"]


def test_ctrl_c_on_mpiexec_leaves_the_file_of_an_epoch(tmp_path: Path) -> None:
    path = begun(tmp_path)
    with Job(2, "failing_training.py", "interrupt", path, flags=FLAGS) as job:
        job.wait_for("begun")
        job.interrupt()
        ended = job.end()
    assert ended.status != 0
    assert "trained" not in ended.output
    assert load_model(path).epochs_done == EPOCH


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("raise", "it has ended before it joined the others"),
        ("leave", "it has ended before it joined the others"),
        ("stop", "and has not joined the others"),
        ("kill", ""),
    ],
)
def test_a_rank_that_fails_before_it_imports_graphc_ends_the_others(way: str, message: str) -> None:
    """MPICH's mpiexec would let them wait for it in MPI's initialisation."""
    ended = run(2, "before_import.py", way, flags=FLAGS)
    assert ended.status != 0
    assert "joined" not in ended.output
    assert not message or "graphc: rank 0: rank 1 on " in ended.errors
    assert message in ended.errors


def test_a_machine_without_a_compiler_is_an_error_on_all_ranks(tmp_path: Path) -> None:
    nothing = {"PATH": str(tmp_path), "CXX": ""}
    ended = run(2, "mistakes.py", "none", flags=FLAGS, environ=nothing)
    assert ended.status != 0
    assert "trained" not in ended.output
    message = "FlagError: sequential_1.fit: ranks=mpi needs native code or a GPU"
    assert sum(message in line for line in ended.errors.splitlines()) == 2, ended.errors
