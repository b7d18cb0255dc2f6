"""Programs of these tests, started on several ranks by the mpiexec of this environment."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from graphc.config import ENVIRONMENT_VARIABLE

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
LIMIT_SECONDS = 180
"""A job that hangs is ended then; those of these tests take some seconds, or compile first."""


def mpiexec() -> str:
    """The launcher beside this Python, or else on PATH; skips the test where MPI is missing."""
    beside = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("mpiexec")
    if found is None or importlib.util.find_spec("mpi4py") is None:
        pytest.skip("no MPI here: pip install '.[mpi]' brings mpi4py and mpiexec")
    return found


@dataclass
class Ended:
    """A job that has ended."""

    status: int
    output: str
    errors: str
    seconds: float


class Job:
    """A program under mpiexec, in a process group of its own, which is ended with the block."""

    def __init__(
        self,
        ranks: int,
        program: str | Path,
        *arguments: object,
        flags: str = "",
        threads: int = 1,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        environ = {
            **os.environ,
            ENVIRONMENT_VARIABLE: flags,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": str(threads),
            **environ,
        }
        self._process = subprocess.Popen(
            [mpiexec(), "-n", str(ranks), sys.executable, FOLDER / program, *map(str, arguments)],
            env=environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._started = time.monotonic()

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()

    def wait_for(self, line: str) -> float:
        """Read the output up to a line that begins so, and return when it came."""
        while not (read := self._process.stdout.readline()).startswith(line):
            assert read, self._process.communicate()
        return time.monotonic()

    def interrupt(self) -> None:
        """Ctrl-C on mpiexec."""
        self._process.send_signal(signal.SIGINT)

    @property
    def launcher(self) -> int:
        """The process of mpiexec."""
        return self._process.pid

    def end(self, seconds: float = LIMIT_SECONDS) -> Ended:
        """Wait for the end; `subprocess.TimeoutExpired` where it does not come so soon."""
        output, errors = self._process.communicate(timeout=seconds)
        return Ended(self._process.returncode, output, errors, time.monotonic() - self._started)


def run(ranks: int, program: str | Path, *arguments: object, **how: Any) -> Ended:
    """Run a program to its end; keywords as of `Job`."""
    with Job(ranks, program, *arguments, **how) as job:
        return job.end()
