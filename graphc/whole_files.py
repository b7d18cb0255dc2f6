"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """A path to write a file at, which takes the place of `path` when the block ends well.

    What another process reads at `path` is the file before or the file after, also when the power
    fails between; when the block raises, `path` is as before and nothing is left beside it.
    """
    path = Path(path)
    part = part_name(path)
    try:
        yield part
        with open(part, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def part_name(path: Path) -> Path:
    """A name beside `path` that nobody else takes."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")


def sync_folder(folder: Path) -> None:
    """Make a rename within a folder last. Windows opens no folders, and orders renames itself."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
