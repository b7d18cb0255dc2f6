"""Train a reference model twice, in two processes: every byte of its state has to be the same.

python -m benchmarks.bring_up.twice lstm [--cut]
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.bring_up.machine import ROOT
from benchmarks.bring_up.outcome import tell

TRAIN = ROOT / "benchmarks" / "train_digest.py"
STEPS = "10"


def main(train: str = str(TRAIN)) -> None:
    command = [sys.executable, train, *sys.argv[1:], "--steps", STEPS]
    runs = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            tell(False, f"{done.stdout}\n{done.stderr}".strip()[-2000:])
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    first, second = runs
    same = all(first[name] == second[name] for name in ("digest", "losses"))
    digests = [run["digest"] for run in runs]
    losses = [run["losses"] for run in runs]
    said = "" if same else f"the two runs differ: digests {digests}, losses {losses}"
    tell(same, said, digests=digests, losses=first["losses"])


if __name__ == "__main__":
    main()
