"""The ranks of this process, as the flag `ranks` and the launcher decide."""

from __future__ import annotations

import logging

import numpy as np

from graphc.config import config
from graphc.errors import FlagError
from graphc.parallel import mpi
from graphc.parallel.launch import find_launch
from graphc.parallel.transport import OneRank, Transport

_log = logging.getLogger("graphc")

_alone = OneRank()
_told: set[str] = set()


def join(where: str) -> Transport[np.ndarray]:
    """Return the ranks that train together with this process: one, or all that mpiexec started.

    Args:
        where: the call that trains, for messages.

    Raises:
        FlagError: a program that mpiexec started several times without the flag; a flag that ranks
            cannot be combined with.
        MissingPackageError: no mpi4py, or no MPI library.
        RankError: a rank that failed; a launcher and a library of different MPIs.
    """
    launch = find_launch()
    wanted = config.ranks
    if wanted == "none":
        if launch is not None and launch.size != 1 and config.source("ranks") == "default":
            times = "several" if launch.size is None else launch.size
            raise FlagError(
                f"{where}: {launch.launcher} started this program {times} times, and without the "
                "flag ranks each would train for itself and write the same files. Set "
                "GRAPHC_FLAGS=ranks=mpi to train one model on all of them, or ranks=none where "
                "they are to train for themselves"
            )
        return _alone
    if launch is None:
        _tell(
            f"ranks={wanted}: this process trains alone, since no mpiexec or srun started it: "
            "mpiexec -n 4 python train.py"
        )
        return _alone
    if config.cpu == "numpy" and launch.size != 1:
        raise FlagError(
            f"{where}: ranks={wanted} cannot be combined with cpu=numpy, whose sums have the order "
            "of NumPy's BLAS, which may differ between machines; use cpu=native or cpu=auto"
        )
    return mpi.join()


def _tell(line: str) -> None:
    if line not in _told:
        _log.warning("%s", line)
    _told.add(line)
