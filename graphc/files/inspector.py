"""Inspection of files by another process before they are opened.

With a file that is damaged or malicious, the HDF5 library may crash, take minutes to follow a link,
or allocate any amount of memory. So a process that runs `inspection` opens each file first. It
is started for the first file, kept, and ends with this process. Its limits:

- processor time: 5 s, 1 s for each 20 MB of the file, and 2 ms for each name found in it so far. A
  busy machine or a slow disk does not consume it.
- time: twelve times as much, without the names. It applies where the system does not limit
  processor time (Windows).
- memory: 1 GB above the memory of the process itself, where the system has /proc (Linux).

If no process can be started (a program that embeds Python, a system without processes), a file is
opened without inspection, and a warning is logged each time.

The process inherits the open file, except on Windows, so that it inspects this file even if another
one gets its name meanwhile. When the file is opened here, its number, size and times have to be the
same. Two things are not detected: writes within one tick of the file system's clock or after the
file was opened, and errors that HDF5 makes silently.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from graphc.errors import DataError
from graphc.files import inspection
from graphc.files.inspection import Identity
from graphc.paths import shown_path

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
    """The process that inspects files, restarted after each file that crashed it. Threads take
    turns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._owner = os.getpid()

    def inspect(self, path: str, descriptor: int, arrays: bool) -> Identity | None:
        """Inspect a file, and return its identity (`inspection.identity_of_open`). If no
        process can be started, warn and return None.

        Args:
            path: the path, for messages, and to open the file by on Windows.
            descriptor: an open descriptor of the file.
            arrays: read the numbers of arrays, too.

        Raises:
            DataError: not an HDF5 file, a damaged one, or one that ended the process.
        """
        if self._owner != os.getpid():  # in a child of a fork that called no hooks
            self.forget()
        with self._lock:
            try:
                return self._looked(path, descriptor, arrays)
            except _NotStartedError as error:
                _log.warning(
                    "%s is opened though no other process inspected it (%s): if it is "
                    "malicious, it may crash this one, or take any amount of time and memory",
                    shown_path(path),
                    error,
                )
                return None

    def _looked(self, path: str, descriptor: int, arrays: bool) -> Identity:
        seconds = inspection.seconds_for(os.fstat(descriptor).st_size)
        request = {
            "path": os.path.abspath(path),
            "arrays": arrays,
            "memory": inspection.MOST_MEMORY,
            "seconds": seconds,
        }
        most = _TIMES_OF_THE_PROCESSOR * seconds
        begun = time.monotonic()
        try:
            process = self._process_of(json.dumps(request).encode() + b"\n", descriptor)
            line = _line_of(process, most)
        except BaseException:  # a late answer would count as that to the next request
            self.end(at_once=True)
            raise
        if not line:
            self.end()
            late = time.monotonic() - begun >= most
            why = f"took more than {most:.3g} s" if late else _end_of(process, seconds)
            raise DataError(
                f"{shown_path(path)} is damaged or malicious: the process that inspected it "
                f"{why}; it was not opened"
            )
        kind, why, found, last = json.loads(line)
        if last:
            self.end()
        if kind != "whole":
            raise DataError(_MESSAGES[kind].format(path=shown_path(path), why=why))
        which: list[int] = found
        return which

    def _process_of(self, request: bytes, descriptor: int) -> _Process:
        """Send the request, and return the process that will answer it."""
        while True:
            kept = self._process
            process = self._process = kept or _started()
            try:
                process.send(request, descriptor)
                return process
            except ConnectionError:  # ended between two requests
                self.end()
                if kept is None:
                    raise _NotStartedError("it ended at once") from None

    def end(self, at_once: bool = False) -> None:
        """End the process: kill it, or let it finish."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            _end(process, at_once)

    def forget(self) -> None:
        """Forget the process in a forked child: it belongs to the parent."""
        process, self._process = self._process, None
        self._lock = threading.Lock()
        self._owner = os.getpid()
        if process is not None:
            process.close()
            process.returncode = 0  # there is no child to wait for


_MESSAGES = {
    "unreadable": "{path} cannot be read as an HDF5 file ({why}); it is of another kind, "
    "or damaged",
    "damaged": "{path}: the file is damaged ({why})",
    "harmful": "{path} is damaged or malicious: the HDF5 library needed more than 1 GB to look "
    "through it ({why}); it was not opened",
    "too large": "{path}: {why}",
}


def _python() -> str:
    """Return the Python that runs this program."""
    name = Path(sys.executable or "").stem.lower()
    if getattr(sys, "frozen", False) or not ("python" in name or "pypy" in name):
        raise _NotStartedError(f"sys.executable is {sys.executable!r}, which is no Python")
    return sys.executable


class _Process(subprocess.Popen[bytes]):
    """A process that inspects files, and the two ends of the connection to it."""

    def __init__(self) -> None:
        found = [one for one in sys.path if isinstance(one, str) and one]
        with ExitStack() as given:
            self._requests: socket.socket | None = None
            stdin = subprocess.PIPE
            if hasattr(socket, "send_fds"):
                self._requests, other = socket.socketpair()
                stdin = given.enter_context(other).fileno()
            try:
                super().__init__(
                    [_python(), "-P", inspection.__file__],
                    stdin=stdin,
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
            except BaseException:
                self.end_requests()
                raise

    def send(self, request: bytes, descriptor: int) -> None:
        """Send a line, with the descriptor where the system can. ConnectionError if the process has
        ended."""
        if self._requests is None:
            assert self.stdin is not None
            self.stdin.write(request)
            return
        sent = socket.send_fds(self._requests, [request], [descriptor])
        if sent < len(request):  # sending nothing fails too, where the process has ended meanwhile
            self._requests.sendall(request[sent:])

    def end_requests(self) -> None:
        """Close the end for requests, which ends the process."""
        end = self._requests or self.stdin
        if end is not None:
            end.close()

    @property
    def answers(self) -> IO[bytes]:
        """The end that lines are read from."""
        assert self.stdout is not None
        return self.stdout

    def close(self) -> None:
        """Close both ends."""
        self.end_requests()
        self.answers.close()


def _started() -> _Process:
    try:
        process = _Process()
    except OSError as error:
        raise _NotStartedError(str(error)) from error
    try:
        if _line_of(process, _SECONDS_TO_START).strip() != json.dumps(inspection.READY):
            raise _NotStartedError(f"{sys.executable} did not begin to work")
    except BaseException:
        _end(process, at_once=True)
        raise
    return process


def _line_of(process: _Process, seconds: float) -> str:
    """Return the next line of a process, which is killed if it takes longer than allowed; '' if it
    ended."""
    clock = threading.Timer(seconds, process.kill)
    clock.daemon = True
    found = b""
    try:
        clock.start()
        while not found.endswith(b"\n"):
            piece = os.read(process.answers.fileno(), 1 << 16)
            if not piece:
                return ""
            found += piece
    finally:
        clock.cancel()
    return found.decode()


def _end(process: _Process, at_once: bool = False) -> None:
    """End a process, by force with `at_once` or if it takes too long, and free what belongs to
    it."""
    if at_once:
        process.kill()
    process.end_requests()
    try:
        process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.answers.close()


def _end_of(process: _Process, seconds: float) -> str:
    """Return a text on how a process ended, given its limit of processor time."""
    code = process.returncode
    if code >= 0:
        return f"ended with status {code}"
    if -code == getattr(signal, "SIGXCPU", None):
        return f"took more than the {seconds:.0f} s of the processor's time that its size allows"
    return f"ended with the signal {signal.Signals(-code).name}"


INSPECTOR = Inspector()
atexit.register(INSPECTOR.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=INSPECTOR.forget)
