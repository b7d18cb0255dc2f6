"""The transport between GPUs over a stand-in for NCCL; of the real library its version and an id.

No test runs it on a GPU.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graphc.errors import DeviceError, MissingPackageError, RankError
from graphc.parallel.nccl import Library, find_library

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> str:
    if shutil.which("g++") is None:
        pytest.skip("no g++, which compiles the stand-in for NCCL")
    path = tmp_path_factory.mktemp("nccl") / "libnccl.so.2"
    subprocess.run(
        ["g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
        + ["-shared", "-fPIC", FOLDER / "stand_in.cc", "-o", path],
        check=True,
    )
    return str(path)


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
    library = Library(stand_in)
    assert library.version() == "2.27.1"
    with pytest.raises(RankError, match="NCCL returned 4: invalid argument; NCCL_DEBUG=INFO"):
        library.check("NCCL", 4)


def test_no_library_is_an_error_with_the_command_that_installs_it() -> None:
    with pytest.raises(
        MissingPackageError, match="NCCL is missing .*: python -m pip install nvidia-nccl-cu12"
    ):
        Library("libnccl-of-nobody.so")


def test_a_library_without_the_calls_is_an_error() -> None:
    with pytest.raises(DeviceError, match="which has no ncclGetVersion"):
        Library("libc.so.6")


def test_the_real_library_has_a_version_and_gives_ids() -> None:
    try:
        library = Library()
    except MissingPackageError:
        pytest.skip("no NCCL here: pip install '.[nccl]' brings it")
    assert re.fullmatch(r"2\.\d+\.\d+", library.version()), find_library()
    assert library.unique_id() != library.unique_id()
    assert len(library.unique_id()) == 128
