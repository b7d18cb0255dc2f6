"""No step takes less: its operations at the rate of a product, its bytes at the rate of a copy.

    python -m benchmarks.peers.floor THREADS

prints the two rates of this machine, now.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.peers.worker import use_processors
from benchmarks.peers.workloads import Workload
from graphc.reference_models import REFERENCE_MODELS

_SIDE = 1536
_COPIED = 2**26  # bytes: more than a cache holds
_TIMES = 5


@dataclass(frozen=True)
class Rates:
    """FLOP and bytes a second; a copy's bytes are read and written."""

    flops: float
    bytes: float


@dataclass(frozen=True)
class Work:
    """What a step cannot do without.

    Attributes:
        flops: of the kernels that graphc makes of it.
        bytes: of its feeds, once, and of weights and optimizer's state, read and written once.
    """

    flops: int
    bytes: int

    def seconds(self, rates: Rates) -> tuple[float, float]:
        """For the operations, and for the bytes; the floor is their sum."""
        return self.flops / rates.flops, self.bytes / rates.bytes


def work(workload: Workload) -> Work:
    """Of one step."""
    step = REFERENCE_MODELS[workload.name].build()
    flops = sum(kernel.flops for kernel in step.function().kernels(batch=workload.batch))
    state = sum(variable.get_value().nbytes for variable, _ in step.updates)
    fed = sum(array.nbytes for array in step.data(workload.batch))
    return Work(flops, fed + 2 * state)


def best(rates: list[Rates]) -> Rates:
    """The highest of each: what the machine can do when nothing is in the way."""
    return Rates(max(r.flops for r in rates), max(r.bytes for r in rates))


def measure(threads: int) -> Rates:
    """A product of two float32 matrices by NumPy's BLAS, and a copy by as many threads."""
    left, right = (np.full((_SIDE, _SIDE), 0.5, np.float32) for _ in range(2))
    product = np.empty_like(left)
    product_seconds = _quickest(lambda: np.matmul(left, right, out=product))
    source, target = (np.zeros(_COPIED, np.uint8) for _ in range(2))
    source[:], target[:] = 1, 0  # pages are there
    pairs = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        copy_seconds = _quickest(lambda: list(pool.map(lambda pair: np.copyto(*pair), pairs)))
    return Rates(2 * _SIDE**3 / product_seconds, 2 * _COPIED / copy_seconds)


def _quickest(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    use_processors(int(sys.argv[1]))
    print(json.dumps(asdict(measure(int(sys.argv[1])))))
