"""A training that goes on from a file on other numbers of ranks has the bits of one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graphc.config import config
from graphc.models import load_model
from tests.parallel.mpiexec import going_on
from tests.parallel.mpiexec.launching import run

FLAGS = "cpu=native,ranks=mpi"


@pytest.fixture(autouse=True)
def _native() -> Iterator[None]:
    with config.changed(cpu="native"):
        yield


def go_on(path: Path, ranks: int, *arguments: object) -> None:
    ended = run(ranks, "going_on.py", path, *arguments, flags=FLAGS)
    assert ended.status == 0, ended.errors


def test_behind_an_epoch(tmp_path: Path) -> None:
    alone, path = tmp_path / "alone.h5", tmp_path / "model.h5"
    for one in (alone, path):
        going_on.new_model().save(one)
    expected = going_on.digest(going_on.train(alone, last=7))
    assert expected != going_on.digest(load_model(path))
    for ranks, last in [(1, 2), (2, 3), (3, 5), (1, 7)]:
        go_on(path, ranks, last)
    assert going_on.digest(load_model(path)) == expected


def test_within_an_epoch(tmp_path: Path) -> None:
    """`fit` saves behind epochs; a loop of one's own over batches saves where it likes."""
    alone, path = tmp_path / "alone.h5", tmp_path / "model.h5"
    for one in (alone, path):
        going_on.new_model().save(one)
    expected = going_on.digest(going_on.step(alone, 0, 11))
    for ranks, first, behind in [(2, 0, 3), (3, 3, 7), (1, 7, 11)]:
        go_on(path, ranks, "steps", first, behind)
    assert going_on.digest(load_model(path)) == expected
