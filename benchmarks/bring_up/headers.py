"""CUDA's headers, as NVIDIA's wheels have them, for building PyCUDA without a toolkit."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

Version = tuple[int, int]


def packages(release: Version) -> list[str]:
    """Return the packages with the headers that PyCUDA includes, of one release of CUDA."""
    return of_release(("nvidia-cuda-runtime", "nvidia-cuda-profiler-api"), release)


def of_release(names: Iterable[str], release: Version) -> list[str]:
    """Return NVIDIA's packages of a release; up to CUDA 12 their names have its major version."""
    suffix = f"-cu{release[0]}" if release[0] < 13 else ""
    return [f"{name}{suffix}=={release[0]}.{release[1]}.*" for name in names]


def unpack(wheels: Iterable[Path], folder: Path) -> Path | None:
    """Copy the headers of NVIDIA's wheels into one folder; None where none has cuda.h."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                parts = PurePosixPath(name).parts
                if "include" not in parts or name.endswith("/"):
                    continue
                target = folder.joinpath(*parts[parts.index("include") + 1 :])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
    return folder if (folder / "cuda.h").is_file() else None


def release_of(folder: Path) -> Version:
    """Return the release of CUDA that cuda.h of a folder is of."""
    text = (folder / "cuda.h").read_text(errors="replace")
    number = int(re.search(r"^#define CUDA_VERSION (\d+)", text, re.MULTILINE)[1])
    return number // 1000, number % 1000 // 10
