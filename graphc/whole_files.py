"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from graphc.errors import MissingFileError, StorageError
from graphc.paths import GivenPath, checked_path, shown_path

try:
    import fcntl
except ImportError:  # Windows, which removes no file that is open
    fcntl = None  # type: ignore[assignment]  # a module elsewhere

_REFUSED = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENAMETOOLONG,
    errno.EMFILE,
    errno.ENFILE,
}
"""The errors of the system where a file cannot be written."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EIO}

_MOST_NAME_BYTES = 200
"""Of a name, in that of its part: a file's name has at most 255 bytes."""

_PART = re.compile(r"\..+\.[0-9a-f]{12}\.part", re.DOTALL)


_writes = True


def write_nothing() -> None:
    """Let `written_whole` replace no file in this process from now on: another one, which computes
    the same, does."""
    global _writes
    _writes = False


@contextmanager
def written_whole(path: GivenPath) -> Iterator[Path]:
    """A path to write a file at, which takes the place of `path` when the block ends well.

    What another process reads at `path` is the file before or the file after, also when the power
    fails between; when the block raises, `path` is as before and nothing is left beside it. A
    process that is killed leaves a part, ``.<name>.<12 digits>.part``, beside the file. A writer
    holds a lock on its part: the next write into the folder removes those of this user that nobody
    holds, where the file system has locks.

    The file is there already, empty, and is to be written in place. A link is kept, and what it
    leads to replaced. A file that is replaced keeps its permissions, its extended attributes (lists
    of access rights are such), its owner and its group where this user may give them. A group that
    takes the place of another may do no more than all may.

    Raises:
        ArgumentError: `path` is none.
        MissingFileError: no such folder.
        StorageError: a disk or a quota is full, a folder or a file may not be written, or what is
            at `path` is no file.
    """
    given = checked_path("a file to write", path)
    path = Path(os.path.realpath(given))
    if not _writes:
        with tempfile.TemporaryDirectory() as folder:
            elsewhere = Path(folder) / path.name
            elsewhere.touch()
            yield elsewhere
        return
    before = _replaced(given, path)
    with ExitStack() as cleanup:
        with _storage_errors(path):
            part, descriptor = _new_part(path, 0o666 if before is None else 0o600)
            cleanup.callback(part.unlink, missing_ok=True)
            closing = cleanup.enter_context(ExitStack())
            closing.callback(os.close, descriptor)
        try:
            yield part
        except OSError as error:
            if isinstance(error, StorageError) or error.errno not in _REFUSED:
                raise
            raise unwritten(path, error) from error
        with _storage_errors(path):
            if before is not None:
                before.put_on(descriptor, part)
            os.fsync(descriptor)
            _remove_left(path.parent)
            if os.name != "posix":
                closing.close()
            os.replace(part, path)
    try:
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(
            f"{shown_path(path)} is written, but the system does not say that it stays when the "
            f"power fails ({error}); look at the disk"
        ) from error


def unwritten(path: str | os.PathLike[str], why: object) -> StorageError:
    """The error for a file that cannot be written."""
    return StorageError(
        f"{shown_path(path)} cannot be written ({why}); what was there is unchanged. Make room, or "
        "write to a folder that takes it"
    )


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritten(path, error) from error


@dataclass(frozen=True)
class _Attributes:
    """A file's owner, group, permissions and extended attributes."""

    status: os.stat_result
    extended: dict[str, bytes]

    def put_on(self, descriptor: int, path: Path) -> None:
        """Give them to the file that is open, as far as this user may."""
        mode = stat.S_IMODE(self.status.st_mode)
        if os.name != "posix":
            os.chmod(path, mode)
            return
        self._put_owner(descriptor)
        given = os.fstat(descriptor)
        if given.st_uid != self.status.st_uid:
            mode &= ~stat.S_ISUID
        if given.st_gid != self.status.st_gid:
            others = mode & stat.S_IRWXO
            mode &= ~(stat.S_ISGID | stat.S_IRWXG) | others << 3
        for name in _extended_of(descriptor).keys() - self.extended.keys():
            with _unless_full():  # inherited from the folder
                os.removexattr(descriptor, name)
        for name, value in self.extended.items():
            with _unless_full():
                os.setxattr(descriptor, name, value)
        os.fchmod(descriptor, mode)

    def _put_owner(self, descriptor: int) -> None:
        wanted = self.status.st_uid, self.status.st_gid
        given = os.fstat(descriptor)
        if (given.st_uid, given.st_gid) == wanted:
            return
        try:
            os.fchown(descriptor, *wanted)
        except OSError:
            with suppress(OSError):
                os.fchown(descriptor, -1, self.status.st_gid)


@contextmanager
def _unless_full() -> Iterator[None]:
    """Suppress an OSError of an operation that this user may not do, or the file system does not
    have; one of a full disk is raised."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise


def _extended_of(file: Path | int) -> dict[str, bytes]:
    """The extended attributes that this user may read, where the system has such."""
    found: dict[str, bytes] = {}
    if hasattr(os, "listxattr"):
        with suppress(OSError):
            for name in os.listxattr(file):
                with suppress(OSError):
                    found[name] = os.getxattr(file, name)
    return found


def _replaced(given: str, path: Path) -> _Attributes | None:
    """Return the attributes of the file that will be replaced, None where there is none."""
    if not os.path.isdir(os.path.dirname(given) or ".") or not path.parent.is_dir():
        folder = path.parent if not path.parent.is_dir() else Path(given).parent
        raise MissingFileError(
            f"{shown_path(path)}: there is no folder {shown_path(folder)}; make it first"
        )
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unwritten(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise StorageError(
            f"{shown_path(path)} is no file that could be replaced; give another name"
        )
    if not os.access(path, os.W_OK):
        raise StorageError(
            f"{shown_path(path)} is read-only; allow it to be written, or give another name"
        )
    return _Attributes(found, _extended_of(path))


def part_name(path: Path) -> Path:
    """A name beside `path` that nobody else takes."""
    name = path.name
    while len(os.fsencode(name)) > _MOST_NAME_BYTES:
        name = name[:-1]
    return path.with_name(f".{name}.{secrets.token_hex(6)}.part")


def _new_part(path: Path, mode: int) -> tuple[Path, int]:
    """A new empty file beside `path`, and a descriptor that holds its lock."""
    while True:
        part = part_name(path)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        # One who removes what is left may have met it before it was locked.
        if _is_locked_shared(descriptor) and os.path.lexists(part):
            return part, descriptor
        os.close(descriptor)


def _is_locked_shared(descriptor: int) -> bool:
    """Take a shared lock, unless another has all of it. HDF5 takes a shared one to read: it may
    read a file while its writer has not let go of it yet.

    True too where the file system has no locks: nothing is removed from such.
    """
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


def _remove_left(folder: Path) -> None:
    """Remove what writers that were killed have left in a folder."""
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(folder) as entries:  # one may write where one cannot list
        for entry in entries:
            if _PART.fullmatch(entry.name):
                _remove_unheld(entry.path)


def _remove_unheld(part: str) -> None:
    """Remove a part of this user's that nobody writes to."""
    try:
        # Network file systems lock for writers alone what is open for writing.
        descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            with suppress(OSError):  # held, without locks, or removed by another
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(part)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make a rename within a folder last. Windows opens no folders, and orders renames itself."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # of a folder that one may write into and not list
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of file systems without it
            raise
    finally:
        os.close(descriptor)
