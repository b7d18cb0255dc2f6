"""Checks of the files that callbacks write, made before training rather than after an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphc.errors import ArgumentError, StorageError
from graphc.paths import shown_path


def check_folder(what: str, path: str) -> None:
    """ArgumentError, starting with `what`, where the folder of a path is not there."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise ArgumentError(
            f"{what}: expected a path in a folder that exists, and there is no folder "
            f"'{shown_path(folder)}'; make it first, or correct '{shown_path(path)}'"
        )


@contextmanager
def storage_errors(callback: str, path: str) -> Iterator[None]:
    """Raise a StorageError for what the system refuses inside, at a file or a folder of a
    callback."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{callback}: {shown_path(path)} cannot be written ({error}); make room, or give a "
            "path that may be written"
        ) from error
