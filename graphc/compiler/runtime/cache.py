"""Compiled kernels on disk, found by their content; shared by processes, without locks.

An entry is ``KEY.cu`` (the source, with its comments) and ``KEY.cubin``: the compiler's output with
its SHA-256 behind it, which loaders of ELF files do not look at. Each is written under another name
and moved into place, so a reader sees a whole file or none; of two processes that make the same
entry, the last one's stays. An entry that is damaged is made again.

``KEY.j2`` is what Jinja made of a template of graphc, with its SHA-256, too.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from graphc.compiler.codegen.render import BYTECODE
from graphc.config import config

_log = logging.getLogger("graphc")
_told: set[str] = set()
_private: list[Path] = []

_DIGEST_BYTES = hashlib.sha256().digest_size
_PRIVATE = 0o700
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH

# Literals first, so that "//" inside of one starts no comment.
_COMMENT = re.compile(
    r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|//(?:\\\n|[^\n])*|/\*.*?\*/""", re.DOTALL
)


def default_folder() -> Path:
    """Where kernels are kept unless the flag `cuda_cache` says otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "graphc" / "kernels"


def without_comments(source: str) -> str:
    """C++ without its comments and the blanks that they leave: what a key is made of."""
    text = _COMMENT.sub(lambda found: found[1] or " ", source)
    lines = (line.rstrip() for line in text.splitlines())
    return "\n".join(filter(None, lines)) + "\n"


def header_texts(folder: Path) -> list[str]:
    """The files that a source may include from ``kernels/``, for its key. They stay as they are:
    their comments change with graphc's version alone."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".h", ".cuh"))
    return [path.read_text(encoding="utf-8") for path in paths]


def content_key(parts: Iterable[str]) -> str:
    """A name for what is made of these texts; the same in every process."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:40]


class KernelCache:
    """The entries in one folder. What cannot be written is said once, in one line of the log."""

    def __init__(self, folder: Path):
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        """The content of the entry file `name`; None where there is none, or a damaged one."""
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError:
            return None
        content, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            _tell(f"{path} is damaged; it is made again")
            return None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Keep the content; going on without it where the folder does not take it."""
        self._put(name, content + hashlib.sha256(content).digest())

    def write_source(self, name: str, text: str) -> Path:
        """Keep a source, as it is. Returns its path, in another folder where this one does not
        take it."""
        if self._put(name, text.encode()):
            return self.folder / name
        path = private_folder() / name
        path.write_text(text, encoding="utf-8")
        return path

    def _put(self, name: str, data: bytes) -> bool:
        try:
            handle, half = tempfile.mkstemp(dir=self.folder, prefix=f".{name}.")
        except OSError as error:
            return self._unwritable(error)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(half, self.folder / name)
        except OSError as error:
            Path(half).unlink(missing_ok=True)
            return self._unwritable(error)
        return True

    def _unwritable(self, error: OSError) -> bool:
        # Without the file's name, which would make each message another one.
        _tell(f"compiled kernels are not kept: {self.folder} cannot be written ({error.strerror})")
        return False


def kernel_cache() -> KernelCache:
    """The cache in the folder of the flag `cuda_cache`.

    A folder that another user could have written to is not read, since what is in it would be
    executed: a temporary one takes its place, and the log says so.
    """
    folder = Path(config.cuda_cache) if config.cuda_cache else default_folder()
    reason = _refusal(folder)
    if reason:
        _tell(f"the kernel cache {folder} is not used: {reason}; compiled kernels are not kept")
        folder = private_folder()
    return KernelCache(folder)


def _refusal(folder: Path) -> str:
    """Why the folder cannot be trusted or made; empty where it can."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        return f"it cannot be made ({error})"
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        return f"it belongs to another user (number {status.st_uid})"
    if status.st_mode & _OTHERS_MAY_WRITE:
        return f"other users may write to it (mode {stat.S_IMODE(status.st_mode):o}, expected 700)"
    return ""


def private_folder() -> Path:
    """A folder of this process alone, removed when it ends."""
    if not _private:
        _private.append(Path(tempfile.mkdtemp(prefix="graphc-kernels-")))
        atexit.register(shutil.rmtree, _private[0], ignore_errors=True)
    return _private[0]


def _tell(message: str) -> None:
    """One line of log, the first time in this process."""
    if message not in _told:
        _told.add(message)
        _log.warning(message)


BYTECODE.files = kernel_cache
