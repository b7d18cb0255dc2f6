"""Archives as an attacker, a bad disk or a cut connection would leave them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from graphc.errors import DownloadError
from graphc.utils.archives import unpack_tar


def archive(path: Path, *members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_the_only_folder_is_the_folder(tmp_path, mode):
    path = archive(tmp_path / "a.tar", ("data/x", b"1"), ("data/deep/y", b"22"), mode=mode)
    unpack_tar(path, tmp_path / "data", 10)
    assert (tmp_path / "data" / "x").read_bytes() == b"1"
    assert (tmp_path / "data" / "deep" / "y").read_bytes() == b"22"
    assert {one.name for one in tmp_path.iterdir()} == {"a.tar", "data"}


@pytest.mark.parametrize("names", [("x", "y"), ("data/x", "y"), ("other/x",)])
def test_other_content_lies_in_the_folder(tmp_path, names):
    path = archive(tmp_path / "a.tar.gz", *((name, b"1") for name in names))
    unpack_tar(path, tmp_path / "data", 10)
    found = {str(one.relative_to(tmp_path / "data")) for one in (tmp_path / "data").rglob("*")}
    assert set(names) <= found


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (("../out", b"1"), "'../out' leads out of the archive"),
        (("data/../../out", b"1"), "leads out of the archive"),
        (("/tmp/out", b"1"), "'/tmp/out' leads out of the archive"),
        (("C:/out", b"1"), "leads out of the archive"),
        (("..\\out", b"1"), "leads out of the archive"),
        (special("data/l", tarfile.SYMTYPE, "/etc"), "'data/l' is a link; it is not unpacked"),
        (special("data/l", tarfile.LNKTYPE, "data/x"), "'data/l' is a link"),
        (special("data/p", tarfile.FIFOTYPE), "neither a file nor a folder"),
        (special("data/d", tarfile.CHRTYPE), "neither a file nor a folder"),
        (("data/large", b"1" * 11), "unpacks to more than 12 bytes; give a larger size_limit"),
    ],
)
def test_what_is_not_unpacked_leaves_nothing(tmp_path, member, message):
    (tmp_path / "in").mkdir()
    path = archive(tmp_path / "in" / "a.tar.gz", ("data/x", b"11"), member)
    with pytest.raises(DownloadError, match=message.replace("\\", "\\\\")):
        unpack_tar(path, tmp_path / "in" / "data", 12)
    assert [str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*")] == ["in", "in/a.tar.gz"]


@pytest.mark.parametrize("kept", [0, 30, -30])
def test_a_cut_or_foreign_file(tmp_path, kept):
    noise = bytes((k * k * 7 + k // 3) % 251 for k in range(5000))
    path = archive(tmp_path / "a.tar.gz", ("data/x", noise))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DownloadError, match="is not a whole tar archive"):
        unpack_tar(path, tmp_path / "data", 10**6)
    assert list(tmp_path.iterdir()) == [path]


def test_a_cut_tar_without_compression(tmp_path):
    path = archive(tmp_path / "a.tar", ("data/x", b"1" * 5000), mode="w")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DownloadError, match="is not a whole tar archive"):
        unpack_tar(path, tmp_path / "data", 10**6)
    assert list(tmp_path.iterdir()) == [path]
