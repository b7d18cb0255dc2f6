"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graphc.errors import MissingFileError, StorageError

_LEFT_AFTER_SECONDS = 3600  # a writer that lives has touched its part since

_REFUSED = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENAMETOOLONG,
}
"""What the system says where a file cannot be written."""


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """A path to write a file at, which takes the place of `path` when the block ends well.

    What another process reads at `path` is the file before or the file after, also when the power
    fails between; when the block raises, `path` is as before and nothing is left beside it. A
    process that is killed leaves a part, ``.<name>.<12 digits>.part``, beside the file; a later
    write of the same file removes parts that nobody has written to for an hour.

    A link is kept, and what it leads to replaced. A file that is replaced keeps its permissions.

    Raises:
        MissingFileError: no such folder.
        StorageError: a disk or a quota is full, a folder or a file may not be written, or what is
            at `path` is no file.
    """
    path = Path(os.path.realpath(path))
    mode = _check(path)
    part = part_name(path)
    try:
        yield part
        with open(part, "rb+") as written:
            if mode is not None:
                os.chmod(part, mode)
            os.fsync(written.fileno())
        _remove_left(path, part)
        os.replace(part, path)
        sync_folder(path.parent)
    except OSError as error:
        if isinstance(error, StorageError) or error.errno not in _REFUSED:
            raise
        raise unwritten(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def unwritten(path: str | os.PathLike, why: object) -> StorageError:
    """The error for a file that cannot be written."""
    return StorageError(
        f"{os.fspath(path)} cannot be written ({why}); what was there is unchanged. Make room, or "
        "write to a folder that takes it"
    )


def _check(path: Path) -> int | None:
    """The permissions of the file that is there, None where there is none."""
    if not path.parent.is_dir():
        raise MissingFileError(f"{path}: there is no folder {path.parent}; make it first")
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unwritten(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise StorageError(f"{path} is no file that could be replaced; give another name")
    if not os.access(path, os.W_OK):
        raise StorageError(f"{path} is read-only; allow it to be written, or give another name")
    return stat.S_IMODE(found.st_mode)


def part_name(path: Path) -> Path:
    """A name beside `path` that nobody else takes."""
    return path.with_name(f"{_part_prefix(path)}{secrets.token_hex(6)}.part")


def _part_prefix(path: Path) -> str:
    # A file's name has at most 255 bytes.
    return f".{path.name.encode()[:200].decode(errors='ignore')}."


def _remove_left(path: Path, part: Path) -> None:
    """Remove what writers of `path` that were killed have left."""
    name = re.compile(re.escape(_part_prefix(path)) + r"[0-9a-f]{12}\.part")
    now = part.stat().st_mtime  # by the clock of the file system, which may be another machine's
    for other in path.parent.iterdir():
        if other != part and name.fullmatch(other.name):
            # Another writer may remove it at the same time, or it may belong to another user.
            with suppress(OSError):
                if now - other.stat().st_mtime > _LEFT_AFTER_SECONDS:
                    other.unlink()


def sync_folder(folder: Path) -> None:
    """Make a rename within a folder last. Windows opens no folders, and orders renames itself."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of file systems without it
            raise
    finally:
        os.close(descriptor)
