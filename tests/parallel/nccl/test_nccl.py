"""The transport between GPUs over a stand-in for NCCL; of the real library its version and an id.

No test runs it on a GPU.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from graphc.errors import DeviceError, MissingPackageError, RankError
from graphc.parallel.nccl import DeviceBytes, Nccl, NcclLibrary, find_library
from graphc.parallel.transport import OneRank
from tests.parallel.nccl.building import FOLDER, built


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(built(tmp_path_factory.mktemp("nccl") / "libnccl.so.2"))


@pytest.mark.parametrize("size", [2, 3])
def test_the_five_calls(size: int, stand_in: str, tmp_path: Path) -> None:
    ranks = [
        subprocess.Popen(
            [sys.executable, FOLDER / "calls.py", stand_in, str(rank), str(size), tmp_path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        ended = [one.communicate(timeout=60) for one in ranks]
    finally:
        for one in ranks:
            one.kill()
    assert [output.startswith("all right") for output, _ in ended] == [True] * size, ended


def test_an_error_of_the_library_is_raised_with_its_text(stand_in: str) -> None:
    library = NcclLibrary(stand_in)
    assert library.version() == "2.27.1"
    with pytest.raises(RankError, match="NCCL returned 4: invalid argument; NCCL_DEBUG=INFO"):
        library.check("NCCL", 4)


class Recorder:
    """A library that keeps the names of what is called, and has an asynchronous error."""

    def __init__(self, asynchronous: int = 0) -> None:
        self.called: list[str] = []
        self._asynchronous = asynchronous

    def unique_id(self) -> bytes:
        return bytes(128)

    def call(self, name: str, *arguments: object) -> None:
        self.called.append(name)
        if name == "ncclCommGetAsyncError":
            arguments[1]._obj.value = self._asynchronous

    def check(self, name: str, result: int) -> None:
        if result:
            raise RankError(f"{name} returned {result}")


class NeverDone:
    """A stream whose transfers no other rank joins."""

    handle = 0

    def mark(self) -> Callable[[], bool]:
        return lambda: False


def fails() -> None:
    raise RankError("rank 1 on node7 failed: it was stopped")


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("asynchronous", "check", "error", "message"),
    [
        (6, list, RankError, "NCCL returned 6"),
        (0, fails, RankError, "rank 1 on node7 failed"),
        (0, interrupted, KeyboardInterrupt, None),
    ],
)
def test_a_wait_that_fails_gives_nccl_up(
    asynchronous: int, check: Callable, error: type[BaseException], message: str | None
) -> None:
    """A transfer that others never join would keep the GPU busy, and so the end of the program."""
    library, looks = Recorder(asynchronous), iter([list, check])
    ranks = Nccl(OneRank(), library, NeverDone(), lambda: next(looks, list)())
    begun = ranks.broadcast(DeviceBytes(4096, 8), 0)
    with pytest.raises(error, match=message):
        begun.wait()
    assert library.called[-1] == "ncclCommAbort"
    with pytest.raises(RankError, match="given up after an error or an interrupt"):
        ranks.all_gather(DeviceBytes(4096, 8), [8])
    ranks.close()
    assert library.called.count("ncclCommAbort") == 1
    assert "ncclCommDestroy" not in library.called


def test_no_library_is_an_error_with_the_command_that_installs_it() -> None:
    with pytest.raises(
        MissingPackageError, match="NCCL is missing .*: python -m pip install nvidia-nccl-cu12"
    ):
        NcclLibrary("libnccl-of-nobody.so")


def test_a_library_without_the_calls_is_an_error() -> None:
    with pytest.raises(DeviceError, match="which has no ncclGetVersion"):
        NcclLibrary("libc.so.6")


def test_the_real_library_has_a_version_and_gives_ids() -> None:
    try:
        library = NcclLibrary()
    except MissingPackageError:
        pytest.skip("no NCCL here: pip install '.[nccl]' brings it")
    assert re.fullmatch(r"2\.\d+\.\d+", library.version()), find_library()
    assert library.unique_id() != library.unique_id()
    assert len(library.unique_id()) == 128
