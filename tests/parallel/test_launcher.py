"""Launchers are known by the variables that they set."""

from __future__ import annotations

import os

import pytest

from graphc.parallel.launcher import Launcher, find_launcher


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PMI_RANK": "1", "PMI_SIZE": "4", "PMI_FD": "7"}, Launcher("mpiexec", 1, 4)),
        (
            {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2", "PMIX_RANK": "0"},
            Launcher("mpiexec of Open MPI", 0, 2),
        ),
        (
            {"MV2_COMM_WORLD_RANK": "3", "MV2_COMM_WORLD_SIZE": "8"},
            Launcher("mpiexec of MVAPICH", 3, 8),
        ),
        (
            {"SLURM_PROCID": "2", "SLURM_NTASKS": "4", "SLURM_STEP_NUM_TASKS": "4"},
            Launcher("srun", 2, 4),
        ),
        # MPICH's mpiexec in an allocation of Slurm: two machines, of which each has four ranks.
        (
            {"PMI_RANK": "5", "PMI_SIZE": "8", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2"},
            Launcher("mpiexec", 5, 8),
        ),
        # srun --mpi=pmix tells the size by variables of its own.
        (
            {"PMIX_RANK": "3", "SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4"},
            Launcher("srun", 3, 4),
        ),
        ({"PMIX_RANK": "5"}, Launcher("mpiexec", 5, None)),
        # A batch script of Slurm: one process, whatever it will start.
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, None),
        ({"PMI_RANK": "", "PMI_SIZE": "4"}, None),
        ({"PATH": "/bin"}, None),
    ],
)
def test_what_launched_a_process(environ: dict[str, str], expected: Launcher | None) -> None:
    assert find_launcher(environ) == expected


def test_a_process_that_a_rank_starts_is_no_rank() -> None:
    launched = {"PMI_RANK": "1", "PMI_SIZE": "4"}
    assert find_launcher({**launched, "GRAPHC_RANK_PROCESS": str(os.getpid())}) is not None
    assert find_launcher({**launched, "GRAPHC_RANK_PROCESS": "1"}) is None
