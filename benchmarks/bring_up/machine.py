"""Report what this machine has of what a check on a GPU needs, as JSON; no package is needed.

    python benchmarks/bring_up/machine.py

It is a process of its own, as it calls the driver, which works in no fork of the process.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import re
import runpy
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / "graphc" / "compiler" / "runtime" / "gpu" / "probe.py"
TEST_REQUIREMENTS = ("pytest>=8", "hypothesis>=6.100")
_PARTS = re.compile(r"([A-Za-z0-9_.-]+)\s*(?:>=\s*([\d.]+))?")


def requirements() -> list[str]:
    """Return what graphc on a GPU and its tests need of packages, as pyproject.toml has it."""
    import tomllib  # noqa: PLC0415  (Python 3.11 has it; gpu_check.py refuses an older one)

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["gpu"], *TEST_REQUIREMENTS]


def lacking_packages(wanted: list[str]) -> list[str]:
    """Return the requirements that what is installed for this Python does not meet."""
    lacking = []
    for requirement in wanted:
        name, least = _PARTS.match(requirement).groups()
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lacking.append(requirement)
            continue
        if least and numbers(found) < numbers(least):
            lacking.append(f"{requirement} (there is {found})")
    return lacking


def numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, without zeros at their end."""
    found = [int(part) for part in re.findall(r"\d+", re.match(r"[\d.]*", version)[0])]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def sanitizer_path(nvcc: str | None) -> str | None:
    """Return the path of compute-sanitizer: beside nvcc, or on PATH."""
    beside = [Path(nvcc).parent, Path(nvcc).resolve().parent] if nvcc else []
    for folder in (*map(str, beside), None):
        found = shutil.which("compute-sanitizer", path=folder)
        if found:
            return found
    return None


def report() -> dict[str, Any]:
    """Return the facts of this machine and this Python."""
    probe = runpy.run_path(str(PROBE))
    driver = probe["cuda_driver"]()
    nvcc = probe["nvcc_path"]()
    return {
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "executable": sys.executable,
        "platform": sysconfig.get_platform(),
        "libc": list(platform.libc_ver()),
        "driver": driver.version,
        "cards": list(driver.names),
        "driver_problem": driver.problem,
        "driver_fix": driver.fix,
        "nvcc": nvcc,
        "nvcc_problem": "" if nvcc else probe["missing_nvcc"](),
        "nvcc_fix": probe["NVCC_FIX"],
        "sanitizer": sanitizer_path(nvcc),
        "torch": importlib.util.find_spec("torch") is not None,
        "host_compiler": shutil.which("g++"),
        "python_headers": Path(sysconfig.get_path("include"), "Python.h").is_file(),
        "lacking": lacking_packages(requirements()) if sys.version_info >= (3, 11) else [],
    }


if __name__ == "__main__":
    print(json.dumps(report()))
