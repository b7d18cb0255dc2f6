"""Memory in large pages. MPI copies between processes of one machine page by page."""

from __future__ import annotations

import mmap

import numpy as np

_PAGE = 2**21
"""Bytes of a large page of x86_64 and ARM."""


def large_pages(nbytes: int) -> np.ndarray:
    """Return new memory of so many bytes: in large pages if it is as large as one and the system
    (Linux) has them."""
    if nbytes < _PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.empty(nbytes, "uint8")
    size = -(-nbytes // _PAGE) * _PAGE
    memory = mmap.mmap(-1, size + _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    found = np.frombuffer(memory, "uint8")
    first = -found.ctypes.data % _PAGE
    memory.madvise(mmap.MADV_HUGEPAGE, first, size)
    return found[first : first + nbytes]
