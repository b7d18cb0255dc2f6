"""Files that callbacks write: where they lie is looked at before training, not behind an epoch."""

from __future__ import annotations

import os
from pathlib import Path

from graphc.errors import ArgumentError


def check_folder(what: str, path: str | os.PathLike) -> None:
    """ArgumentError, starting with `what`, where the folder of a path is not there."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise ArgumentError(
            f"{what}: expected a path in a folder that exists, and there is no folder "
            f"{str(folder)!r}; make it first, or correct {os.fspath(path)!r}"
        )
