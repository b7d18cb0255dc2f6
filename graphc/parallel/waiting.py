"""Waiting for a transfer, which a failure of another rank or Ctrl-C can end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

_YIELD_SECONDS = 0.02
"""The first part of a wait, in which the thread yields its processor between two polls; then it
sleeps. MPI moves bytes only while it is polled, and a transfer of some megabytes takes 20 ms."""

_SLEEP_SECONDS = 50e-6


def wait_until(is_done: Callable[[], bool], check: Callable[[], None]) -> None:
    """Wait until `is_done` returns True; `check` is called in between and may raise."""
    started = time.monotonic()
    while not is_done():
        check()
        if time.monotonic() - started < _YIELD_SECONDS:
            os.sched_yield()
        else:
            time.sleep(_SLEEP_SECONDS)
