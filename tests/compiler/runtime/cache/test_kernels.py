"""The cache of compiled kernels: keys, damaged entries, folders that cannot be used."""

from __future__ import annotations

import logging
import os
import resource
import stat
import tempfile
from pathlib import Path

import pytest

from graphc.compiler.runtime.cache import kernels as cache_module
from graphc.compiler.runtime.cache.kernels import (
    KernelCache,
    content_key,
    default_folder,
    kernel_cache,
)
from graphc.config import config
from graphc.errors import CompilerError


@pytest.fixture(autouse=True)
def _nothing_logged_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_logged", set())


def test_a_key_depends_on_every_part_and_on_where_parts_end() -> None:
    keys = [content_key(parts) for parts in (["ab", "c"], ["a", "bc"], ["ab", "d"], ["abc"])]
    assert len(set(keys)) == 4
    assert content_key(["ab", "c"]) == keys[0]


def test_an_entry_comes_back_whole(tmp_path: Path) -> None:
    cache = KernelCache(tmp_path)
    assert cache.read("k.cubin") is None
    cache.write("k.cubin", b"\x7fELF kernels")
    assert cache.read("k.cubin") == b"\x7fELF kernels"
    assert cache.write_source("k.cu", "int x; // x\n") == tmp_path / "k.cu"
    assert (tmp_path / "k.cu").read_text() == "int x; // x\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k.cu", "k.cubin"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data + b"more",
    ],
    ids=["cut", "empty", "changed", "longer"],
)
def test_a_damaged_entry_counts_as_none(tmp_path: Path, damage, caplog) -> None:
    cache = KernelCache(tmp_path)
    cache.write("k.cubin", b"kernels")
    path = tmp_path / "k.cubin"
    path.write_bytes(damage(path.read_bytes()))
    assert cache.read("k.cubin") is None
    assert "k.cubin is damaged" in caplog.text
    cache.write("k.cubin", b"kernels")
    assert cache.read("k.cubin") == b"kernels"


def test_a_folder_that_takes_no_files_is_said_once_and_work_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = KernelCache(tmp_path / "gone")
    cache.write("a.cubin", b"a")
    cache.write("b.cubin", b"b")
    source = cache.write_source("a.cu", "int x;\n")
    assert source.read_text() == "int x;\n"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"compiled kernels are not kept: {tmp_path / 'gone'} cannot be written" in caplog.text


def test_the_folder_is_made_for_its_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config.cuda_cache = ""
    folder = kernel_cache().folder
    assert folder == default_folder() == tmp_path / "cache" / "graphc" / "kernels"
    assert folder.stat().st_mode & 0o777 == 0o700
    config.cuda_cache = str(tmp_path / "elsewhere")
    assert kernel_cache().folder == tmp_path / "elsewhere"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX owners and modes")
def test_a_folder_that_others_may_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config.cuda_cache = str(tmp_path)
    tmp_path.chmod(0o777)
    assert kernel_cache().folder != tmp_path
    assert "other users may write to it (mode 777, expected 700)" in caplog.text
    tmp_path.chmod(0o700)
    assert kernel_cache().folder == tmp_path
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert kernel_cache().folder.stat().st_mode & 0o777 == 0o700
    assert f"it belongs to another user (number {me})" in caplog.text


def test_a_folder_that_cannot_be_made_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    config.cuda_cache = str(tmp_path / "file" / "kernels")
    assert kernel_cache().folder.is_dir()
    assert "is not used: it cannot be made" in caplog.text


# ---- files that another user could have written ------------------------------------------------

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX owners, modes and FIFOs")


@pytest.fixture
def kept(tmp_path: Path) -> KernelCache:
    """A cache with one entry."""
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o700)
    cache = KernelCache(folder)
    cache.write("k.so", b"mine")
    return cache


def as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def as_link(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_device(path: Path) -> None:
    path.unlink()
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero: read on and on
    except PermissionError:
        pytest.skip("may not make devices")


def as_another_user_s(path: Path) -> None:
    try:
        os.chown(path, os.geteuid() + 1, -1)
    except PermissionError:
        pytest.skip("may not give files away")


@needs_posix
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.chmod(0o666), r"other users may write to it \(mode 666, expected 600\)"),
        (lambda path: path.chmod(0o620), r"other users may write to it \(mode 620, expected 600\)"),
        (as_another_user_s, "it belongs to another user"),
        (as_fifo, "it is no regular file"),
        (as_device, "it is no regular file"),
        (as_link, "it cannot be opened"),
        (as_folder, "it is no regular file"),
    ],
    ids=["all", "group", "owner", "fifo", "device", "link", "folder"],
)
def test_an_entry_that_is_not_this_user_s_alone_is_not_read_and_made_again(
    kept: KernelCache, change, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = kept.folder / "k.so"
    change(path)
    assert kept.read("k.so") is None
    assert pytest.raises(ValueError, match=f"k.so is not used: {said}").matches(
        ValueError(caplog.text)
    )
    made, seconds = kept.obtain("k.so", lambda: b"made", lambda entry: entry.content)
    assert (made, seconds is None) == (b"made", False)
    if not path.is_dir():
        assert kept.read("k.so") == b"made"
        assert stat.S_ISREG(path.lstat().st_mode)


@needs_posix
def test_what_is_read_is_what_was_checked(
    kept: KernelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though another file gets its name between the two."""
    other = kept.folder / "other"
    other.write_bytes(b"theirs")
    fstat = os.fstat

    def swapping(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        if other.exists() and stat.S_ISREG(found.st_mode):
            os.replace(other, kept.folder / "k.so")
        return found

    monkeypatch.setattr(os, "fstat", swapping)
    assert kept.read("k.so") == b"mine"
    assert not other.exists()
    assert (kept.folder / "k.so").read_bytes() == b"theirs"


@needs_posix
def test_a_folder_that_gets_anothers_place_is_not_read(
    kept: KernelCache, caplog: pytest.LogCaptureFixture
) -> None:
    """It was this user's alone when the cache was chosen."""
    kept.folder.rename(kept.folder.with_name("before"))
    kept.folder.mkdir()
    kept.folder.chmod(0o777)
    (kept.folder / "k.so").write_bytes((kept.folder.with_name("before") / "k.so").read_bytes())
    assert kept.read("k.so") is None
    kept.write("k.cubin", b"more")
    assert not (kept.folder / "k.cubin").exists()
    assert "other users may write to it (mode 777, expected 700)" in caplog.text


@needs_posix
def test_a_folder_whose_parent_everybody_may_write_to_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parent = tmp_path / "open"
    config.cuda_cache = str(parent / "mine" / "kernels")
    parent.mkdir()
    parent.chmod(0o777)
    assert kernel_cache().folder != Path(config.cuda_cache)
    assert f"every user may write to {parent}, and put another folder" in caplog.text
    parent.chmod(0o1777)  # as /tmp: only owners rename
    assert kernel_cache().folder == Path(config.cuda_cache)


@needs_posix
def test_the_folders_that_are_made_are_this_user_s_alone_whatever_the_umask(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config.cuda_cache = str(tmp_path / "one" / "two" / "kernels")
    before = os.umask(0)
    try:
        assert kernel_cache().folder == Path(config.cuda_cache)
    finally:
        os.umask(before)
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o700
    assert not caplog.messages


@needs_posix
def test_a_full_disk_is_an_error_that_says_what_to_do_and_leaves_no_halves(
    kept: KernelCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As a file that may not grow is one: writing begins well, and fails."""
    monkeypatch.setattr(tempfile, "tempdir", str(kept.folder.parent))
    monkeypatch.setattr(cache_module, "_private", [])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(CompilerError, match="no folder for compiled kernels.*What to do: let"):
            kept.obtain("large.so", lambda: bytes(20_000), lambda entry: pytest.fail("loaded"))
        kept.write("large.cubin", bytes(20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in kept.folder.iterdir()] == ["k.so"]
    assert "compiled kernels are not kept" in caplog.text
