"""Files that appear whole or not at all; tests/files/test_crash_safety.py kills the writers."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import pytest

from graphc.errors import MissingFileError, StorageError
from graphc.files.hdf5 import written
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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EMFILE])
def test_what_the_system_refuses_is_an_error(tmp_path, number):
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


KILLED = """
import os, sys
from graphc.whole_files import written_whole
with written_whole(sys.argv[1]) as part:
    part.write_text("half")
    os.abort()
"""


class TestParts:
    def test_those_of_killed_writers_are_removed_with_the_next_write_into_the_folder(
        self, tmp_path
    ):
        alike = {tmp_path / ".a.notes.part", tmp_path / "a.0123456789ab.part"}
        for file in alike:
            file.write_text("half")
        folder = part_name(tmp_path / "folder")  # of an archive that is being unpacked
        folder.mkdir()
        link = part_name(tmp_path / "link")
        link.symlink_to(next(iter(alike)))
        killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "other"], check=False)
        assert killed.returncode == -signal.SIGABRT
        (left,) = set(tmp_path.iterdir()) - alike - {folder, link}
        assert left.read_text() == "half"
        write(tmp_path / "a", "text")
        assert set(tmp_path.iterdir()) == {tmp_path / "a", folder, link, *alike}

    def test_those_of_writers_that_live_stay(self, tmp_path):
        with written_whole(tmp_path / "a") as first:
            first.write_text("first")
            os.utime(first, (0, 0))
            with written_whole(tmp_path / "a") as second:
                second.write_text("second")
            assert (tmp_path / "a").read_text() == "second"
            write(tmp_path / "b", "text")
            assert first.exists()
        assert (tmp_path / "a").read_text() == "first"

    def test_those_of_others_stay(self, tmp_path, monkeypatch):
        left = part_name(tmp_path / "a")
        left.write_text("half")
        monkeypatch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
        write(tmp_path / "a", "text")
        assert left.exists()

    def test_where_the_file_system_has_no_locks_all_stay(self, tmp_path, monkeypatch):
        left = part_name(tmp_path / "a")
        left.write_text("half")

        def refused(*_: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", refused)
        write(tmp_path / "a", "text")
        assert left.exists()
        assert (tmp_path / "a").read_text() == "text"

    def test_one_that_was_removed_before_it_was_locked_is_begun_again(self, tmp_path, monkeypatch):
        lock, removed = fcntl.flock, []

        def overtaken(descriptor: int, how: int) -> None:
            if not removed:
                removed.extend(tmp_path.iterdir())
                removed[0].unlink()
            lock(descriptor, how)

        monkeypatch.setattr(fcntl, "flock", overtaken)
        write(tmp_path / "a", "text")
        assert removed
        assert (tmp_path / "a").read_text() == "text"

    def test_hdf5_reads_what_its_writer_has_not_let_go_of(self, tmp_path, monkeypatch):
        """In the moment between the new name and the end of the lock."""
        path, replace, read = tmp_path / "a.h5", os.replace, []

        def reading(old: Path, new: Path) -> None:
            replace(old, new)
            with h5py.File(path, "r") as file:
                read.append(file.attrs["a"])

        monkeypatch.setattr(os, "replace", reading)
        with written(path) as file:
            file.attrs["a"] = 3
        assert read == [3]


def extended(path: Path) -> dict[str, bytes]:
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


AS_NOBODY = """
import os, sys
from pathlib import Path
from graphc.whole_files import written_whole
os.setgroups([int(sys.argv[2])])
os.setgid(65534)
os.setuid(65534)
with written_whole(sys.argv[1]) as part:
    part.write_text("after")
"""


class TestAttributes:
    def test_extended_ones_are_kept(self, tmp_path):
        path = tmp_path / "a"
        path.write_text("before")
        try:
            os.setxattr(path, "user.model", b"best\0one")
        except OSError:
            pytest.skip("the file system has none")
        write(path, "after")
        assert path.read_text() == "after"
        assert extended(path) == {"user.model": b"best\0one"}

    def test_one_that_cannot_be_kept_for_a_full_disk_keeps_the_old_file(
        self, tmp_path, monkeypatch
    ):
        path = tmp_path / "a"
        path.write_text("before")
        monkeypatch.setattr(os, "listxattr", lambda file: ["user.model"])
        monkeypatch.setattr(os, "getxattr", lambda file, name: b"best")

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "setxattr", full)
        with pytest.raises(StorageError, match="a cannot be written .*No space"):
            write(path, "after")
        assert path.read_text() == "before"

    def test_access_lists_are_kept_and_those_of_the_folder_do_not_take_their_place(self, tmp_path):
        """The forms that Linux stores: a version, then tag, permissions and number of each."""
        path = tmp_path / "a"
        path.write_text("before")
        entries = [(1, 6, -1), (2, 4, 1234), (4, 0, -1), (16, 4, -1), (32, 0, -1)]
        named = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *one) for one in entries)
        try:
            os.setxattr(path, "system.posix_acl_access", named)
            os.setxattr(tmp_path, "system.posix_acl_default", named)
        except OSError:
            pytest.skip("the file system has none")
        write(path, "after")
        assert extended(path) == {"system.posix_acl_access": named}
        os.removexattr(path, "system.posix_acl_access")
        path.chmod(0o640)
        write(path, "after")
        assert extended(path) == {}
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="root gives files away")
    def test_the_owner_is_kept_where_the_user_may(self, tmp_path):
        path = tmp_path / "a"
        path.write_text("before")
        os.chown(path, 1234, 5678)
        path.chmod(0o2640)
        write(path, "after")
        found = path.stat()
        assert (found.st_uid, found.st_gid) == (1234, 5678)
        assert stat.S_IMODE(found.st_mode) == 0o2640

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="root gives files away")
    @pytest.mark.parametrize(
        ("group", "mode", "expected"), [(5678, 0o6664, (5678, 0o2664)), (9, 0o6672, (65534, 0o622))]
    )
    def test_where_the_user_may_not(self, group, mode, expected):
        """Of a group that one is in the file stays; one that gets it has no more than all have."""
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            path = Path(folder, "a")
            path.write_text("before")
            os.chown(path, 1234, 5678)
            path.chmod(mode)
            subprocess.run([sys.executable, "-c", AS_NOBODY, path, str(group)], check=True)
            assert path.read_text() == "after"
            found = path.stat()
            assert found.st_uid == 65534
            assert (found.st_gid, stat.S_IMODE(found.st_mode)) == expected

    def test_what_is_written_is_not_open_to_others_before_it_is_whole(self, tmp_path):
        path = tmp_path / "a"
        path.write_text("before")
        path.chmod(0o600)
        with written_whole(path) as part:
            assert stat.S_IMODE(part.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_listed_is_written_into(tmp_path, monkeypatch):
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "scandir", refused)
    write(tmp_path / "a", "text")
    assert (tmp_path / "a").read_text() == "text"


def test_a_way_through_a_folder_that_is_not_there(tmp_path):
    """It leads nowhere, though it would without the part that goes back."""
    with pytest.raises(MissingFileError, match="there is no folder .*nothing"):
        write(tmp_path / "nothing" / ".." / "a", "text")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="Linux")
@pytest.mark.parametrize("name", ["/proc/a.h5", "/proc/self/a.h5", "/proc/self/status"])
def test_where_the_system_makes_no_files(name):
    with pytest.raises(StorageError, match="cannot be written .*what was there is unchanged"):
        write(name, "text")


def test_a_folder_that_cannot_be_synced_is_reported_and_the_file_is_complete(tmp_path, monkeypatch):
    fsync = os.fsync

    def failing(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageError, match="a is written, but the system does not say"):
        write(tmp_path / "a", "text")
    assert (tmp_path / "a").read_text() == "text"
