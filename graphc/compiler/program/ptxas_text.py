"""The resources of kernels, as ``ptxas -v`` prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENTRY = re.compile(r"Compiling entry function '(\w+)'")
_FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")


@dataclass(frozen=True)
class Resources:
    """The resources of one kernel by ptxas: all in bytes, but `registers`; `shared` is without
    dynamic shared memory."""

    registers: int
    shared: int
    frame: int = 0
    spilled: int = 0


def read_ptxas(text: str) -> dict[str, Resources]:
    """The kernels in the output of ``-Xptxas -v``, by name."""
    found: dict[str, Resources] = {}
    for part in re.split(r"(?=ptxas info\s*: Compiling entry)", text):
        name, frame, used = _ENTRY.search(part), _FRAME.search(part), _USED.search(part)
        if name is None or frame is None or used is None:
            continue
        shared = _SHARED.search(part)
        found[name[1]] = Resources(
            registers=int(used[1]),
            shared=int(shared[1]) if shared else 0,
            frame=int(frame[1]),
            spilled=int(frame[2]) + int(frame[3]),
        )
    return found
