"""The machine and the versions that a measurement was made with, so that two can be compared."""

from __future__ import annotations

import datetime
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from graphc.compiler.runtime.cache.kernels import kernel_cache
from graphc.compiler.runtime.gpu import cuda, nvcc
from graphc.compiler.runtime.gpu.probe import dotted
from graphc.config import config
from graphc.package_version import __version__


def machine() -> dict[str, Any]:
    """Return the host, the commit, the date, and every flag."""
    return {
        "graphc": __version__,
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "host": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "flags": {row.name: row.value for row in config.table()},
    }


def card() -> dict[str, Any]:
    """Return the GPU, its driver, and the toolkit and PyCUDA that it is used with."""
    facts = cuda.device().facts
    pycuda, built_with = cuda.versions()
    release = nvcc.find_compiler(kernel_cache()).release
    return {
        "card": facts.name,
        "capability": dotted(facts.capability),
        "multiprocessors": facts.multiprocessors,
        "memory": facts.memory,
        "driver": f"for CUDA {dotted(facts.driver_version)}",
        "toolkit": dotted(release) if release else "unknown",
        "pycuda": f"{pycuda}, built with CUDA {dotted(built_with[:2])}",
        "nvidia_smi": _nvidia_smi(),
    }


def is_emulated(name: str) -> bool:
    """Return True if a GPU of this name is the driver that runs CUDA on the CPU, for tests."""
    return "emulated" in name


def commit() -> str:
    """Return the commit of this code, with a plus if files of it have changed; empty where it is in
    no git checkout."""
    folder = Path(__file__).resolve().parent
    head = _said("git", "-C", str(folder), "rev-parse", "HEAD")
    if not head:
        return ""
    changed = _said("git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no")
    return f"{head}{'+' if changed else ''}"


_FIELDS = "name,driver_version,pstate,clocks.sm,clocks.mem,clocks.max.sm,power.limit"


def _nvidia_smi() -> str:
    """Return driver, clocks and power limit as nvidia-smi gives them; empty without it."""
    return _said("nvidia-smi", f"--query-gpu={_FIELDS}", "--format=csv,noheader")


def _said(*command: str) -> str:
    """Return the output of a program; empty where it is missing or fails."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return "" if done.returncode else done.stdout.strip()
