"""The launcher that started this process, found by the variables that it sets: mpiexec, srun."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Launcher:
    """A launcher that started this process as one of several.

    `size` is the number of processes, None where only MPI knows it.
    """

    name: str
    rank: int
    size: int | None


_VARIABLES = (
    ("mpiexec of Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("mpiexec of MVAPICH", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
    # MPICH's and Intel's. In an allocation of Slurm it has srun start one process a machine, whose
    # variables the ranks have as well.
    ("mpiexec", "PMI_RANK", "PMI_SIZE"),
    # Of a step, which srun starts: a batch script has SLURM_PROCID and SLURM_NTASKS too, and is
    # one process.
    ("srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
    ("mpiexec", "PMIX_RANK", None),
)


_MARK = "GRAPHC_RANK_PROCESS"


def mark_process() -> None:
    """Mark this process as the rank, for processes that it starts: they inherit the launcher's
    variables and are none."""
    os.environ.setdefault(_MARK, str(os.getpid()))


def find_launcher(environ: Mapping[str, str] | None = None) -> Launcher | None:
    """Return the launcher of this process; None for a process that was started alone, or by a
    rank."""
    environ = os.environ if environ is None else environ
    if environ.get(_MARK, str(os.getpid())) != str(os.getpid()):
        return None
    for name, rank, size in _VARIABLES:
        numbers = [environ.get(variable, "") for variable in (rank, size) if variable is not None]
        if all(map(str.isdecimal, numbers)):
            given, *of_how_many = map(int, numbers)
            return Launcher(name, given, of_how_many[0] if of_how_many else None)
    return None
