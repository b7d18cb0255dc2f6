"""Device functions compiled for the host, where there is a C++ compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from graphc import resources

COMPILER = shutil.which("g++")
needs_host_compiler = pytest.mark.skipif(
    COMPILER is None, reason="needs g++ to compile kernels/ for the host"
)


FLAGS = ("-O1", "-ffp-contract=off")  # NumPy does not contract: a * b + c in one rounding differs


def built(
    source: str, folder: Path, *made: str, flags: Sequence[str] = FLAGS, compiler: str | None = None
) -> Path:
    """Compile this source, which may include the files of kernels/, and return the result's path.

    Args:
        source: C++.
        folder: for the source and the result.
        made: flags that say what to make; by default a library.
        flags: of optimisation.
        compiler: by default g++.
    """
    (folder / "source.cc").write_text(source)
    command = [compiler or COMPILER, "-std=c++17", "-Wall", "-Wextra", "-Werror", *flags]
    command += [f"-I{resources.folder('kernels')}", *(made or ("-shared", "-fPIC"))]
    command += ["source.cc", "-o", "made"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "made"


def load(source: str, folder: Path, flags: Sequence[str] = FLAGS) -> ctypes.CDLL:
    """The library that `built` makes."""
    return ctypes.CDLL(str(built(source, folder, flags=flags)))
