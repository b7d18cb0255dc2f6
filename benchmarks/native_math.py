"""The cost of mathematical functions an element: python benchmarks/native_math.py [CXX]

kernels/pointwise.cuh compiled twice, with kernels/native_math.h and with the C library's functions;
the flags are otherwise the same. Each number is nanoseconds an element of 4,096 that lie in the
first-level cache: the median of interleaved rounds, in one thread.
"""

from __future__ import annotations

import ctypes
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from graphc import resources

FUNCTIONS = ("exp", "expm1", "sigmoid", "tanh", "erf", "log", "log1p", "sin", "cos", "pow")
FUNCTIONS += ("floor", "round", "sqrt", "rsqrt")
POSITIVE = {"log", "log1p", "pow", "sqrt", "rsqrt"}
TYPES = {"float32": "float", "float64": "double"}
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math")
COUNT, TURNS, ROUNDS = 4096, 50, 21


def source() -> str:
    loops = (
        f'extern "C" void {name}_{dtype}(const {c}* x, {c}* z, int n) '
        f"{{ for (int i = 0; i < n; ++i) z[i] = gc_{name}(x[i]{', x[i]' * (name == 'pow')}); }}"
        for name in FUNCTIONS
        for dtype, c in TYPES.items()
    )
    return "\n".join(('#include "pointwise.cuh"', *loops))


def compiled(compiler: str, folder: Path, name: str, *flags: str) -> ctypes.CDLL:
    (folder / "loops.cc").write_text(source())
    command = [compiler, *FLAGS, *flags, f"-I{resources.folder('kernels')}", "-shared", "-fPIC"]
    command += ["loops.cc", "-o", name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{compiler} failed:\n{done.stderr}")
    return ctypes.CDLL(str(folder / name))


def nanoseconds(library: ctypes.CDLL, name: str, x: np.ndarray, z: np.ndarray) -> float:
    loop = getattr(library, f"{name}_{x.dtype}")
    arguments = ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(z.ctypes.data), COUNT
    started = time.perf_counter_ns()
    for _ in range(TURNS):
        loop(*arguments)
    return (time.perf_counter_ns() - started) / (TURNS * COUNT)


def main(compiler: str) -> None:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="graphc-math-") as kept:
        folder = Path(kept)
        libraries = [
            compiled(compiler, folder, "native.so", "-DGC_NATIVE_MATH"),
            compiled(compiler, folder, "libm.so"),
        ]
        print(f"{'ns an element':<14}{'native':>9}{'libm':>9}{'ratio':>8}")
        for dtype in TYPES:
            for name in FUNCTIONS:
                low = 0.01 if name in POSITIVE else -10
                x = rng.uniform(low, 10, COUNT).astype(dtype)
                z = np.empty_like(x)
                rounds = [
                    [nanoseconds(one, name, x, z) for one in libraries] for _ in range(ROUNDS)
                ]
                own, library = (statistics.median(times) for times in zip(*rounds, strict=True))
                label = f"{name} {dtype[5:]}"
                print(f"{label:<14}{own:>9.2f}{library:>9.2f}{library / own:>8.1f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "g++")
