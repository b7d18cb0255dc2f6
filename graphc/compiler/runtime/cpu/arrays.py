"""Arrays of native code: where they lie in memory."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from graphc.compiler.program.memory import ALIGNMENT


def address_of(array: np.ndarray) -> int:
    """Return the address of an array's first element."""
    try:
        buffer = ctypes.c_char.from_buffer(array)  # type: ignore[arg-type]  # an array is one
        return ctypes.addressof(buffer)
    except (TypeError, ValueError, BufferError):  # empty, not writeable, or not whole
        return int(array.__array_interface__["data"][0])  # a dict, which takes six times as long


def placed_array(shape: Sequence[int], dtype: np.dtype) -> tuple[np.ndarray, int]:
    """Return an array, its elements not set, that begins at a multiple of `ALIGNMENT` bytes, and
    its address.

    NumPy's own begin anywhere, large ones mostly 16 bytes after one: each of their vectors of 64
    bytes lies in two lines of the cache. An array of fewer bytes is NumPy's own.
    """
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < ALIGNMENT:
        array = np.empty(shape, dtype)
        return array, address_of(array)
    memory = np.empty(nbytes + ALIGNMENT, np.uint8)
    begin = address_of(memory)
    first = -begin % ALIGNMENT
    return np.ndarray(shape, dtype, memory, first), begin + first


def aligned_array(shape: Sequence[int], dtype: npt.DTypeLike) -> np.ndarray:
    """Return the array of `placed_array`."""
    return placed_array(shape, np.dtype(dtype))[0]


def is_aligned(array: np.ndarray) -> bool:
    """Return whether an array begins as those of `aligned_array` do."""
    return array.nbytes < ALIGNMENT or address_of(array) % ALIGNMENT == 0
