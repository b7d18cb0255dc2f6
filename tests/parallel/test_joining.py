"""The flag `ranks` with and without a launcher, and without what it needs."""

from __future__ import annotations

import logging
import sys
import types
from pathlib import Path

import pytest

from graphc.config import Config
from graphc.errors import FlagError, MissingPackageError
from graphc.parallel import joining
from graphc.parallel.launcher import Launcher
from graphc.parallel.transport import OneRank

MPIEXEC = Launcher("mpiexec", 0, 4)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Lets the process be started by a launcher, with flags."""

    def start(launcher: Launcher | None, flags: str) -> None:
        nowhere = tmp_path / "none"
        config = Config({"GRAPHC_FLAGS": flags}, nowhere, nowhere)
        monkeypatch.setattr(joining, "config", config)
        monkeypatch.setattr(joining, "_launcher_of", lambda process: launcher)
        monkeypatch.setattr(joining, "_printed", set())

    return start


@pytest.mark.parametrize(
    ("launcher", "flags"),
    [(None, ""), (Launcher("mpiexec", 0, 1), ""), (MPIEXEC, "ranks=none"), (None, "ranks=mpi")],
)
def test_a_process_that_trains_alone(started, launcher: Launcher | None, flags: str) -> None:
    started(launcher, flags)
    assert isinstance(joining.join("m.fit"), OneRank)


def test_mpiexec_without_the_flag_is_an_error_for_what_writes(started) -> None:
    started(MPIEXEC, "")
    with pytest.raises(FlagError, match="m.fit: mpiexec started this program 4 times.*ranks=mpi"):
        joining.join("m.fit")
    assert isinstance(joining.join("m.predict", writes=False), OneRank)


def test_the_flag_without_mpiexec_is_one_line(started, caplog: pytest.LogCaptureFixture) -> None:
    started(None, "ranks=mpi")
    with caplog.at_level(logging.WARNING, "graphc"):
        joining.join("m.fit")
        joining.join("m.fit")
    (line,) = caplog.messages
    assert line.startswith("ranks=mpi: this process trains alone")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("ranks=nccl", "m.fit: ranks=nccl moves sums between GPUs, and device=cpu may compute"),
        ("ranks=nccl,device=auto", "device=auto may compute on none; set device=gpu, or ranks=mpi"),
        ("ranks=nccl,device=gpu,cpu=numpy", "ranks=nccl cannot be combined with cpu=numpy"),
        ("ranks=mpi,cpu=numpy", "m.fit: ranks=mpi cannot be combined with cpu=numpy"),
    ],
)
def test_what_is_refused(started, flags: str, message: str) -> None:
    started(MPIEXEC, flags)
    with pytest.raises(FlagError, match=message):
        joining.join("m.fit")


def test_without_mpi4py_or_its_library(started, monkeypatch: pytest.MonkeyPatch) -> None:
    started(MPIEXEC, "ranks=mpi")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(MissingPackageError, match="needs mpi4py, which is missing: python -m pip"):
        joining.join("m.fit")
    without_library = types.ModuleType("mpi4py")
    without_library.rc = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "mpi4py", without_library)
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)
    with pytest.raises(MissingPackageError, match="mpi4py finds no MPI library"):
        joining.join("m.fit")


@pytest.mark.parametrize(("rank", "logged"), [(0, ["info", "warning", "error"]), (1, ["error"])])
def test_what_a_rank_logs(rank: int, logged: list[str]) -> None:
    warned: list[str] = []

    class Noted:
        def warned(self, text: str) -> bool:
            warned.append(text)
            return rank == 0

    Noted.rank = rank
    only = joining.RankFilter(Noted())
    made = [
        logging.LogRecord("graphc", getattr(logging, level.upper()), "", 0, "%s", (level,), None)
        for level in ("info", "warning", "error")
    ]
    assert [one.getMessage() for one in made if only.filter(one)] == logged
    assert warned == ["warning"]
