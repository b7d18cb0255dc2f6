"""The stand-in for NCCL, compiled."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def built(path: Path) -> Path:
    """Compile the stand-in, and return its path; skips the test where that cannot be done."""
    if shutil.which("g++") is None:
        pytest.skip("no g++, which compiles the stand-in for NCCL")
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
        + ["-shared", "-fPIC", FOLDER / "stand_in.cc", "-o", path, "-ldl"],
        check=True,
    )
    return path
