"""`graphc cache` shows what is kept and empties the folder; it removes nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from graphc import cli
from graphc.compiler.runtime.cache.kernels import KernelCache
from graphc.config import config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache with two libraries, one with its source, a template and a file of another's."""
    folder = tmp_path / "kernels"
    folder.mkdir(mode=0o700)
    config.cuda_cache = str(folder)
    cache = KernelCache(folder)
    for number, nbytes in ((1, 2**20), (2, 2**19)):
        cache.write(f"{number:040x}.so", bytes(nbytes))
    cache.write_source(f"{1:040x}.cpp", "int x;\n")
    cache.write(f"{3:040x}.j2", b"bytecode")
    (folder / "notes.txt").write_text("mine")
    used = time.mktime((2024, 2, 29, 12, 30, 0, 0, 0, -1))
    os.utime(folder / f"{2:040x}.so", (used, used))
    return folder


def test_files_and_bytes_are_shown_by_kind(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["cache"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"folder  {folder} (flag cuda_cache)"
    assert lines[1] == "holds   4 files, 1.5 MB of at most 1GB (flag cache_size)"
    assert [line.split() for line in lines[2:5]] == [
        ["native", "libraries", "2", "1.5", "MB"],
        ["C++", "sources", "1", "7", "B"],
        ["templates", "1", "40", "B"],  # with its digest
    ]
    assert lines[5] == "oldest  last used 2024-02-29 12:30"


def test_the_folder_is_emptied_of_what_graphc_has_made(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / f".{4:040x}.so.0123456789ab").write_bytes(b"of a killed process")
    assert cli.main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out.startswith("removed 5 files, 1.5 MB: ")
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    config.cache_size = "none"
    assert cli.main(["cache"]) == 0
    assert "holds   0 files, 0 B without a bound" in capsys.readouterr().out
    assert cli.main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out.startswith("removed 0 files, 0 B: ")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX modes")
def test_a_folder_of_others_is_neither_shown_nor_emptied(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.chmod(0o777)
    assert cli.main(["cache", "--clear"]) == 2
    said = capsys.readouterr().err
    assert "other users may write to it" in said
    assert "chmod 700" in said
    assert len(list(folder.iterdir())) == 5
