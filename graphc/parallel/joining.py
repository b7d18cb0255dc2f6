"""The decision which ranks this process trains with, by the flag `ranks` and the launcher."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from graphc.config import config
from graphc.errors import FlagError, GraphcError
from graphc.lookup import whole_number
from graphc.parallel import mpi
from graphc.parallel.gpus import own_gpu, shared_gpu
from graphc.parallel.heartbeat import Heartbeat
from graphc.parallel.launcher import Launcher, find_launcher, mark_process
from graphc.parallel.transport import OneRank, Transport
from graphc.parallel.tree import rows_of_rank
from graphc.whole_files import write_nothing

_log = logging.getLogger("graphc")

_alone = OneRank()
_printed: set[str] = set()


def join(where: str, writes: bool = True) -> Transport[np.ndarray]:
    """Return the ranks that train together with this process: one, or all that mpiexec started.

    Args:
        where: the call that needs them, for messages.
        writes: it is a training, whose files several programs would write over.

    Raises:
        FlagError: a training that mpiexec started several times without the flag; a flag that ranks
            cannot be combined with.
        MissingPackageError: no mpi4py, or no MPI library.
        RankError: a rank that failed; a launcher and a library of different MPIs.
    """
    launcher, wanted = _launcher_of(os.getpid()), config.ranks
    if wanted == "none":
        if writes and _is_one_of_several(launcher) and config.source("ranks") == "default":
            assert launcher is not None
            times = "several" if launcher.size is None else launcher.size
            raise FlagError(
                f"{where}: {launcher.name} started this program {times} times, and without the "
                "flag ranks each would train for itself and write the same files. Set "
                "GRAPHC_FLAGS=ranks=mpi,shards=V, V at least the number of ranks, to train one "
                "model on all of them, or ranks=none where they are to train for themselves"
            )
        return _alone
    if wanted == "nccl" and config.device != "gpu":
        raise FlagError(
            f"{where}: ranks=nccl moves sums between GPUs, and device={config.device} may compute "
            "on none; set device=gpu, or ranks=mpi, which moves them between hosts"
        )
    if launcher is None:
        _print_once(
            f"ranks={wanted}: this process trains alone, since no mpiexec or srun started it: "
            "mpiexec -n 4 python train.py"
        )
        return _alone
    if config.cpu == "numpy":
        raise FlagError(
            f"{where}: ranks={wanted} cannot be combined with cpu=numpy, whose sums have the order "
            "of NumPy's BLAS, which differs between machines; use cpu=native or cpu=auto"
        )
    joined = mpi.join_mpi()
    if joined.rank:
        write_nothing()
    if joined.size > 1 and not any(isinstance(one, RankFilter) for one in _log.filters):
        _log.addFilter(RankFilter(joined.heartbeat))
    return joined


class RankFilter(logging.Filter):
    """A log filter that lets only rank 0 log what all ranks log, except for errors; warnings of
    others are sent to it."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        super().__init__()
        self._heartbeat = heartbeat

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True if this rank logs a record."""
        if record.levelno >= logging.ERROR:
            return True
        if record.levelno >= logging.WARNING:
            return self._heartbeat.warned(record.getMessage())
        return self._heartbeat.rank == 0


@lru_cache(maxsize=1)  # read at each step, and reading the environment takes 20 us
def _launcher_of(process: int) -> Launcher | None:
    return find_launcher()


def take_gpu(visible: Sequence[str]) -> int:
    """Return the index of the GPU that this process computes on, among those that it sees, which
    are given by their addresses: the first, unless several ranks train together. All ranks make the
    call."""
    launcher = _launcher_of(os.getpid())
    if config.ranks == "none" or launcher is None:
        return 0
    ranks = mpi.join_mpi()
    if config.ranks == "nccl":
        return own_gpu(ranks, ranks.hosts[ranks.rank], visible)
    return shared_gpu(ranks.hosts, ranks.rank, len(visible))


def rank() -> int:
    """Return the number of this process among those that train together, from 0; 0 alone.

    As of `size` and `own_rows`, the first call lets the processes that a launcher started join, as
    the flag `ranks` says.
    """
    return _ranks("graphc.parallel.rank").rank


def size() -> int:
    """Return the number of processes that train together."""
    return _ranks("graphc.parallel.size").size


def own_rows(samples: int, shards: int | None = None) -> slice:
    """Return the rows of a batch that this process computes: those of its shards.

    The shards of a batch are consecutive and of ceil(samples / shards) rows, the last ones of fewer
    or none. Of V shards, rank r of R has those from r * V // R up to (r + 1) * V // R.

    Args:
        samples: of the whole batch.
        shards: how many a batch is divided into; by default as the flag `shards` says.
    """
    where = "graphc.parallel.own_rows"
    ranks = _ranks(where)
    count = whole_number(f"{where}: samples", samples, least=0)
    given = int(config.shards) if shards is None else shards
    parts = whole_number(f"{where}: shards", given, least=1)
    own = rows_of_rank(count, parts, ranks.size, ranks.rank)
    return slice(own.start, own.stop)


def _ranks(where: str) -> Transport[np.ndarray]:
    joined = mpi.joined_mpi()  # in a process that a rank has forked, too
    return join(where, writes=False) if joined is None else joined


def end_together() -> None:
    """Arrange that a program that ends before it has joined the other ranks ends them too, as MPI
    would let them wait forever. Called when graphc is imported."""
    if _is_one_of_several(find_launcher()):
        mark_process()
        atexit.register(_leave)


def _leave() -> None:
    try:
        if mpi.joined_mpi() is not None or config.ranks == "none":
            return
        ranks = mpi.join_mpi()
    except GraphcError:  # of the flags, or of MPI: the program has met it, or needs none of them
        return
    error = getattr(sys, "last_value", None)
    if error is not None:
        ranks.heartbeat.fail(error)
    ranks.leave()


def _is_one_of_several(launcher: Launcher | None) -> bool:
    return launcher is not None and launcher.size != 1


def _print_once(line: str) -> None:
    if line not in _printed:
        _log.warning("%s", line)
    _printed.add(line)
