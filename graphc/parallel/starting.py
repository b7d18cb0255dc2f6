"""Watch over the other ranks while MPI's initialisation waits for all of them.

Heartbeats begin after it. If a process ends before it has initialised MPI, MPICH's mpiexec takes it
for a program without MPI, and the others would wait forever. So each rank observes the processes of
the ranks on its machine. If one has ended, or is stopped for longer than a rank may be silent, this
process exits with an error, and mpiexec ends the others.
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
from graphc.parallel.last_words import write_out

_log = logging.getLogger("graphc")

_LAUNCHER = "hydra_pmi_proxy"
"""The parent of the ranks that MPICH's mpiexec starts on a machine."""

_SECONDS_UNTIL_LOGGED = 30.0
"""The time that a rank waits for the others before it logs that it waits."""

_ENDED_STATES = ("Z", "X")
_STOPPED_STATE = "T"
"""States of processes in /proc: zombie and dead; stopped by a signal."""


@dataclass(frozen=True)
class Neighbour:
    """A process of a rank on this machine: its rank, and its state in /proc."""

    rank: int
    state: str


def find_neighbours(proc: Path, launcher: int) -> list[Neighbour]:
    """Return the processes of ranks that a launcher has started on this machine and that run.

    Args:
        proc: the folder of the processes, /proc.
        launcher: the number of the launcher's process.
    """
    found = []
    for folder in proc.iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):  # it has ended meanwhile
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == launcher and state not in _ENDED_STATES:
                    variables = (folder / "environ").read_bytes().split(b"\0")
                    name = b"PMI_RANK="
                    ranks = [one.removeprefix(name) for one in variables if one.startswith(name)]
                    if ranks:
                        found.append(Neighbour(int(ranks[0]), state))
    return found


class Watch:
    """Finds failures among the ranks of this machine, from one observation to the next.

    Args:
        ranks: the number of ranks of the job.
        here: the number of ranks on this machine.
        host: the name of this machine, for messages.
    """

    def __init__(self, ranks: int, here: int, host: str) -> None:
        self._ranks, self._here, self._host = ranks, here, host
        self._known: set[int] = set(range(ranks)) if ranks == here else set()
        self._stopped_since: dict[int, float] = {}
        self._was_short = False

    def problem(self, neighbours: list[Neighbour], now: float) -> str:
        """Return the failure that keeps ranks from joining; '' if none is known.

        Args:
            neighbours: the ranks of this machine, as observed now.
            now: the time, in seconds.
        """
        present = {one.rank for one in neighbours}
        self._known |= present
        is_short = len(present) < self._here
        # Processes are read one after the other, and some may not have started yet: a rank counts
        # as gone if it is missing twice in a row.
        if is_short and self._was_short:
            missing = sorted(self._known - present)
            named = f"rank {missing[0]} on {self._host}" if missing else f"a rank on {self._host}"
            return f"{named} failed: it has ended before it joined the others"
        self._was_short = is_short
        stopped = {one.rank for one in neighbours if one.state == _STOPPED_STATE}
        self._stopped_since = {rank: self._stopped_since.get(rank, now) for rank in stopped}
        for rank, since in self._stopped_since.items():
            if now - since > SILENCE_SECONDS:
                return (
                    f"rank {rank} on {self._host} failed: it is stopped for {now - since:.0f} s, "
                    "and has not joined the others"
                )
        return ""


@contextmanager
def watch_over_start(host: str, environ: Mapping[str, str] | None = None) -> Iterator[None]:
    """End this process, with an error, if the block waits for ranks that will never join.

    Args:
        host: the name of this machine, for messages.
        environ: the environment, for tests.
    """
    environ = os.environ if environ is None else environ
    numbers = [environ.get(name, "") for name in ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS")]
    proc = Path("/proc")
    watch = None
    if all(map(str.isdecimal, numbers)) and _name_of(proc, os.getppid()) == _LAUNCHER:
        watch = Watch(int(numbers[1]), int(numbers[2]), host)
    joined = threading.Event()

    def observe() -> None:
        started, is_logged = time.monotonic(), False
        while not joined.wait(TICK_SECONDS):
            now = time.monotonic()
            if watch is not None:
                found = watch.problem(find_neighbours(proc, os.getppid()), now)
                if found:
                    with suppress(OSError, ValueError):  # stderr may be closed
                        print(f"graphc: rank {numbers[0]}: {found}", file=sys.stderr)
                    write_out()
                    os._exit(1)
            if now - started > _SECONDS_UNTIL_LOGGED and not is_logged:
                is_logged = True
                _log.warning(
                    "ranks: waiting for %.0f s for all ranks to join: each joins where it first "
                    "trains, evaluates or predicts",
                    now - started,
                )

    thread = threading.Thread(target=observe, name="graphc-starting", daemon=True)
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
