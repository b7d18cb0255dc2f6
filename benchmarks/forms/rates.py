"""The rates that make a form's floor, measured now: products, copies, exponentials, and threads
that meet.

A form takes about max(FLOP / rate of a product, bytes / rate of a copy, exponentials / rate of
those) + what a fork and a join of the threads cost. The rate of a copy is that of as many bytes as
the form moves, repeated, so that what fits into a cache is held against that cache. Exponentials
are those of the C library for vectors, as g++ -Ofast calls it in a loop over a cached array, which
may be off by four units in the last place; one that is faster has a share above 1.

A machine that others share is faster at one time than at another: of a form, what its work takes
longest for is measured whenever the sides have had their turns.
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
_COPIED = 1 << 25
"""Bytes that all repetitions of a copy read."""
_SIDE = 1024
"""Of matrices that are multiplied beside a form."""


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

    def seconds(self, flops: int, moved: int, exponentials: int) -> tuple[float, float, float]:
        """Those of so much work by each of the three rates."""
        return flops / self.flops, moved / self.copy_rate(moved), exponentials / self.exponentials


class Meter:
    """Measures the rates of so many threads.

    Attributes:
        rates: those of the beginning.
    """

    def __init__(self, threads: int):
        with tempfile.TemporaryDirectory(prefix="graphc-rates-") as folder:
            self._library = _compiled(Path(folder))
        region = 0.0
        if threads > 1:
            region = _median(lambda: self._library.regions(_REGIONS)) / _REGIONS
        sizes = [1 << power for power in range(16, 29)]
        copy = tuple((size, size / self._copy_seconds(size)()) for size in sizes)
        exponentials = 1 / self._exponential_seconds()
        self.rates = MachineRates(rates.measure(threads).flops, copy, exponentials, region)
        self._factors = [np.full((_SIDE, _SIDE), 0.5, np.float32) for _ in range(2)]

    def floor(self, flops: int, moved: int, exponentials: int) -> Callable[[], float]:
        """Return a function that measures the seconds which so much work takes at the time of a
        call: of what takes longest at the rates of the beginning."""
        seconds = self.rates.seconds(flops, moved, exponentials)
        longest = seconds.index(max(seconds))
        if longest == 0:
            return lambda: self._product_seconds() * flops + self.rates.region
        if longest == 1:
            copy = self._copy_seconds(moved)
            return lambda: copy() + self.rates.region
        return lambda: self._exponential_seconds() * exponentials + self.rates.region

    def _product_seconds(self) -> float:
        """Of a FLOP."""
        product = np.empty_like(self._factors[0])
        return _median(lambda: np.matmul(*self._factors, out=product)) / (2 * _SIDE**3)

    def _copy_seconds(self, moved: int) -> Callable[[], float]:
        """Return a function that measures the seconds of a copy whose source and target together
        are `moved` bytes."""
        size = moved // 2
        source, target = np.ones(size, np.uint8), np.ones(size, np.uint8)
        times = max(1, _COPIED // size)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (target, source)]
        length = ctypes.c_long(size)

        def seconds() -> float:
            assert target.size == source.size  # both live as long as the function
            return _median(lambda: self._library.copies(*pointers, length, times)) / times

        return seconds

    def _exponential_seconds(self) -> float:
        """Of an exponential of a number of [-4, 4], in float32."""
        source = np.linspace(-4, 4, _EXPONENTIALS, dtype=np.float32)
        target = np.empty_like(source)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (target, source)]
        count = ctypes.c_long(_EXPONENTIALS)
        seconds = _median(lambda: self._library.exponentials(*pointers, count, _TIMES))
        return seconds / (_EXPONENTIALS * _TIMES)


def _compiled(folder: Path) -> ctypes.CDLL:
    compiler = shutil.which("g++")
    if compiler is None:
        sys.exit("benchmarks.forms needs g++ (Debian, Ubuntu: sudo apt install g++)")
    (folder / "rates.cc").write_text(_SOURCE)
    options = ["-Ofast", "-march=native", "-fopenmp", "-shared", "-fPIC"]
    command = [compiler, *options, "rates.cc", "-o", "rates.so"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "rates.so"))


def _median(call: Callable[[], object]) -> float:
    def seconds() -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    call()
    taken: Sequence[float] = [seconds() for _ in range(5)]
    return statistics.median(taken)
