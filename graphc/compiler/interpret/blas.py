"""The number of threads that the BLAS under NumPy takes for the products of a graph.

OpenBLAS' threads wait for each other in a loop that gives the processor away and asks for it again
(its issues 731 and 4496), several times in each product. Where other processes want the same
processors, a thread that is waited for does not run for some turns of the scheduler, and a product
of a fraction of a millisecond takes tens of them. What one thread computes within milliseconds is
therefore left to one. Sizes alone decide that, never the load.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections import Counter
from contextlib import AbstractContextManager, nullcontext

from threadpoolctl import LibController, ThreadpoolController

from graphc.compiler.graph import Node
from graphc.compiler.graph.cost import Bindings, cost
from graphc.compiler.graph.dim import evaluate

_log = logging.getLogger("graphc")

# FLOP below which OpenBLAS itself takes one thread: of two matrices, and where one is a vector.
_SMALL, _SMALL_VECTOR = 2 * 64**3, 2 * 9216
LARGE = 1_000_000_000
"""FLOP of a product, some 10 ms of one thread, that may have all threads."""


class _OneThread:
    """The BLAS on one thread while any thread of the process is within. The number is set by the
    first that comes and set back by the last that goes, so that none computes on two numbers.

    Others set the number too: a section of threadpoolctl or joblib in another thread. One that
    begins while this is on finds 1, sets a number of its own, and sets 1 back when it ends. So a
    number that another has set in the meantime is left alone, and what was found before is owed:
    while the other's number is on, nothing is set; where it has become 1, that is taken for the
    other's end, and what is owed is set. A section that sets 1 itself is known as another one only
    by releases of threadpoolctl that let one thread at a time set the number, as 3.8 does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._within: Counter[int] = Counter()  # by thread
        self._found: dict[LibController, int] = {}
        self._owed: dict[LibController, int] = {}
        if hasattr(os, "register_at_fork"):
            # A child has the lock as it was, and of the threads that are within the one that forks.
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._go_on_alone,
            )

    def __enter__(self) -> None:
        with self._lock:
            if not self._within:
                self._set()
            self._within[threading.get_ident()] += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            thread = threading.get_ident()
            self._within[thread] -= 1
            if not self._within[thread]:
                del self._within[thread]
            if not self._within:
                self._set_back()

    def _set(self) -> None:
        for library in _libraries().lib_controllers:
            number, owed = library.get_num_threads(), self._owed.get(library)
            if owed == number:
                del self._owed[library]
            elif owed is not None and number == 1:
                del self._owed[library]
                _log.info(
                    "the BLAS was left on one thread by a section that began while a product was "
                    "computed; it is set to %d threads again",
                    owed,
                )
                number = owed
            elif owed is not None:
                continue
            if number > 1 and _choose(library, 1):
                self._found[library] = number

    def _set_back(self) -> None:
        for library, number in self._found.items():
            if library.get_num_threads() != 1 or not _choose(library, number):
                self._owed[library] = number
        self._found.clear()

    def _go_on_alone(self) -> None:
        thread = threading.get_ident()
        mine = self._within[thread]
        self._within = Counter({thread: mine} if mine else {})
        if not self._within:
            self._set_back()
        self._lock.release()


def _choose(library: LibController, number: int) -> bool:
    """Let a library take so many threads, and return whether it does.

    Newer releases of threadpoolctl let the thread that set a number last set it alone, until it
    says that it is done: who is within last is often another one.
    """
    library.set_num_threads(number)
    done = getattr(library, "clear_controlling_thread", None)
    if done is not None:
        done()
    return bool(library.get_num_threads() == number)


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
    Others may set it too (threadpoolctl, joblib): see `_OneThread`.
    """
    return _one_thread if 0 < flops < LARGE else nullcontext()
