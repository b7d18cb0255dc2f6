"""The time that this machine's MPI takes to move bytes: a latency alpha and a time beta a byte.

    mpiexec -n 2 python benchmarks/ranks.py

Each line is a size: the bytes that a rank sends to each other one, and the median time of
all_to_all and of all_gather as training calls them. The last lines fit
t = (R - 1) (alpha + beta * bytes), by least squares on relative errors, over the medians.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from graphc.parallel import mpi

SIZES = [4**k for k in range(2, 13)]  # 16 B to 16 MiB
CALLS_SECONDS = 0.3
"""Of calls of one size."""


def median_seconds(ranks: mpi.Mpi, call: Callable[[], None]) -> float:
    """The median time of a call, on the rank where it is longest."""
    call()
    started = time.perf_counter()
    call()
    count = np.array([max(5, min(1000, CALLS_SECONDS / (time.perf_counter() - started)))], "int64")
    ranks.broadcast(count.view("uint8"), 0).wait()
    times = []
    for _ in range(count[0]):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    of_ranks = np.zeros(ranks.size)
    of_ranks[ranks.rank] = np.median(times)
    ranks.all_gather(of_ranks.view("uint8"), [8] * ranks.size).wait()
    return float(of_ranks.max())


def measured(ranks: mpi.Mpi, size: int) -> tuple[float, float]:
    """The seconds of an all_to_all and of an all_gather with so many bytes for each other rank."""
    whole = np.zeros(size * ranks.size, "uint8")
    received = np.zeros_like(whole)
    sizes = [size] * ranks.size
    return (
        median_seconds(ranks, lambda: ranks.all_to_all(whole, sizes, received, sizes).wait()),
        median_seconds(ranks, lambda: ranks.all_gather(whole, sizes).wait()),
    )


def fitted(ranks: int, seconds: np.ndarray) -> tuple[float, float]:
    """(alpha, beta) of the times of `SIZES`."""
    terms = (ranks - 1) * np.stack([np.ones(len(SIZES)), np.array(SIZES, "float64")], axis=1)
    (alpha, beta), *_ = np.linalg.lstsq(terms / seconds[:, None], np.ones(len(SIZES)), rcond=None)
    return float(alpha), float(beta)


def main() -> None:
    """Measure, and print on rank 0."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    ranks = mpi.join_mpi()
    if ranks.size < 2:
        raise SystemExit("start it on several ranks: mpiexec -n 2 python benchmarks/ranks.py")
    rows = []
    for size in SIZES:
        rows.append(measured(ranks, size))
        if ranks.rank == 0:
            print(
                f"{size:>9} B  all_to_all {rows[-1][0] * 1e6:9.1f} us"
                f"  all_gather {rows[-1][1] * 1e6:9.1f} us",
                flush=True,
            )
    if ranks.rank == 0:
        for name, seconds in zip(("all_to_all", "all_gather"), np.array(rows).T, strict=True):
            alpha, beta = fitted(ranks.size, seconds)
            print(
                f"{name}: alpha {alpha * 1e6:.1f} us, beta {beta * 1e9:.3f} ns a byte "
                f"({1e-9 / beta:.2f} GB/s)"
            )


if __name__ == "__main__":
    main()
