"""Files that appear whole or not at all; tests/files/test_crash_safety.py kills the writers."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from graphc.errors import MissingFileError, StorageError
from graphc.whole_files import part_name, written_whole


def write(path: Path, text: str) -> None:
    with written_whole(path) as part:
        part.write_text(text)


def test_a_file_takes_its_place_at_the_end(tmp_path):
    path = tmp_path / "a"
    path.write_text("before")
    with written_whole(path) as part:
        part.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "a"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), written_whole(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_block_wrote_is_on_the_disk_before_it_has_the_name(tmp_path, monkeypatch):
    """A power failure cannot be had in a test; the order of the calls can."""
    path, calls = tmp_path / "a", []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor):
        calls.append(("fsync", stat.S_ISDIR(os.fstat(descriptor).st_mode)))
        fsync(descriptor)

    def noted_replace(old, new):
        calls.append(("replace", Path(new) == path))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write(path, "text")
    assert calls == [("fsync", False), ("replace", True), ("fsync", True)]


class TestWhatIsThere:
    def test_a_link_is_kept(self, tmp_path):
        (tmp_path / "folder").mkdir()
        target, link = tmp_path / "folder" / "a", tmp_path / "link"
        target.write_text("before")
        link.symlink_to(target)
        write(link, "after")
        assert link.is_symlink()
        assert target.read_text() == "after"
        assert not target.is_symlink()

    def test_its_permissions_are_kept(self, tmp_path):
        path = tmp_path / "a"
        path.write_text("before")
        path.chmod(0o640)
        write(path, "after")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_a_new_file_has_those_of_every_new_file(self, tmp_path):
        write(tmp_path / "a", "text")
        (tmp_path / "b").write_text("text")
        assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode

    def test_what_is_no_file_is_not_replaced(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "folder").mkdir()
        for name in ("pipe", "folder"):
            with pytest.raises(StorageError, match=f"{name} is no file that could be replaced"):
                write(tmp_path / name, "text")
        assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)

    def test_a_read_only_file_stays(self, tmp_path, monkeypatch):
        # Root may write everything, so the answer of the system is given here.
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        (tmp_path / "a").write_text("before")
        with pytest.raises(StorageError, match="a is read-only; allow it to be written"):
            write(tmp_path / "a", "after")
        assert (tmp_path / "a").read_text() == "before"

    def test_no_folder(self, tmp_path):
        with pytest.raises(MissingFileError, match="there is no folder .*nothing; make it first"):
            write(tmp_path / "nothing" / "a", "text")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_what_the_system_refuses_is_told(tmp_path, number):
    (tmp_path / "a").write_text("before")
    refused = pytest.raises(StorageError, match=f"a cannot be written .*{os.strerror(number)}")
    with refused, written_whole(tmp_path / "a"):
        raise OSError(number, os.strerror(number))
    assert (tmp_path / "a").read_text() == "before"


def test_other_errors_pass(tmp_path):
    with pytest.raises(ConnectionResetError), written_whole(tmp_path / "a"):
        raise ConnectionResetError(errno.ECONNRESET, "reset")


def test_the_longest_name_that_a_file_may_have(tmp_path):
    path = tmp_path / ("ä" * 127)
    write(path, "text")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(StorageError, match="cannot be written"):
        write(tmp_path / ("ä" * 128), "text")


def test_parts_of_killed_writers_are_removed(tmp_path):
    path = tmp_path / "a"
    old, young, other = part_name(path), part_name(path), part_name(tmp_path / "b")
    alike = tmp_path / ".a.notes.part"
    for file in (old, young, other, alike):
        file.write_text("half")
    for file in (old, other, alike):
        os.utime(file, (0, 0))
    write(path, "text")
    assert set(tmp_path.iterdir()) == {path, young, other, alike}
