"""Watching the other ranks until all have joined: before that, no signs of life are sent.

MPI's initialisation waits for all ranks. MPICH's mpiexec takes a process that ends before it has
begun that for one that uses no MPI, and lets the others wait. So each rank looks at those of its
machine meanwhile: one that has ended, or is stopped for as long as a silent rank may be, ends it,
and mpiexec then ends the rest.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from graphc.parallel.heartbeat import SILENCE_SECONDS, TICK_SECONDS

_log = logging.getLogger("graphc")

_LAUNCHER = "hydra_pmi_proxy"
"""The parent of the ranks that MPICH's mpiexec starts on a machine."""

_NOTICE_SECONDS = 30.0
"""Of waiting, behind which a line in the log says so."""

_GONE = ("Z", "X")


@dataclass(frozen=True)
class Neighbour:
    """A process that the launcher of this one has started: its rank, and its state in /proc."""

    rank: int
    state: str


def find_neighbours(proc: Path, launcher: int) -> list[Neighbour]:
    """Return the running processes that a launcher has started on this machine."""
    found = []
    for folder in proc.iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):  # it has ended meanwhile
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == launcher and state not in _GONE:
                    variables = (folder / "environ").read_bytes().split(b"\0")
                    ranks = [one[9:] for one in variables if one.startswith(b"PMI_RANK=")]
                    if ranks:
                        found.append(Neighbour(int(ranks[0]), state))
    return found


class Watch:
    """The state of a rank's watch over the ranks of its machine, from one look to the next.

    Args:
        ranks: of the whole job.
        here: how many of them this machine has.
        host: of this machine, for messages.
    """

    def __init__(self, ranks: int, here: int, host: str) -> None:
        self._ranks, self._here, self._host = ranks, here, host
        self._known: set[int] = set(range(ranks)) if ranks == here else set()
        self._stopped_since: dict[int, float] = {}
        self._was_short = False

    def problem(self, neighbours: list[Neighbour], now: float) -> str:
        """Return the reason why waiting for all ranks is in vain, '' if none is known."""
        present = {one.rank for one in neighbours}
        self._known |= present
        is_short = len(present) < self._here
        if is_short and self._was_short:  # not between two looks at one process after the other
            missing = sorted(self._known - present)
            named = f"rank {missing[0]} on {self._host}" if missing else f"a rank on {self._host}"
            return f"{named} failed: it has ended before it joined the others"
        self._was_short = is_short
        stopped = {one.rank for one in neighbours if one.state == "T"}
        self._stopped_since = {rank: self._stopped_since.get(rank, now) for rank in stopped}
        for rank, since in self._stopped_since.items():
            if now - since > SILENCE_SECONDS:
                return (
                    f"rank {rank} on {self._host} failed: it is stopped for {now - since:.0f} s, "
                    "and has not joined the others"
                )
        return ""


@contextmanager
def starting_watched(host: str, environ: Mapping[str, str] | None = None) -> Iterator[None]:
    """End this process, with an error, if the block waits for ranks that will never join."""
    environ = os.environ if environ is None else environ
    numbers = [environ.get(name, "") for name in ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS")]
    proc = Path("/proc")
    watch = None
    if all(map(str.isdecimal, numbers)) and _name_of(proc, os.getppid()) == _LAUNCHER:
        watch = Watch(int(numbers[1]), int(numbers[2]), host)
    joined = threading.Event()

    def look() -> None:
        started, is_reported = time.monotonic(), False
        while not joined.wait(TICK_SECONDS):
            now = time.monotonic()
            if watch is not None:
                found = watch.problem(find_neighbours(proc, os.getppid()), now)
                if found:
                    with suppress(OSError, ValueError):  # nobody reads it any more
                        print(f"graphc: rank {numbers[0]}: {found}", file=sys.stderr, flush=True)
                    os._exit(1)
            if now - started > _NOTICE_SECONDS and not is_reported:
                is_reported = True
                _log.warning(
                    "ranks: waits since %.0f s for all ranks to join: each does where it first "
                    "trains, evaluates or predicts",
                    now - started,
                )

    thread = threading.Thread(target=look, name="graphc-starting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        joined.set()
        thread.join()


def _name_of(proc: Path, process: int) -> str:
    try:
        return (proc / str(process) / "comm").read_text().strip()
    except OSError:
        return ""
