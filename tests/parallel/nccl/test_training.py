"""Models that ranks train on GPUs: real PyCUDA over the emulated driver, and a stand-in for NCCL.

`make test-cuda` runs these.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.parallel.mpiexec.launching import FOLDER as PROGRAMS
from tests.parallel.mpiexec.launching import ROOT, Ended, run
from tests.parallel.nccl.building import built

FLAGS = "ranks=nccl,device=gpu,shards=4"


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That of ranks which find the stand-in where the wheel of NCCL has its library."""
    if os.environ.get("GRAPHC_CUDA_SANITIZE") or "GRAPHC_CUDA_DRIVER" not in os.environ:
        pytest.skip("needs the emulated driver, without sanitizers")
    packages = tmp_path_factory.mktemp("packages")
    built(packages / "nvidia/nccl/lib/libnccl.so.2")
    return {
        "GRAPHC_CUDA_DRIVER": str(Path(os.environ["GRAPHC_CUDA_DRIVER"]).resolve()),
        "GRAPHC_CUDA_DEVICES": "2",
        "PYTHONPATH": f"{packages}:{ROOT}",
    }


def train(ranks: int, environ: dict[str, str], program: str, *arguments: object) -> Ended:
    emulated = Path(__file__).parent / "emulated.py"
    what = (emulated, PROGRAMS / program, *arguments)
    return run(ranks, *what, flags=FLAGS, environ=environ)


def test_two_ranks_have_the_bits_of_one(environ: dict[str, str], tmp_path: Path) -> None:
    """A mask of a dropout; statistics of a batch; a norm over all gradients, and a constraint."""
    models = ("dropout", "normalized", "clipped")
    found = []
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        folder.mkdir()
        ended = train(ranks, environ, "training.py", folder, ",".join(models))
        assert ended.status == 0, ended.errors
        found += [json.loads((folder / f"rank{k}.json").read_text()) for k in range(ranks)]
    assert found[1] == found[2] == found[0]
    for name in models:
        losses = found[0][name]["history"]["loss"]
        assert losses[0] != losses[1]


def test_a_rank_that_stops_while_others_wait_for_its_bytes_ends_all(
    environ: dict[str, str],
) -> None:
    ended = train(2, environ, "mistakes.py", "stop")
    assert ended.status != 0
    assert "trained" not in ended.output
    messages = [
        line for line in ended.errors.splitlines() if line.startswith("graphc.errors.RankErr")
    ]
    assert len(messages) == 1, ended.errors
    assert "rank 1 on " in messages[0]
    assert "no sign of life" in messages[0]


def test_a_killed_rank_ends_the_training(environ: dict[str, str]) -> None:
    ended = train(2, environ, "mistakes.py", "kill")
    assert ended.status != 0
    assert "trained" not in ended.output


def test_two_ranks_on_one_gpu_are_refused(environ: dict[str, str]) -> None:
    ended = train(2, {**environ, "GRAPHC_CUDA_DEVICES": "1"}, "mistakes.py", "none")
    assert ended.status != 0
    message = (
        "expected a GPU for each rank, since NCCL takes one rank a GPU, received 2 ranks and 1 GPU"
    )
    assert sum(message in line for line in ended.errors.splitlines()) == 2, ended.errors
