"""How many threads the BLAS under NumPy takes for the products of a graph.

OpenBLAS' threads wait for each other in a loop that gives the processor away and asks for it again
(its issues 731 and 4496), several times in each product. Where other processes want the same
processors, a thread that is waited for does not run for some turns of the scheduler, and a product
of a fraction of a millisecond takes tens of them. What one thread computes within milliseconds is
therefore left to one. Sizes alone decide that, never the load.
"""

from __future__ import annotations

import functools
import threading
from contextlib import AbstractContextManager, nullcontext

from threadpoolctl import ThreadpoolController

from graphc.compiler.graph import Node
from graphc.compiler.graph.cost import Bindings, cost
from graphc.compiler.graph.dim import evaluate

# FLOP below which OpenBLAS itself takes one thread: of two matrices, and where one is a vector.
_SMALL, _SMALL_VECTOR = 2 * 64**3, 2 * 9216
LARGE = 1_000_000_000
"""FLOP of a product, some 10 ms of one thread, that may have all threads."""


class _OneThread:
    """The BLAS on one thread while any thread of the process is within. The number is set by the
    first that comes and set back by the last that goes, so that none computes on two numbers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._within = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._within == 0:
                self._limit = _libraries().limit(limits=1)
            self._within += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._within -= 1
            if self._within == 0:
                self._limit.restore_original_limits()


_one_thread = _OneThread()


@functools.cache
def _libraries() -> ThreadpoolController:
    """Those with threads to choose: OpenBLAS, MKL, BLIS. macOS' own is none of them."""
    return ThreadpoolController().select(user_api="blas")


def product_flops(node: Node, bindings: Bindings) -> int:
    """Operations of one call of the BLAS that a node makes; 0 where it makes none, or one that runs
    on one thread anyway."""
    if node.op == "conv":
        return cost(node, bindings).flops
    if node.op != "matmul":
        return 0
    left, right = node.inputs
    rows, terms, columns = (
        evaluate(size, bindings) for size in (*left.shape[-2:], right.shape[-1])
    )
    flops = 2 * rows * terms * columns
    return flops if flops >= (_SMALL_VECTOR if 1 in (rows, columns) else _SMALL) else 0


def threads_for(flops: int) -> AbstractContextManager[None]:
    """Within it, products of at most so many operations run on the threads that are good for them.

    The number is that of the process: meanwhile, another thread of it multiplies on one as well.
    What sets it too (threadpoolctl, joblib) and ends later than this sets back what it found.
    """
    return _one_thread if 0 < flops < LARGE else nullcontext()
