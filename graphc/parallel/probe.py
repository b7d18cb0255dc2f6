"""This machine's packages for several processes, found without starting MPI or a GPU."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from graphc.errors import GraphcError
from graphc.parallel import mpi, nccl

_LOOK = """
import mpi4py
mpi4py.rc.initialize = False
from mpi4py import MPI
print(MPI.Get_library_version().splitlines()[0])
"""

_LIMIT_SECONDS = 30


@dataclass(frozen=True)
class PackageState:
    """The state of a package: its version, or what is wrong and the fix."""

    found: str
    fix: str = ""


def mpi4py_version() -> PackageState:
    """Return the version of mpi4py."""
    try:
        return PackageState(importlib.metadata.version("mpi4py"))
    except importlib.metadata.PackageNotFoundError:
        return PackageState("missing", mpi.FIX)


def mpi_library() -> PackageState:
    """Return the version text of mpi4py's MPI library. Another process reads it, as a library that
    does not load may end its process."""
    if importlib.util.find_spec("mpi4py") is None:
        return PackageState("not looked for without mpi4py")
    try:
        run = subprocess.run(
            [sys.executable, "-c", _LOOK],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return PackageState(f"does not answer within {_LIMIT_SECONDS} s", mpi.FIX)
    if run.returncode:
        lines = run.stderr.strip().splitlines() or [f"status {run.returncode}"]
        return PackageState(f"does not load: {lines[-1]}", mpi.FIX)
    return PackageState(" ".join(run.stdout.split()))


def mpiexec_path() -> PackageState:
    """Return the path of mpiexec: the one beside this Python, as wheels have it, or on PATH."""
    beside = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    path = beside or shutil.which("mpiexec")
    if path is None:
        return PackageState("missing: neither beside this Python nor on PATH", mpi.FIX)
    return PackageState(path)


def nccl_library() -> PackageState:
    """Return the version of NCCL."""
    try:
        found, fix = f"{nccl.NcclLibrary().version()} ({nccl.find_library()})", ""
    except GraphcError as error:
        found, fix = str(error).removesuffix(f": {nccl.FIX}"), nccl.FIX
    return PackageState(f"{found}; graphc has never run with it on several GPUs", fix)
