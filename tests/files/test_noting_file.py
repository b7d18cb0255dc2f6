"""A file that notes what the system refuses, as HDF5 uses it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from graphc.files.noting_file import NotingFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "part").touch()
    return tmp_path / "part"


def test_what_is_written_is_read_back(path: Path) -> None:
    with NotingFile(path) as file:
        assert (file.readable(), file.writable(), file.seekable()) == (True, True, True)
        assert file.write(b"abcdef") == 6
        assert file.tell() == 6
        assert file.seek(2) == 2
        assert file.write(b"XY") == 2
        assert file.seek(-3, os.SEEK_CUR) == 1
        assert file.read(4) == b"bXYe"
        assert file.seek(-1, os.SEEK_END) == 5
        assert file.write(memoryview(b"123456").cast("H")) == 6
        assert file.seek(0, os.SEEK_END) == 11
        assert file.refused is None
    assert path.read_bytes() == b"abXYe123456"


def test_what_was_never_written_reads_as_zeros(path: Path) -> None:
    with NotingFile(path) as file:
        file.seek(4)
        file.write(b"a")
        buffer = bytearray(b"????????")
        file.seek(2)
        assert file.readinto(buffer) == 8
        assert file.tell() == 10
    assert buffer == b"\0\0a\0\0\0\0\0"


def test_it_is_cut_and_made_longer(path: Path) -> None:
    with NotingFile(path) as file:
        file.write(b"abcdef")
        assert file.truncate(3) == 3
        assert file.seek(0, os.SEEK_END) == 3
        file.seek(1)
        assert file.truncate() == 1
        assert file.truncate(5) == 5
    assert path.read_bytes() == b"a\0\0\0\0"


def test_the_first_refusal_is_noted_and_the_writer_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([OSError(errno.ENOSPC, "full"), OSError(errno.EIO, "broken")])

    def refuse(*arguments: object) -> int:
        raise next(refusals)

    with NotingFile(path) as file:
        file.write(b"ab")
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", refuse)
            patched.setattr(os, "ftruncate", refuse)
            assert file.write(b"cdef") == 4
            assert file.truncate(9) == 9
        assert (file.refused.errno, file.tell()) == (errno.ENOSPC, 6)
        assert file.seek(0, os.SEEK_END) == 9


def test_a_write_that_the_system_cuts_short_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda to, data, at: whole(to, data[:2], at))
    with NotingFile(path) as file:
        assert file.write(b"abcde") == 5
    assert path.read_bytes() == b"abcde"


def test_it_is_closed_once(path: Path) -> None:
    file = NotingFile(path)
    file.close()
    file.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file._descriptor)
