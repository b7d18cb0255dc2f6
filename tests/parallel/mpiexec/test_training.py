"""Models that ranks train together: the bits of one rank; what each prints, writes and raises."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.parallel.mpiexec.launching import run

MODELS = "dropout,masked,normalized,clipped,steps,wide"
FLAGS = "ranks=mpi,shards=4"


def results(folder: Path, ranks: int) -> list[dict]:
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(ranks)]


def values_of(file: Path) -> dict[str, bytes]:
    """Return the arrays of a model's file: weights, the optimizer's state."""
    found = {}

    def keep(name: str, one: object) -> None:
        if isinstance(one, h5py.Dataset):
            found[name] = one[()].tobytes()

    with h5py.File(file) as opened:
        opened.visititems(keep)
    return found


@pytest.fixture(scope="module")
def alone_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train one rank; it compiles the kernels that the others find in the cache. Return its
    folder."""
    folder = tmp_path_factory.mktemp("alone")
    ended = run(1, "training.py", folder, MODELS, flags=FLAGS)
    assert ended.status == 0, ended.errors
    return folder


@pytest.fixture(scope="module")
def alone(alone_in: Path) -> dict:
    """Return the results of one rank."""
    (found,) = results(alone_in, 1)
    return found


@pytest.mark.parametrize(
    ("ranks", "threads"), [(1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2)]
)
def test_weights_history_and_values_have_the_bits_of_one_rank(
    ranks: int, threads: int, alone: dict, alone_in: Path, tmp_path: Path
) -> None:
    ended = run(ranks, "training.py", tmp_path, MODELS, flags=FLAGS, threads=threads)
    assert ended.status == 0, ended.errors
    for found in results(tmp_path, ranks):
        assert found == alone
    # Rank 0 alone prints and writes: a line an epoch, a file whole, a row an epoch.
    epochs = sum(len(one["history"]["loss"]) for one in alone.values())
    assert sum(line.startswith("Epoch ") for line in ended.output.splitlines()) == epochs
    for name, found in alone.items():
        rows = (tmp_path / f"{name}.csv").read_text().splitlines()
        assert len(rows) == 1 + len(found["history"]["loss"])
        assert values_of(tmp_path / f"{name}.h5") == values_of(alone_in / f"{name}.h5")


def test_generators_of_own_rows_have_the_bits_of_whole_batches(tmp_path: Path) -> None:
    found = []
    for ranks in (1, 4):
        folder = tmp_path / str(ranks)
        folder.mkdir()
        ended = run(ranks, "generators.py", folder, flags=FLAGS)
        assert ended.status == 0, ended.errors
        assert "yield the same samples" not in ended.errors
        found += results(folder, ranks)
    assert [one["size"] for one in found] == [1, 4, 4, 4, 4]
    assert all(one["whole"] == one["own"] == found[0]["whole"] for one in found)
    assert found[0]["own"]["shape"] == [22, 3]


def test_the_models_differ_and_train(alone: dict) -> None:
    """So that equal results say something."""
    assert len({one["weights"] for one in alone.values()}) == len(alone) == 6
    assert all(one["history"]["loss"][0] != one["history"]["loss"][-1] for one in alone.values())
    # EarlyStopping has ended each of them, on all ranks at once.
    assert {len(one["history"]["loss"]) for one in alone.values()} == {2}


@pytest.mark.parametrize(
    ("mistake", "flags", "message"),
    [
        ("none", "", "mpiexec started this program 2 times, and without the flag ranks"),
        ("none", "ranks=mpi", "at most one rank for each of 1 shards, received 2 ranks"),
        ("none", "ranks=mpi,shards=5", "shards: expected at most the 4 samples of a batch"),
        (
            "undivided",
            "ranks=mpi,shards=2",
            "gradient of centre reads, for each row, the sum",
        ),
        ("none", "ranks=nccl,shards=2", "ranks=nccl moves sums between GPUs, and device=cpu"),
        ("none", "ranks=mpi,shards=2,cpu=numpy", "cannot be combined with cpu=numpy"),
        ("data", "ranks=mpi,shards=2", "received different ones. data: float32[16, 5]:"),
        ("flags", "ranks=mpi,shards=2", "received different ones. flags: device=cpu"),
        ("model", "ranks=mpi,shards=2", "received different ones. variables: "),
        ("generator", "ranks=mpi,shards=2", "batch 1 of the generator: "),
    ],
)
def test_a_mistake_is_an_error_on_all_ranks(mistake: str, flags: str, message: str) -> None:
    ended = run(2, "mistakes.py", mistake, flags=flags)
    assert ended.status != 0
    assert "trained" not in ended.output
    assert sum(message in line for line in ended.errors.splitlines()) == 2, ended.errors


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("callback", "failed: ZeroDivisionError: in a callback"),
        ("early", "failed: FileNotFoundError: no data on this machine"),
        ("stop", "failed: no sign of life"),
    ],
)
def test_a_rank_that_fails_ends_the_others(mistake: str, message: str) -> None:
    ended = run(2, "mistakes.py", mistake, flags="ranks=mpi,shards=2")
    assert ended.status != 0
    assert "trained" not in ended.output
    lines = [line for line in ended.errors.splitlines() if "rank 1 on " in line]
    assert sum(message in line for line in lines) == 1, ended.errors


def test_a_killed_rank_ends_the_training() -> None:
    ended = run(2, "mistakes.py", "kill", flags="ranks=mpi,shards=2")
    assert ended.status != 0
    assert "trained" not in ended.output


@pytest.mark.parametrize("flags", ["ranks=none", "ranks=mpi,shards=2"])
def test_programs_that_are_to_train_for_themselves_do(flags: str) -> None:
    ended = run(2, "mistakes.py", "none", flags=flags)
    assert ended.status == 0, ended.errors
    assert ended.output.count("trained") == 2  # lines of two processes may share one


def test_each_rank_reads_its_own_rows_of_files(tmp_path: Path) -> None:
    """With the bits of one; of rows that take a page, which nobody reads for their neighbours."""
    rows = np.random.RandomState(0).normal(size=(120, 1024)).astype("float32")
    np.save(tmp_path / "x.npy", rows)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=rows, chunks=(1, 1024))
    found = {}
    for ranks in (1, 2):
        ended = run(ranks, "files.py", tmp_path, flags=FLAGS)
        assert ended.status == 0, ended.errors
        found[ranks] = results(tmp_path, ranks)
    trained = 2 * 90 * 4096  # the bytes of two epochs
    for name, (expected, nbytes) in found[1][0].items():
        both = [one[name] for one in found[2]]
        assert [values for values, _ in both] == [expected] * 2
        # Of 16 rows each has 8, of the last ten 6 and 4.
        assert nbytes == trained
        assert [nbytes for _, nbytes in both] == [2 * 46 * 4096, 2 * 44 * 4096]
