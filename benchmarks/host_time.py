"""The host's time of a call and of each launch, in Python and in PyCUDA: no GPU is needed.

    GRAPHC_CUDA_DRIVER=.venv-cuda/driver-plain/libcuda.so.1 .venv-cuda/bin/python \
        -m benchmarks.host_time

On the emulated driver a launch is put into a queue, and runs where it is waited for: the time until
then is the host's, without what NVIDIA's driver would take. Chains of products of 4 x 4 are called,
of several lengths; the line through the quickest call of each is printed. (The driver is made by
make test-cuda.)
"""

from __future__ import annotations

import time

import numpy as np

from tests.cuda_emulator import emulator  # noqa: F401  it puts the emulated driver in place

# Behind the emulator, which has to be first to load PyCUDA's driver.
from graphc.compiler import graph as g  # isort: skip
from graphc.compiler.function import function  # isort: skip
from graphc.config import config  # isort: skip

LENGTHS = (1, 10, 20, 30, 40)
CALLS = 2000


def quickest(length: int) -> tuple[int, float]:
    """Return the launches of a chain of products, and the seconds until a call has started them."""
    x = g.input((4, 4), "float32")
    factor = np.eye(4, dtype=np.float32)
    result = x
    for _ in range(length):
        result = g.matmul(result, g.shared(factor))
    with config.changed(device="gpu"):
        chain = function([x], [result])
        launches = chain.kernels().launches
        seconds = []
        for _ in range(CALLS):
            started = time.perf_counter()
            pending = chain.start(factor)
            seconds.append(time.perf_counter() - started)
            pending.get()
    return launches, min(seconds)


def main() -> None:
    found = [quickest(length) for length in LENGTHS]
    for launches, seconds in found:
        print(f"{launches:4} launches: {1e6 * seconds:.1f} us")
    of_launch, of_call = np.polyfit(*zip(*found, strict=True), 1)
    print(f"a call {1e6 * of_call:.1f} us, and each launch {1e6 * of_launch:.2f} us")


if __name__ == "__main__":
    main()
