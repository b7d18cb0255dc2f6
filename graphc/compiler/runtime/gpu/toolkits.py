"""Which releases of the CUDA toolkit compile for a card: from one that first knew it to one that
dropped it."""

from __future__ import annotations

from graphc.compiler.runtime.gpu.probe import dotted

Version = tuple[int, int]

# PTX ISA, "Release History": the first PTX for each target, and the toolkit that came with it. PTX
# 8.6, with sm_100, came with no toolkit of its own; 12.8 is the first that has it. Compared with
# the targets in LLVM's source, not with the document.
_FIRST: dict[Version, Version] = {
    (7, 0): (9, 0),
    (7, 2): (9, 2),
    (7, 5): (10, 0),
    (8, 0): (11, 0),
    (8, 6): (11, 1),
    (8, 7): (11, 4),
    (8, 8): (13, 0),
    (8, 9): (11, 8),
    (9, 0): (11, 8),
    (10, 0): (12, 8),
    (10, 3): (12, 9),
    (11, 0): (13, 0),
    (12, 0): (12, 8),
    (12, 1): (12, 9),
}
"""The first toolkit that compiles for each compute capability. One that is not listed may be known
to any."""

# After NVIDIA's announcements; the releases' notes ("Deprecated or Dropped Features") were not at
# hand.
_OLDEST: tuple[tuple[Version, Version], ...] = (
    ((11, 0), (3, 5)),
    ((12, 0), (5, 0)),
    ((13, 0), (7, 5)),
)
"""From each of these toolkits on, the least compute capability that is compiled for."""


def range_of(capability: Version) -> str:
    """Return the toolkits that compile for a compute capability as "11.8 or later" or "9.0 or later
    and before 13.0"; empty where none is known to lack it."""
    first = _FIRST.get(capability)
    dropped = next((release for release, least in _OLDEST if capability < least), None)
    parts = [f"{dotted(first)} or later"] if first else []
    parts += [f"before {dotted(dropped)}"] if dropped else []
    return " and ".join(parts)


def mismatch(release: Version, capability: Version) -> str:
    """Return the problem where a toolkit does not compile for a compute capability; else empty."""
    first = _FIRST.get(capability)
    if first is not None and release < first:
        return f"CUDA {dotted(release)} does not know sm_{capability[0]}{capability[1]} yet"
    if any(release >= since and capability < least for since, least in _OLDEST):
        return f"CUDA {dotted(release)} no longer compiles for sm_{capability[0]}{capability[1]}"
    return ""


def fix(capability: Version) -> str:
    """Return the way to a toolkit for a compute capability."""
    versions = range_of(capability)
    wanted = f"CUDA {versions}" if versions else "a toolkit that knows the card"
    return (
        f"put the nvcc of {wanted} first on PATH, or name it in the environment variable CUDACXX "
        "('nvcc --list-gpu-arch' says which cards one knows)"
    )
