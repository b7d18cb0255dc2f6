"""Real PyCUDA over the emulated driver: loads it, compiles for it, and runs things in each order.

Import this before pycuda. $GRAPHC_CUDA_DRIVER is the path of the emulated libcuda.so.1, as
`make test-cuda` sets it. With GRAPHC_CUDA_TESTS=gpu the machine's own driver and nvcc are used, and
an order is one more run (benchmarks/gpu_check.py).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from graphc import resources
from graphc.compiler.cards import Card
from graphc.compiler.runtime.gpu import cuda as graphc_cuda
from graphc.config import config
from tests.cuda_emulator import nvcc

ORDERS = ("up", "down", "shuffled:1")

ON_GPU = os.environ.get("GRAPHC_CUDA_TESTS") == "gpu"


def _load_driver() -> Path:
    """Put the emulated driver and its nvcc in the places of the real ones."""
    driver = Path(os.environ["GRAPHC_CUDA_DRIVER"]).resolve()
    # The emulated nvcc lies beside the driver. PyCUDA compiles kernels of its own (gpuarray's) with
    # the nvcc of PATH, and keeps binaries in a cache that is the user's.
    os.environ["PATH"] = os.pathsep.join((str(driver.parent), os.environ["PATH"]))
    os.environ["PYCUDA_DISABLE_CACHE"] = "1"
    # What graphc compiles is kept beside the driver, apart for each text of the emulated nvcc: the
    # cache knows a compiler by its path, size and time of change, and this one includes headers.
    sanitize = os.environ.get("GRAPHC_CUDA_SANITIZE", "")
    config.cuda_cache = driver.parent / "kernels" / nvcc.key(sanitize)
    # Loaded by its path first, the library is the one that PyCUDA's extension means by its name.
    ctypes.CDLL(str(driver), mode=ctypes.RTLD_GLOBAL)
    return driver


DRIVER = None if ON_GPU else _load_driver()

from pycuda.compiler import SourceModule  # noqa: E402


def compiled(source: str) -> SourceModule:
    """A module of this CUDA C, which may include the files of kernels/."""
    return SourceModule(
        source,
        no_extern_c=True,
        include_dirs=[str(resources.folder("kernels"))],
    )


@contextmanager
def emulated_card(card: Card) -> Iterator[None]:
    """Within the block the driver emulates this card, and graphc chooses kernels for it."""
    device = graphc_cuda.device()
    facts, before = device.facts, os.environ.get("GRAPHC_CUDA_CARD")
    major, minor = card.capability
    os.environ["GRAPHC_CUDA_CARD"] = f"{major}.{minor}:{card.most_shared}"
    device.facts = replace(facts, capability=card.capability, shared_opt_in=card.most_shared)
    try:
        yield
    finally:
        device.facts = facts
        if before is None:
            del os.environ["GRAPHC_CUDA_CARD"]
        else:
            os.environ["GRAPHC_CUDA_CARD"] = before


class RaceError(AssertionError):
    """A result that depends on which thread or block has its turn first."""


def in_each_order(run: Callable[[], Any]) -> list[Any]:
    """Return the results of `run` in each of the three orders of threads and blocks."""
    before = os.environ.get("GRAPHC_CUDA_ORDER")
    results = []
    try:
        for order in ORDERS:
            os.environ["GRAPHC_CUDA_ORDER"] = order
            results.append(run())
    finally:
        if before is None:
            os.environ.pop("GRAPHC_CUDA_ORDER", None)
        else:
            os.environ["GRAPHC_CUDA_ORDER"] = before
    return results


def without_race(run: Callable[[], np.ndarray]) -> np.ndarray:
    """The array that `run` returns; RaceError unless its bits are the same in each order."""
    first, *others = in_each_order(run)
    for order, other in zip(ORDERS[1:], others, strict=True):
        if first.tobytes() == other.tobytes():
            continue
        rows = [array.reshape(-1, 1).view(np.uint8) for array in (first, other)]  # a row an element
        at = int(np.flatnonzero((rows[0] != rows[1]).any(axis=1))[0])
        raise RaceError(
            f"element {at} is {first.reshape(-1)[at]} in the order {ORDERS[0]} and "
            f"{other.reshape(-1)[at]} in the order {order}: a race, or a missing barrier"
        )
    return first
