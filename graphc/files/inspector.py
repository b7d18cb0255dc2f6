"""Files that others may have written are looked through by another process before they are opened.

Nobody knows what the HDF5 library does with a file that is broken or made to harm: it may crash,
take minutes for a link, or any memory. So a process of `inspection` meets each file first. It is
started at the first file, kept, and ends with this one. Its limits:

- time of the processor: 5 s, 1 s for each 20 MB of the file, and 2 ms for each name that was found
  in it so far. A busy machine or a slow disk costs none of it.
- time: twelve times as much, without the names. It counts where the system does not limit the
  processor's (Windows).
- memory: 1 GB beside what the process takes itself, where the system has /proc (Linux).

That the file is still the same when it is opened here is checked by its number, size and times.
What this does not notice is written into the file within one tick of its system's clock, or after
it was opened. Nor does the other process notice what HDF5 does wrong without a sign.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from graphc.errors import DataError
from graphc.files import inspection
from graphc.files.inspection import Identity

_log = logging.getLogger(__name__)

_SECONDS_TO_START = 60
_SECONDS_TO_END = 2
_TIMES_OF_THE_PROCESSOR = 12

_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "HDF5_PLUGIN_PRELOAD": "::",  # none are loaded
}


class _NotStartedError(Exception):
    """No other process can be started here."""


class Inspector:
    """The process, begun again after each file that ended it. Threads wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._owner = os.getpid()

    def look_through(self, path: str | os.PathLike, arrays: bool) -> Identity | None:
        """Which file it was, as `inspection.identity` tells. Where no process can be started, a
        warning, and None.

        Args:
            arrays: whether the numbers of arrays are read too, beside all else.

        Raises:
            DataError: not an HDF5 file, a damaged one, or one that ended the process.
            OSError: no such file.
        """
        if self._owner != os.getpid():  # forked by something that calls no hooks
            self.forget()
        with self._lock:
            try:
                return self._looked(os.fsdecode(path), arrays)
            except _NotStartedError as error:
                _log.warning(
                    "%s is opened though no other process looked through it (%s): if it is made to "
                    "harm, it may end this one, or take any time and memory",
                    os.fsdecode(path),
                    error,
                )
                return None

    def _looked(self, path: str, arrays: bool) -> Identity:
        size = os.stat(path).st_size
        request = {"path": os.path.abspath(path), "arrays": arrays, "size": size}
        most = _TIMES_OF_THE_PROCESSOR * inspection.seconds_for(size)
        process = self._asked(json.dumps(request).encode() + b"\n")
        begun = time.monotonic()
        line = self._line(process, most)
        if not line:
            self._process = None
            why = _end_of(process, size, most if time.monotonic() - begun >= most else None)
            raise DataError(
                f"{path} is damaged or made to harm: a process that looked through it {why}; it "
                "was not opened"
            )
        kind, why, which, last = json.loads(line)
        if last:
            self.end()
        if kind != "whole":
            raise DataError(_MESSAGES[kind].format(path=path, why=why))
        return which

    def _asked(self, request: bytes) -> subprocess.Popen:
        """The process, which has the request."""
        while True:
            kept = self._process
            process = self._process = kept or self._started()
            try:
                os.write(process.stdin.fileno(), request)
                return process
            except BrokenPipeError:  # ended while nobody asked
                self.end()
                if kept is None:
                    raise _NotStartedError("it ended at once") from None

    def _started(self) -> subprocess.Popen:
        found = [one for one in sys.path if isinstance(one, str) and one]
        try:
            process = subprocess.Popen(
                [_python(), "-P", inspection.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,  # a child of a fork has nothing to write again
                cwd=Path(inspection.__file__).parent,
                env={
                    **os.environ,
                    **_ENVIRONMENT,
                    "PYTHONPATH": os.pathsep.join(map(os.path.abspath, found)),
                },
                start_new_session=True,  # Ctrl-C is for this process
            )
        except OSError as error:
            raise _NotStartedError(str(error)) from error
        if self._line(process, _SECONDS_TO_START).strip() != json.dumps(inspection.READY):
            _end(process)
            raise _NotStartedError(f"{sys.executable} did not begin to work")
        return process

    def _line(self, process: subprocess.Popen, seconds: float) -> str:
        """The next line of a process, which is ended where that takes longer; '' if it ended."""
        clock = threading.Timer(seconds, process.kill)
        clock.daemon = True
        found = b""
        try:
            clock.start()
            while not found.endswith(b"\n"):
                piece = os.read(process.stdout.fileno(), 1 << 16)
                if not piece:
                    return ""
                found += piece
        except BaseException:  # an answer that comes later would be taken for that of another file
            self._process = None
            process.kill()
            _end(process)
            raise
        finally:
            clock.cancel()
        return found.decode()

    def end(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            _end(process)

    def forget(self) -> None:
        """Leave the process to that which this one was forked from."""
        process, self._process = self._process, None
        self._lock = threading.Lock()
        self._owner = os.getpid()
        if process is not None:
            process.stdin.close()
            process.stdout.close()
            process.returncode = 0  # there is no child to wait for


_MESSAGES = {
    "unreadable": "{path} cannot be read as an HDF5 file ({why}); it is of another kind, "
    "or damaged",
    "damaged": "{path}: the file is damaged ({why})",
    "harmful": "{path} is damaged or made to harm: {why}; it was not opened",
    "too large": "{path}: {why}",
}


def _python() -> str:
    """The program that runs this."""
    name = Path(sys.executable or "").stem.lower()
    if getattr(sys, "frozen", False) or not ("python" in name or "pypy" in name):
        raise _NotStartedError(f"sys.executable is {sys.executable!r}, which is no Python")
    return sys.executable


def _end(process: subprocess.Popen) -> None:
    """End a process and leave nothing of it."""
    process.stdin.close()  # upon which it ends
    try:
        process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _end_of(process: subprocess.Popen, size: int, waited: float | None) -> str:
    """How a process ended that was to look through a file of so many bytes."""
    _end(process)
    code = process.returncode
    if waited is not None:
        return f"took more than {waited:.0f} s"
    if code >= 0:
        return f"ended with status {code}"
    if -code == getattr(signal, "SIGXCPU", None):
        return (
            f"took more than {inspection.seconds_for(size):.0f} s of the processor's time, for "
            f"{size} bytes"
        )
    return f"ended with the signal {signal.Signals(-code).name}"


INSPECTOR = Inspector()
atexit.register(INSPECTOR.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=INSPECTOR.forget)
