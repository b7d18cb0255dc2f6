"""`graphc demo --ranks 2` trains the weights of `graphc demo --shards 2`."""

from __future__ import annotations

import os
import subprocess
import sys

from graphc.config import ENVIRONMENT_VARIABLE
from tests.parallel.mpiexec.launching import LIMIT_SECONDS, ROOT, mpiexec


def demo(*options: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-m", "graphc", "demo", "--verbose", "2", *options],
        cwd=ROOT,
        env={**os.environ, ENVIRONMENT_VARIABLE: ""},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_two_ranks_and_two_shards_on_one_end_with_the_same_weights_and_accuracy() -> None:
    mpiexec()  # or the test is skipped
    one, two = demo("--shards", "2"), demo("--ranks", "2")
    assert one[-2:] == two[-2:]
    assert one[-2].startswith("weights: ")
    assert float(one[-1].removeprefix("test accuracy: ")) > 0.97
    assert sum(line.startswith("Epoch 60/60") for line in two) == 1
