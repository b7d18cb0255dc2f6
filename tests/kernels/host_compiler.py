"""Device functions compiled for the host, where there is a C++ compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from graphc import resources

COMPILER = shutil.which("g++")
needs_host_compiler = pytest.mark.skipif(
    COMPILER is None, reason="needs g++ to compile kernels/ for the host"
)


def load(source: str, folder: Path) -> ctypes.CDLL:
    """A library of this C++ source, which may include the files of kernels/."""
    (folder / "source.cc").write_text(source)
    # Without contraction, as NumPy: a * b + c in one rounding is another number.
    flags = ["-O1", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]
    include = f"-I{resources.folder('kernels')}"
    command = [COMPILER, *flags, include, "-shared", "-fPIC", "source.cc", "-o", "library.so"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "library.so"))
