"""Compiled kernels on disk, found by their content; shared by processes, without locks.

An entry is ``KEY.cu`` or ``KEY.cpp`` (the source, with its comments) and ``KEY.cubin`` or
``KEY.so``: the compiler's output with its SHA-256 after it, which loaders of ELF files do not look
at. Each is written under another name and moved into place, so a reader sees a whole file or none;
of two processes that make the same entry, the last one's stays. A binary is loaded before it gets
its name. An entry that is damaged, that another user could have written or that does not load is
made again.

``KEY.program`` is what a graph was lowered to (`graphc.compiler.runtime.cache.programs`),
``KEY.j2`` is what Jinja made of a template of graphc, ``KEY.compiler`` and ``KEY.flags`` are what
is known of a compiler, with their SHA-256, too. How much all may take is the matter of `eviction`.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from graphc.compiler.runtime.cache.eviction import trim_behind
from graphc.compiler.runtime.cache.private_files import PrivateFolder, open_parent
from graphc.compiler.targets.templates import BYTECODE
from graphc.config import config
from graphc.errors import CompilerError, StorageError

_log = logging.getLogger("graphc")
_logged: set[str] = set()
_private: list[Path] = []

_DIGEST_BYTES = hashlib.sha256().digest_size
_PRIVATE = 0o700
_USE_SECONDS = 600
"""An entry that is read has this as its time of use, to so many seconds."""

T = TypeVar("T")


def default_folder() -> Path:
    """Return the folder of kernels where the flag `cuda_cache` names none."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "graphc" / "kernels"


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


class CacheEntry(NamedTuple):
    """An open file of a cache.

    Attributes:
        path: its name, for messages, and for who cannot take the descriptor.
        descriptor: of the very file that was checked, open as long as the entry is in use.
        content: what is in it, without the digest.
    """

    path: Path
    descriptor: int
    content: bytes


class KernelCache:
    """The entries in one folder. What cannot be written is said once, in one line of the log."""

    def __init__(self, folder: Path):
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        """The content of the entry file `name`; None where there is none, a damaged one or one that
        another user could have written."""
        with self._opened(name) as entry:
            return None if entry is None else entry.content

    def write(self, name: str, content: bytes) -> None:
        """Keep the content; going on without it where the folder does not take it."""
        with self._draft(self.folder, name, content, _digest(content)):
            pass

    def write_source(self, name: str, text: str) -> Path:
        """Keep a source, as it is. Returns its path, in another folder where this one does not
        take it."""
        for folder in self._folders():
            with self._draft(folder, name, text.encode()) as draft:
                pass
            if draft is not None and (folder / name).is_file():
                return folder / name
        raise _nowhere("none takes a file")

    def obtain(
        self, name: str, make: Callable[[], bytes], load: Callable[[CacheEntry], T]
    ) -> tuple[T, float | None]:
        """Load the entry file `name`, which is made where there is none or where it does not load;
        what is made is kept once it has loaded.

        Args:
            make: makes the content.
            load: raises CompilerError for what does not load.

        Returns:
            What `load` gives, and the seconds that making took; None where nothing was made.
        """
        with self._opened(name) as entry:
            if entry is not None:
                try:
                    return load(entry), None
                except CompilerError as error:
                    _log_once(f"{entry.path} is made again: {error}")
        started = time.perf_counter()
        content = make()
        seconds = time.perf_counter() - started
        for folder in self._folders():
            with self._draft(folder, name, content, _digest(content)) as draft:
                if draft is not None:
                    return load(draft), seconds
        raise _nowhere("none takes a file")

    def _folders(self) -> Iterator[Path]:
        yield self.folder
        yield private_folder()

    @contextmanager
    def _opened(self, name: str) -> Iterator[CacheEntry | None]:
        """The entry file `name`, whole and of this user, as long as the block runs; else None."""
        path = self.folder / name
        try:
            with PrivateFolder(self.folder) as folder:
                descriptor = folder.open(name)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            _log_once(f"{path} is not used: {error}; it is made again")
            yield None
            return
        try:
            yield _checked(path, descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _draft(
        self, place: Path, name: str, content: bytes, digest: bytes = b""
    ) -> Iterator[CacheEntry | None]:
        """A file with these bytes, which gets its name when the block ends well; None where the
        folder does not take it."""
        try:
            folder = PrivateFolder(place)
        except OSError as error:
            self._unwritable(error)
            yield None
            return
        with folder:
            half, descriptor = "", None
            try:
                half, descriptor = folder.create(name)
                with os.fdopen(os.dup(descriptor), "wb") as file:
                    file.write(content + digest)
                entry = CacheEntry(place / name, descriptor, content)
            except OSError as error:
                entry = None
                self._unwritable(error)
            try:
                yield entry
                if entry is not None:
                    self._name(folder, half, name)
                    half = ""
                    trim_behind(folder, len(content) + len(digest))
            finally:
                if half:
                    with suppress(OSError):
                        folder.remove(half)
                if descriptor is not None:
                    os.close(descriptor)

    def _name(self, folder: PrivateFolder, half: str, name: str) -> None:
        try:
            folder.rename(half, name)
        except OSError as error:  # a folder has the name, or a process has cleared the cache
            with suppress(OSError):
                folder.remove(half)
            self._unwritable(error)

    def _unwritable(self, error: OSError) -> None:
        # Without the file's name, which would make each message another one.
        why = error.strerror or error
        _log_once(f"compiled kernels are not kept: {self.folder} cannot be written ({why})")


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _checked(path: Path, descriptor: int) -> CacheEntry | None:
    """The entry behind a descriptor, which counts as used now; None where it is damaged."""
    with suppress(OSError):  # of another machine's disk, or one that is read-only
        if time.time() - os.fstat(descriptor).st_mtime > _USE_SECONDS:
            os.utime(descriptor if os.utime in os.supports_fd else path)
    try:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read()
    except OSError as error:
        _log_once(f"{path} cannot be read ({error.strerror}); it is made again")
        return None
    content = data[:-_DIGEST_BYTES]
    if _digest(content) != data[-_DIGEST_BYTES:]:
        _log_once(f"{path} is damaged; it is made again")
        return None
    return CacheEntry(path, descriptor, content)


def chosen_folder() -> Path:
    """The folder that the flag `cuda_cache` names, or the default one."""
    return Path(config.cuda_cache) if config.cuda_cache else default_folder()


def kernel_cache() -> KernelCache:
    """The cache in the folder of the flag `cuda_cache`.

    A folder that another user could have written to is not read, since what is in it would be
    executed: a temporary one takes its place, and the log says so.
    """
    folder = chosen_folder()
    reason = refusal(folder)
    if reason:
        _log_once(f"the kernel cache {folder} is not used: {reason}; compiled kernels are not kept")
        folder = private_folder()
    return KernelCache(folder)


def refusal(folder: Path) -> str:
    """Return the reason why the folder cannot be trusted or made; empty where it can."""
    try:
        for made in (*reversed(folder.absolute().parents), folder):
            if not made.is_dir():
                made.mkdir(mode=_PRIVATE, exist_ok=True)
        parent = open_parent(folder)
        with PrivateFolder(folder):
            pass
    except StorageError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be made ({error})"
    if parent is not None:
        return (
            f"every user may write to {parent}, and put another folder in its place (chmod +t "
            f"{parent} prevents that)"
        )
    return ""


def private_folder() -> Path:
    """A folder of this process alone, removed when it ends."""
    if not _private:
        try:
            _private.append(Path(tempfile.mkdtemp(prefix="graphc-kernels-")))
        except OSError as error:
            raise _nowhere(error) from error
        atexit.register(shutil.rmtree, _private[0], ignore_errors=True)
    return _private[0]


def _nowhere(why: object) -> CompilerError:
    return CompilerError(
        f"there is no folder for compiled kernels ({why}). What to do: let the flag cuda_cache or "
        "TMPDIR name one that can be written, with room"
    )


def _log_once(message: str) -> None:
    """Log one line, the first time in this process."""
    if message not in _logged:
        _logged.add(message)
        _log.warning(message)


BYTECODE.files = kernel_cache
