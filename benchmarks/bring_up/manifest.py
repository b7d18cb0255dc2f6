"""A kit: wheels in a folder, and a manifest of what they are for, checked against a machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.bring_up.machine import numbers

MANIFEST = "kit.json"
WHEELS = "wheels"


class KitError(Exception):
    """A kit that is none, is damaged, is for another machine, or cannot be made or installed."""


@dataclass(frozen=True)
class Kit:
    """The contents of a manifest.

    Attributes:
        python: the Python that its wheels are for: "3.12".
        platform: as `sysconfig.get_platform` has it: "linux-x86_64".
        cuda: the CUDA whose headers PyCUDA is, or is to be, built with: "13.0".
        pycuda: the version of PyCUDA.
        is_built: PyCUDA is a wheel; else its source, which the machine with the GPU builds.
        glibc: the least that the wheel of PyCUDA loads with: "2.34"; empty of source.
        nvcc: the version of nvcc among the wheels; empty without.
        requirements: what is to be installed, less what a machine has.
        toolkit: NVIDIA's packages, for a machine with a driver alone.
        commit: of graphc.
        files: the SHA-256 of each file of the folder of wheels.
        size: bytes of these files.
    """

    python: str
    platform: str
    cuda: str
    pycuda: str
    is_built: bool
    glibc: str
    nvcc: str
    requirements: list[str]
    toolkit: list[str]
    commit: str
    files: dict[str, str]
    size: int

    def write(self, folder: Path) -> None:
        """Write the manifest into the kit's folder."""
        text = json.dumps(asdict(self), indent=1) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")


def read(folder: Path) -> Kit:
    """Return the manifest of a kit, whose files are all there and whole; KitError else."""
    path = folder / MANIFEST
    try:
        kit = Kit(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise KitError(
            f"{folder}: expected a kit, with {MANIFEST} in it ({error}). What to do: make gpu-kit "
            "on a machine with a network, and bring its folder"
        ) from error
    found = digests(folder / WHEELS)
    damaged = sorted(name for name, digest in kit.files.items() if found.get(name) != digest)
    if damaged:
        raise KitError(
            f"{folder}: missing or damaged: {', '.join(damaged)}. What to do: bring the kit again"
        )
    return kit


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*"))
    }


def differences(kit: Kit, machine: Mapping[str, Any]) -> list[str]:
    """Return how a kit differs from what a machine needs, a line for each, with the kit to make."""
    return list(_differences(kit, machine))


def _differences(kit: Kit, machine: Mapping[str, Any]) -> Iterator[str]:
    if kit.python != machine["python"]:
        yield (
            f"the kit is for Python {kit.python}, this is Python {machine['python']}: run "
            f"gpu_check.py by python{kit.python}, or make gpu-kit PYTHON={machine['python']}"
        )
    if kit.platform != machine["platform"]:
        yield (
            f"the kit is for {kit.platform}, this is {machine['platform']}: make gpu-kit on such a "
            "machine"
        )
    if not kit.is_built:
        for name, there, fix in (
            ("g++", machine["host_compiler"], "install g++"),
            ("Python.h", machine["python_headers"], "install python3-dev"),
        ):
            if not there:
                yield (
                    f"the kit has PyCUDA as source, and {name} to build it is not here: {fix}, or "
                    f"make gpu-kit where python{kit.python} is on PATH"
                )
    libc, here = machine["libc"]
    if kit.glibc and libc == "glibc" and numbers(here) < numbers(kit.glibc):
        yield (
            f"the kit's PyCUDA was built for glibc {kit.glibc}, this is {here}: make gpu-kit "
            "SOURCE=1, whose PyCUDA is built here"
        )
    driver = machine["driver"]
    if driver and _major(kit.cuda) > _major(driver):
        built = "is" if kit.is_built else "would be"
        yield (
            f"the kit's PyCUDA {built} built for CUDA {kit.cuda}, the driver is for CUDA {driver}: "
            f"make gpu-kit CUDA={_major(driver)}"
        )
    if driver and kit.nvcc and not machine["nvcc"] and _major(kit.nvcc) > _major(driver):
        yield (
            f"the kit's nvcc is of CUDA {kit.nvcc}, and a driver for CUDA {driver} does not load "
            "what it makes: install the toolkit of the driver's CUDA"
        )


def _major(version: str) -> int:
    return int(version.split(".")[0])
