"""Files that nobody else could have written, in a folder that nobody else can write to.

What is in them is executed. A folder and a file are opened once and judged by their descriptors;
what is read, or loaded, is what was judged, whatever happens to their names meanwhile.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from graphc.errors import StorageError

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH

# What Windows lacks is 0 there. Opening a FIFO does not wait for a writer; a terminal does not
# become that of the process.
_CLOSED_IN_CHILDREN = getattr(os, "O_CLOEXEC", 0)
_AS_IT_IS = (
    _CLOSED_IN_CHILDREN
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_BY_DESCRIPTOR = {os.open, os.stat, os.unlink, os.rename} <= os.supports_dir_fd
"""Files are named relative to the open folder; on Windows, which cannot, by their paths."""


class Found(NamedTuple):
    """A file of a folder: its name, size and time of its last use."""

    name: str
    nbytes: int
    used: float


class PrivateFolder:
    """An open folder that belongs to this user and that nobody else may write to.

    StorageError, which says why, where it is not; OSError where it cannot be opened.
    """

    def __init__(self, path: Path):
        self.path = path
        self._descriptor: int | None = None
        if _BY_DESCRIPTOR:
            flags = os.O_RDONLY | os.O_DIRECTORY | _CLOSED_IN_CHILDREN
            self._descriptor = os.open(path, flags)
        try:
            status = os.stat(path if self._descriptor is None else self._descriptor)
            reason = _not_private(status, "700")
            if reason:
                raise StorageError(reason)
        except OSError:
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def open(self, name: str) -> int:
        """Return a descriptor of a regular file of this user alone, for reading.

        StorageError for a link, a FIFO, a device, a file of another user or one that others may
        write; FileNotFoundError where there is none.
        """
        try:
            descriptor = os.open(
                self._named(name), os.O_RDONLY | _AS_IT_IS, dir_fd=self._descriptor
            )
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"it cannot be opened ({error.strerror})") from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise StorageError("it is no regular file")
            reason = _not_private(status, "600")
            if reason:
                raise StorageError(reason)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def create(self, stem: str) -> tuple[str, int]:
        """Make a file of this user alone, ``.<stem>.<12 digits>``. Returns its name, and a
        descriptor for writing and reading."""
        name = f".{stem}.{secrets.token_hex(6)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _AS_IT_IS
        return name, os.open(self._named(name), flags, 0o600, dir_fd=self._descriptor)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in the place of what has it."""
        os.replace(
            self._named(old),
            self._named(new),
            src_dir_fd=self._descriptor,
            dst_dir_fd=self._descriptor,
        )

    def remove(self, name: str) -> bool:
        """Remove a file. Returns whether this did: another process may have."""
        try:
            os.unlink(self._named(name), dir_fd=self._descriptor)
        except FileNotFoundError:
            return False
        return True

    def files(self) -> Iterator[Found]:
        """The regular files, but for those that another process removes meanwhile."""
        with os.scandir(self.path if self._descriptor is None else self._descriptor) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    yield Found(entry.name, status.st_size, status.st_mtime)

    def _named(self, name: str) -> str | Path:
        return self.path / name if self._descriptor is None else name


def _not_private(status: os.stat_result, expected: str) -> str:
    """Return the reason why others may have written to it; empty where they may not."""
    if os.name != "posix":  # modes and owners say nothing there
        return ""
    if status.st_uid != os.geteuid():
        return f"it belongs to another user (number {status.st_uid})"
    if status.st_mode & _OTHERS_MAY_WRITE:
        mode = stat.S_IMODE(status.st_mode)
        return f"other users may write to it (mode {mode:o}, expected {expected})"
    return ""


def open_parent(folder: Path) -> Path | None:
    """The first of the folders above one that every user may write to, and so put another in its
    place; None where there is none.

    With a sticky bit, as of /tmp, only an owner may. Folders that a group may write to are taken
    as they are: with one group for each user, that is how home directories are made. What is in
    their place then is judged by itself.
    """
    if os.name != "posix":
        return None
    for parent in Path(os.path.realpath(folder)).parents:
        mode = parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return parent
    return None
