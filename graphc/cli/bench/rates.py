"""The peaks of this machine: the rates of a matrix product and of a copy, measured now."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

SIDE = 1536
"""Of the matrices that are multiplied."""
COPIED = 2**26
"""Bytes that are copied: more than a cache holds."""
_TIMES = 5


@dataclass(frozen=True)
class Rates:
    """FLOP and bytes a second; a copy's bytes are read and written."""

    flops: float
    bytes: float


def measure(threads: int, dtype: str = "float32") -> Rates:
    """Time a product of two matrices by NumPy's BLAS, with as many threads as it takes by itself,
    and a copy by `threads` threads; the quickest of several."""
    left, right = (np.full((SIDE, SIDE), 0.5, dtype) for _ in range(2))
    product = np.empty_like(left)
    product_seconds = _quickest(lambda: np.matmul(left, right, out=product))
    source, target = (np.zeros(COPIED, np.uint8) for _ in range(2))
    source[:], target[:] = 1, 0  # pages are there
    pairs = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        copy_seconds = _quickest(lambda: list(pool.map(lambda pair: np.copyto(*pair), pairs)))
    return Rates(2 * SIDE**3 / product_seconds, 2 * COPIED / copy_seconds)


def _quickest(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
