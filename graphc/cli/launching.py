"""Subcommands of ``graphc`` that start themselves once for each rank."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from graphc.config import ENVIRONMENT_VARIABLE, config
from graphc.errors import MissingPackageError
from graphc.parallel.probe import mpiexec_path


def run_on_ranks(arguments: Sequence[str], ranks: int) -> int:
    """Run ``graphc`` with these arguments on so many ranks of this machine, and return the status
    of mpiexec. MissingPackageError where there is none."""
    found = mpiexec_path()
    if found.fix:
        raise MissingPackageError(
            f"graphc {arguments[0]} --ranks: mpiexec is {found.found}: {found.fix}"
        )
    flags = os.environ.get(ENVIRONMENT_VARIABLE, "")
    threads = max(1, len(os.sched_getaffinity(0)) // ranks)
    environ = {
        "OMP_NUM_THREADS": str(threads),
        **os.environ,
        ENVIRONMENT_VARIABLE: f"{flags},ranks={'mpi' if config.ranks == 'none' else config.ranks}",
    }
    command = [found.found, "-n", str(ranks), sys.executable, "-m", "graphc", *arguments]
    return subprocess.run(command, env=environ).returncode


def count(text: str) -> int:
    """Return the value of an option that is a number from 1 on."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, received {text}")
    return number
