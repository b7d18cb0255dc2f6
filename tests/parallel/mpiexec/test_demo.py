"""`graphc demo --ranks 2` trains the weights of `graphc demo --shards 2`; `graphc bench --ranks 2`
times both ranks."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from graphc.config import ENVIRONMENT_VARIABLE
from tests.parallel.mpiexec.launching import LIMIT_SECONDS, ROOT, mpiexec


def demo(*options: str) -> list[str]:
    return graphc("demo", "--verbose", "2", *options).splitlines()


def graphc(*arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "graphc", *arguments],
        cwd=ROOT,
        env={**os.environ, ENVIRONMENT_VARIABLE: ""},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_two_ranks_and_two_shards_on_one_end_with_the_same_weights_and_accuracy() -> None:
    mpiexec()  # or the test is skipped
    one, two = demo("--shards", "2"), demo("--ranks", "2")
    assert one[-2:] == two[-2:]
    assert one[-2].startswith("weights: ")
    assert float(one[-1].removeprefix("test accuracy: ")) > 0.97
    assert sum(line.startswith("Epoch 60/60") for line in two) == 1


def test_the_bytes_of_a_step_on_two_ranks_are_those_of_the_formula() -> None:
    """Each gradient and each new weight goes once to the other rank, but that gradients of the two
    large weights are computed from rows: of eight, the inputs of the second, and what came back to
    both. Beside them from each rank the word of the meeting and a loss; the count it takes of the
    batch, which both have."""
    mpiexec()
    found = json.loads(graphc("bench", "mlp", "--ranks", "2", "--batch", "8", "--json"))
    small, large = 512 + 512 + 512 * 10 + 10, 784 * 512 + 512 * 512
    assert found["parameters"] == small + large
    sent = sum(one["sent"] for one in found["ranks"])
    assert sent == 4 * (small + large + small + 8 * 3 * 512) + 2 * (8 + 4)
