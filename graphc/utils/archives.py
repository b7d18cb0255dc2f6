"""Unpacking a tar archive that comes from elsewhere."""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from graphc.errors import DownloadError
from graphc.whole_files import part_name, sync_folder

_CHUNK = 1 << 20


def unpack_tar(archive: Path, folder: Path, size_limit: int) -> None:
    """Unpack files and folders of an archive (.tar, .tar.gz, .tar.bz2, .tar.xz) into a new folder.

    The folder appears whole or not at all. If all that the archive holds lies in one folder of this
    name, that is the folder; else the content lies in it. Owners and permissions are not restored.

    Raises:
        DownloadError: an archive that cannot be read, that holds links, devices or paths outside of
            itself, or that unpacks to more than `size_limit` bytes.
    """
    part = part_name(folder)
    part.mkdir()
    try:
        try:
            with tarfile.open(archive, "r:*") as tar:
                _extract(tar, archive, part, size_limit)
                while tar.fileobj.read(_CHUNK):  # to the end, where the compressor's checksum is
                    pass
        except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise DownloadError(
                f"{archive} is not a whole tar archive ({error}); delete it and fetch it again"
            ) from error
        if hasattr(os, "sync"):
            os.sync()  # once for all files, before the name that says that they are there
        only = part / folder.name
        content = only if only.is_dir() and len(list(part.iterdir())) == 1 else part
        try:
            os.rename(content, folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _extract(tar: tarfile.TarFile, archive: Path, folder: Path, size_limit: int) -> None:
    written = 0
    for member in tar:
        target = folder.joinpath(*_safe_parts(member, archive))
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        content = tar.extractfile(member)
        assert content is not None  # of a file, as `_safe_parts` checks
        with content as source, open(target, "wb") as file:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                if written + size > size_limit:
                    raise DownloadError(
                        f"{archive} unpacks to more than {size_limit} bytes; give a larger "
                        "size_limit if that is right"
                    )
                file.write(chunk)
        if size != member.size:
            raise tarfile.ReadError(f"{member.name} has {size} of {member.size} bytes")
        written += size


def _safe_parts(member: tarfile.TarInfo, archive: Path) -> tuple[str, ...]:
    """The parts of a member's path within the folder. DownloadError for what could leave it."""
    if not member.isfile() and not member.isdir():
        kind = "a link" if member.issym() or member.islnk() else "neither a file nor a folder"
        raise DownloadError(f"{archive}: {member.name!r} is {kind}; it is not unpacked")
    path, windows = PurePosixPath(member.name), PureWindowsPath(member.name)
    if path.is_absolute() or windows.anchor or ".." in path.parts or ".." in windows.parts:
        raise DownloadError(
            f"{archive}: the path {member.name!r} leads out of the archive; it is not unpacked"
        )
    return path.parts
