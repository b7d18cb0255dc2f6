"""The facts of this machine's CPU, as the system tells them."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path

from graphc.compiler.targets.target import Target

_CPU_INFO = Path("/proc/cpuinfo")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")

_VECTORS = (("avx512f", 64, 32), ("avx", 32, 16), ("sse2", 16, 16), ("asimd", 16, 32))
"""An instruction set as the system calls it, the bytes of its vectors, and how many registers it
has; the widest first. The same steps are those of ``GC_VECTOR_BYTES`` (kernels/host_vector.h)."""

_BASELINES = {"x86_64": (16, 16), "AMD64": (16, 16), "arm64": (16, 32), "aarch64": (16, 32)}
"""Vectors that each processor of an architecture has, where the system does not tell more."""

LINE_BYTES = 64
"""Of a line of a cache."""

WAY_BYTES = 4096
"""Of a way of the first cache: addresses that lie a multiple of it apart share a set, of whose few
lines each new one drives out another. (A page, on processors that look up a line while its address
is translated: those of the last decades but a few.)"""

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@functools.cache
def this_machine() -> Target:
    """Return the facts of the CPU that this process runs on."""
    nbytes, registers = _vectors(_instruction_sets())
    return Target("cpu", nbytes, registers, _cache_bytes(), thread_count())


def thread_count() -> int:
    """Return the number of threads that OpenMP begins with, whether there is a compiler or not."""
    wanted = wanted_threads()
    return cores() if wanted is None else wanted


def wanted_threads() -> int | None:
    """Return what the environment asks OpenMP for: the first of a list; None for what is no number
    of threads, which OpenMP passes over."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(wanted) if wanted.isdecimal() and int(wanted) > 0 else None


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _instruction_sets() -> frozenset[str]:
    """Return the names of the first processor's instruction sets."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        key, _, names = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(names.split())
    return frozenset()


def _vectors(instruction_sets: frozenset[str]) -> tuple[int, int]:
    """Return the bytes of a vector, and the number of vector registers."""
    for name, nbytes, registers in _VECTORS:
        if name in instruction_sets:
            return nbytes, registers
    return _BASELINES.get(platform.machine(), (16, 16))


def _cache_bytes() -> tuple[int, ...]:
    """Return the sizes of the first core's data caches by level; () where the system tells none."""
    found: dict[int, int] = {}
    for index in sorted(_CACHES.glob("index*")):
        try:
            kind, level, size = (
                (index / name).read_text(encoding="utf-8").strip()
                for name in ("type", "level", "size")
            )
        except OSError:
            continue
        if kind != "Instruction" and size:
            found[int(level)] = _nbytes(size)
    return tuple(found[level] for level in sorted(found))


def _nbytes(size: str) -> int:
    """Return the bytes of a size such as ``48K``."""
    unit = _UNITS.get(size[-1])
    return int(size) if unit is None else int(size[:-1]) * unit
