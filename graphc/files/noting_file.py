"""A file that records the system's refusals instead of raising them in the writer."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any


class NotingFile(io.RawIOBase):
    """A file that HDF5 writes, which records failed writes in place of raising them: the library
    would retry them when it closes the file and when the process ends, and crash.

    Attributes:
        refused: the first error of the system; from then on, what is written may be lost.
    """

    def __init__(self, path: Path):
        self._descriptor = os.open(path, os.O_RDWR)
        self._at = 0
        self._end = 0
        self.refused: OSError | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        found = os.pread(self._descriptor, len(view), self._at)
        view[: len(found)] = found
        view[len(found) :] = bytes(len(view) - len(found))  # lost, or not written yet
        self._at += len(view)
        return len(view)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view):
                done += os.pwrite(self._descriptor, view[done:], self._at + done)
        except OSError as error:
            self.refused = self.refused or error
        self._at += len(view)
        self._end = max(self._end, self._at)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        self._end = self._at if size is None else size
        try:
            os.ftruncate(self._descriptor, self._end)
        except OSError as error:
            self.refused = self.refused or error
        return self._end

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
