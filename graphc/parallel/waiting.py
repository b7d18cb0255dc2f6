"""Waiting for a transfer, which a failure of another rank or Ctrl-C can end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

SPIN_SECONDS = 0.3e-3
"""The first part of a wait in which the thread keeps its processor, where each rank has one: a
process of lower priority that gets it keeps it for milliseconds, and most waits are shorter."""

_YIELD_SECONDS = 0.02
"""The next part, in which the thread yields its processor between two polls; then it sleeps. MPI
moves bytes only while it is polled, and a transfer of some megabytes takes 20 ms."""

_SLEEP_SECONDS = 50e-6


def own_processors() -> frozenset[int]:
    """Return the numbers of the processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def spin_seconds(ranks: Sequence[tuple[str, frozenset[int]]], rank: int) -> float:
    """Return the seconds of a wait in which a rank keeps its processor: none if the ranks of its
    host have fewer processors than they are.

    Args:
        ranks: of each rank its host and the processors that it may run on.
        rank: one of them.
    """
    beside = [processors for host, processors in ranks if host == ranks[rank][0]]
    return SPIN_SECONDS if len(beside) <= len(frozenset().union(*beside)) else 0.0


def wait_until(is_done: Callable[[], bool], check: Callable[[], None], spins: float = 0.0) -> None:
    """Wait until `is_done` returns True; `check` is called in between and may raise.

    Args:
        is_done: polled.
        check: called between two polls.
        spins: seconds in which the thread keeps its processor.
    """
    started = time.monotonic()
    while not is_done():
        check()
        waited = time.monotonic() - started
        if waited > _YIELD_SECONDS:
            time.sleep(_SLEEP_SECONDS)
        elif waited > spins:
            os.sched_yield()
