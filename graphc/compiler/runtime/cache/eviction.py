"""Limit the size of the folder of compiled kernels: measure it, and remove the entries used least
recently.

Entries go by their last use, a binary together with its source. Processes need not agree on it: a
library that is loaded stays mapped when its file goes, an entry that another process removed first
is gone as well, and one that was used a moment ago stays, since a compiler may be reading it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from graphc.amounts import amount
from graphc.compiler.runtime.cache.private_files import Found, PrivateFolder
from graphc.config import config

KINDS = {
    "so": "native libraries",
    "cubin": "CUDA binaries",
    "cpp": "C++ sources",
    "cu": "CUDA sources",
    "program": "lowered programs",
    "j2": "templates",
    "compiler": "facts of compilers",
    "flags": "facts of compilers",
}
"""The kinds of entries, by the endings of their names."""
_ENTRY = re.compile(rf"([0-9a-f]{{40}})\.({'|'.join(KINDS)})")
_DRAFT = re.compile(rf"\.([0-9a-f]{{40}})\.({'|'.join(KINDS)})\.[0-9a-f]{{12}}")

_IN_USE_SECONDS = 60
_LEFT_AFTER_SECONDS = 3600
"""A draft is written within seconds; one that is older belonged to a process that was killed."""
_KEPT_SHARE = 0.9
"""The share of the bound that stays, so that the next entries do not each remove another."""
_SCANS_PER_BOUND = 100
"""The folder is looked through again when a process has written such a part of the bound."""

_written: dict[Path, int] = {}


@dataclass
class Usage:
    """The contents of the folder: files and bytes of each of `KINDS`, and the oldest last use."""

    files: dict[str, int] = field(default_factory=dict)
    nbytes: dict[str, int] = field(default_factory=dict)
    oldest: float | None = None

    def add(self, kind: str, found: Found) -> None:
        """Count a file."""
        self.files[kind] = self.files.get(kind, 0) + 1
        self.nbytes[kind] = self.nbytes.get(kind, 0) + found.nbytes
        self.oldest = found.used if self.oldest is None else min(self.oldest, found.used)


def usage(folder: PrivateFolder) -> Usage:
    """Count the entries of a folder. Files of others' making do not count."""
    counted = Usage()
    for found in folder.files():
        entry = _ENTRY.fullmatch(found.name)
        if entry is not None:
            counted.add(KINDS[entry[2]], found)
    return counted


def clear(folder: PrivateFolder) -> Usage:
    """Remove the entries of a folder, and what is left of killed writers; return what went.
    OSError where the folder does not let a file go."""
    gone = Usage()
    for found in list(folder.files()):
        entry = _ENTRY.fullmatch(found.name) or _DRAFT.fullmatch(found.name)
        if entry is not None and folder.remove(found.name):
            gone.add(KINDS[entry[2]], found)
    return gone


def trim_behind(folder: PrivateFolder, nbytes: int) -> None:
    """Enforce the flag `cache_size` after a file of `nbytes` was written. The folder is scanned at
    the first one of a process, and then every so many bytes."""
    bound = amount(config.cache_size)
    if bound is None:
        return
    written = _written.get(folder.path)
    if written is not None and written + nbytes < bound // _SCANS_PER_BOUND:
        _written[folder.path] = written + nbytes
        return
    _written[folder.path] = 0
    with suppress(OSError):  # of a folder that lets nothing go; it is said where it is shown
        trim(folder, bound)


def trim(folder: PrivateFolder, bound: int) -> None:
    """Remove entries, least recently used first, where all of them take more than `bound` bytes,
    and what killed writers have left."""
    now = time.time()
    groups: dict[str, list[Found]] = {}
    for found in folder.files():
        entry = _ENTRY.fullmatch(found.name)
        if entry is not None:
            groups.setdefault(entry[1], []).append(found)
        elif _DRAFT.fullmatch(found.name) and now - found.used > _LEFT_AFTER_SECONDS:
            folder.remove(found.name)
    total = sum(map(_nbytes, groups.values()))
    if total <= bound:
        return
    for group in sorted(groups.values(), key=_used):
        if total <= _KEPT_SHARE * bound or now - _used(group) < _IN_USE_SECONDS:
            return
        for found in group:
            folder.remove(found.name)
        total -= _nbytes(group)


def _nbytes(group: Iterable[Found]) -> int:
    return sum(found.nbytes for found in group)


def _used(group: Iterable[Found]) -> float:
    return max(found.used for found in group)
