"""Delivery of the output of a process to its launcher, before the process ends the job.

MPICH's mpiexec reads the output of a rank through a pipe. Where the rank ends the job at once, with
MPI_Abort, what is still in the pipe may be lost: of 360 jobs on a busy machine, 7 lost their line.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

try:
    import fcntl
    import termios
except ImportError:  # pipes are not looked into
    fcntl = None  # type: ignore[assignment]  # a module elsewhere

_LIMIT_SECONDS = 1.0
"""The wait for a reader, which may have stopped."""

_LOOK_SECONDS = 0.001


def write_out(
    clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Flush stdout and stderr, and wait until who reads them through a pipe has read all, for at
    most a second."""
    ends = clock() + _LIMIT_SECONDS
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader is gone, or the program has closed it
            stream.flush()
            while _unread_bytes(stream) and clock() < ends:
                sleep(_LOOK_SECONDS)


def _unread_bytes(stream: TextIO) -> int:
    """Return the number of bytes of a pipe that nobody has read yet; 0 of anything else."""
    descriptor = stream.fileno()
    if fcntl is None or not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return 0
    count = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return int.from_bytes(count, sys.byteorder)
