"""Vectors as the text counts them, which is the same for every machine: of 64 bytes, as the widest
are (``GC_VECTOR_BYTES`` of ``kernels/host_vector.h``)."""

from __future__ import annotations

import numpy as np

from graphc.compiler.graph.dim import Size, ceil_divide

_VECTOR_BYTES = 64


def lanes_of(dtype: str) -> int:
    """How many elements a vector has."""
    return _VECTOR_BYTES // np.dtype(dtype).itemsize


def whole_vectors(count: Size, vectors: int, dtype: str) -> Size:
    """The next multiple of the elements of that many vectors."""
    lanes = vectors * lanes_of(dtype)
    return ceil_divide(count, lanes) * lanes
