"""Time products of matrices by our kernels, and by cuBLAS in the same process.

    python -m benchmarks.bring_up.cublas [--cut]

cuBLAS is that of PyTorch or of a toolkit, through ctypes; where there is none, it is left out.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.bring_up.outcome import tell
from graphc.cli.bench.report import time_statistics
from graphc.compiler import graph as g
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.runtime.gpu import cuda
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.compiler.runtime.gpu.timing import time_program

# (m, k, n): a square one, one of the mlp's layers at its batch, one of an LSTM's gates.
PRODUCTS = ((4096, 4096, 4096), (1024, 1024, 1024), (128, 784, 512), (32, 128, 512))
CUT = ((5, 7, 9),)
REPEATS = 20
_MAJORS = (13, 12, 11)


def libraries() -> Iterator[str]:
    """The names and paths that cuBLAS may be found by: the loader's, then those of wheels."""
    yield from (f"libcublas.so.{major}" for major in _MAJORS)
    spec = importlib.util.find_spec("nvidia")
    for place in (spec and spec.submodule_search_locations) or ():
        yield from map(str, sorted(Path(place).glob("*/lib/libcublas.so.*")))


class Cublas:
    """A handle of cuBLAS in the current context, whose products are put into one stream.

    The interface is cuBLAS's "v2" (cuBLAS Library, chapter "Using the cuBLAS API").
    """

    def __init__(self, library: str, stream: int):
        self._library = ctypes.CDLL(library)
        self._handle = ctypes.c_void_p()
        self._call("cublasCreate_v2", ctypes.byref(self._handle))
        self._call("cublasSetStream_v2", self._handle, ctypes.c_void_p(stream))
        version = ctypes.c_int()
        self._call("cublasGetVersion_v2", self._handle, ctypes.byref(version))
        self.version = version.value

    def multiply(self, left: int, right: int, out: int, m: int, k: int, n: int) -> None:
        """Put ``out = left @ right`` of row-major float32 matrices, by address, into the stream.

        cuBLAS is column-major, so this is the transposed product. TF32 is off by default.
        """
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        sizes = map(ctypes.c_int, (n, m, k))
        self._call(
            "cublasSgemm_v2",
            self._handle,
            *(ctypes.c_int(0), ctypes.c_int(0)),  # CUBLAS_OP_N
            *sizes,
            ctypes.byref(one),
            *(ctypes.c_void_p(right), ctypes.c_int(n)),
            *(ctypes.c_void_p(left), ctypes.c_int(k)),
            ctypes.byref(zero),
            *(ctypes.c_void_p(out), ctypes.c_int(n)),
        )

    def _call(self, name: str, *arguments: object) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            raise RuntimeError(f"{name} returned {status}")


def load(stream: int) -> tuple[Cublas | None, str]:
    """Return cuBLAS and the library that it is, or None and why there is none."""
    problems = []
    for library in libraries():
        try:
            return Cublas(library, stream), library
        except (OSError, RuntimeError) as error:
            problems.append(f"{library}: {error}")
    return None, f"no cuBLAS: {'; '.join(problems)}"


def times(device: cuda.Device, cublas: Cublas, left: np.ndarray, right: np.ndarray) -> list[float]:
    """Return the seconds of cuBLAS's products, which are compared with NumPy's first."""
    (m, k), n = left.shape, right.shape[1]
    out = np.empty((m, n), "float32")
    blocks = [device.allocate(array.nbytes, "a matrix") for array in (left, right, out)]
    addresses = [block.address for block in blocks]
    device.upload(addresses[0], left)
    device.upload(addresses[1], right)
    cublas.multiply(*addresses, m, k, n)
    device.compute.synchronize()
    device.download(out, addresses[2])
    np.testing.assert_allclose(out, left.astype("float64") @ right, rtol=1e-3, atol=1e-3 * k**0.5)
    events = [(device.event(), device.event()) for _ in range(REPEATS)]
    for start, end in events:
        start.record(device.compute)
        cublas.multiply(*addresses, m, k, n)
        end.record(device.compute)
        end.synchronize()
    return [1e-3 * start.time_till(end) for start, end in events]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cut", action="store_true", help="a small product")
    products = CUT if parser.parse_args().cut else PRODUCTS
    device = cuda.device()
    with device.current():
        cublas, found = load(device.compute.handle)
    if cublas is None:
        tell(None, found)
    random = np.random.default_rng(1337)
    rows = []
    for m, k, n in products:
        left, right = (random.standard_normal(shape, "float32") for shape in ((m, k), (k, n)))
        nodes = g.input((m, k)), g.input((k, n))
        outputs = [g.matmul(*nodes)]
        executor = CudaExecutor(lower(outputs), outputs, name="a product")
        feeds = dict(zip(nodes, (left, right), strict=True))
        ours, _ = time_program(device, executor, feeds, {}, 0, REPEATS)
        with device.current():
            theirs = times(device, cublas, left, right)
        row = {
            "m": m,
            "k": k,
            "n": n,
            "ms": time_statistics(ours).median,
            "cublas_ms": time_statistics(theirs).median,
        }
        rows.append(row)
        print(f"{m} x {k} x {n}: {row['ms']:.3f} ms, cuBLAS {row['cublas_ms']:.3f} ms")
    tell(True, library=found, version=cublas.version, products=rows)


if __name__ == "__main__":
    main()
