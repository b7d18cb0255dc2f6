"""The rates that make a form's floor, measured now: products, copies, exponentials, and threads
that meet.

A form takes about max(FLOP / rate of a product, bytes / rate of a copy, exponentials / rate of
those) + what a fork and a join of the threads cost. The rate of a copy is that of as many bytes as
the form moves, repeated, so that what fits into a cache is held against that cache. Exponentials
are those of the C library for vectors, as g++ -Ofast calls it in a loop over a cached array, which
may be off by four units in the last place; one that is faster has a share above 1.
"""

from __future__ import annotations

import ctypes
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphc.cli.bench import rates

_SOURCE = """
#include <cmath>
#include <cstring>
#include <omp.h>
extern "C" void regions(int times) {
  for (int k = 0; k < times; ++k) {
    #pragma omp parallel
    { asm volatile("" ::: "memory"); }
  }
}
extern "C" void copies(char* target, const char* source, long bytes, int times) {
  #pragma omp parallel
  {
    long share = bytes / omp_get_num_threads(), first = share * omp_get_thread_num();
    for (int k = 0; k < times; ++k) {
      std::memcpy(target + first, source + first, share);
      asm volatile("" ::: "memory");
    }
  }
}
extern "C" void exponentials(float* target, const float* source, long count, int times) {
  #pragma omp parallel
  {
    long share = count / omp_get_num_threads(), first = share * omp_get_thread_num();
    for (int k = 0; k < times; ++k) {
      for (long i = first; i < first + share; ++i) target[i] = std::exp(source[i]);
      asm volatile("" ::: "memory");
    }
  }
}
"""
_REGIONS = 2000
_EXPONENTIALS = 4096
"""Elements of the array whose exponentials are taken, of float32."""
_TIMES = 2000
"""Repetitions of all of them."""
_COPIED = 1 << 28
"""Bytes that all repetitions of a copy read."""


@dataclass(frozen=True)
class MachineRates:
    """Of all threads together.

    Attributes:
        flops: FLOP a second of a large product, by NumPy's BLAS.
        copy: bytes a second, read and written, of copies of so many bytes in all, ascending.
        exponentials: a second, of float32.
        region: seconds of a fork and a join, 0 on one thread.
    """

    flops: float
    copy: tuple[tuple[int, float], ...]
    exponentials: float
    region: float

    def copy_rate(self, moved: int) -> float:
        """Of the largest measured copy that moves no more bytes, else of the smallest."""
        fitting = [rate for size, rate in self.copy if size <= moved]
        return fitting[-1] if fitting else self.copy[0][1]

    def floor(self, flops: int, moved: int, exponentials: int) -> float:
        """Seconds that so much work takes at these rates."""
        busy = flops / self.flops, moved / self.copy_rate(moved), exponentials / self.exponentials
        return max(busy) + self.region


def measured(threads: int) -> MachineRates:
    """Measure them, with so many threads."""
    with tempfile.TemporaryDirectory(prefix="graphc-rates-") as folder:
        library = _compiled(Path(folder))
        region = 0.0
        if threads > 1:
            region = _median(lambda: library.regions(_REGIONS)) / _REGIONS
        sizes = [1 << power for power in range(16, 29)]
        copy = tuple((size, _copy_rate(library, size)) for size in sizes)
        exponentials = _exponential_rate(library)
    return MachineRates(rates.measure(threads).flops, copy, exponentials, region)


def _compiled(folder: Path) -> ctypes.CDLL:
    compiler = shutil.which("g++")
    if compiler is None:
        sys.exit("benchmarks.forms needs g++ (Debian, Ubuntu: sudo apt install g++)")
    (folder / "rates.cc").write_text(_SOURCE)
    options = ["-Ofast", "-march=native", "-fopenmp", "-shared", "-fPIC"]
    command = [compiler, *options, "rates.cc", "-o", "rates.so"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "rates.so"))


def _copy_rate(library: ctypes.CDLL, moved: int) -> float:
    """Bytes a second, where source and target together are `moved` bytes."""
    size = moved // 2
    source, target = np.ones(size, np.uint8), np.ones(size, np.uint8)
    times = max(1, _COPIED // size)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (target, source)]
    seconds = _median(lambda: library.copies(*pointers, ctypes.c_long(size), times))
    return times * moved / seconds


def _exponential_rate(library: ctypes.CDLL) -> float:
    """Exponentials a second, of numbers of [-4, 4]."""
    source = np.linspace(-4, 4, _EXPONENTIALS, dtype=np.float32)
    target = np.empty_like(source)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (target, source)]
    count = ctypes.c_long(_EXPONENTIALS)
    seconds = _median(lambda: library.exponentials(*pointers, count, _TIMES))
    return _EXPONENTIALS * _TIMES / seconds


def _median(call: Callable[[], object]) -> float:
    def seconds() -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    call()
    taken: Sequence[float] = [seconds() for _ in range(5)]
    return statistics.median(taken)
