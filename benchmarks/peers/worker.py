"""The process of one peer and one workload: python -m benchmarks.peers.worker MODULE FILE THREADS

It answers requests, one line of JSON each, on what was its standard output; whatever a library
prints goes to standard error. MODULE is one of the ``..._side`` modules; it has `versions` and a
class `Side(task)` with ``fit(arrays)``, an epoch over these arrays whose mean loss it returns.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.peers.workloads import WORKLOADS, Arrays, Task, batches

CHECKED = 5
"""Steps whose losses are compared."""
_SECONDS = 2.0
_MIB = 1024


def use_processors(count: int) -> None:
    """Keep this process, and the threads that it will start, to some of its processors: not every
    library can be told how many threads to use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


class Worker:
    """Trains one model."""

    def __init__(self, peer: ModuleType, task: Task):
        self._peer, self._task = peer, task
        self._arrays = task.workload.data()
        self._parts = batches(self._arrays, task.workload.batch)
        self._losses: list[float] = []
        self._steps = self._epochs = 1

    def first(self) -> dict[str, Any]:
        """Build, compile and make one step."""
        started = time.perf_counter()
        self._side = self._peer.Side(self._task)
        self._losses = [self._side.fit(self._parts[0])]
        return {"seconds": time.perf_counter() - started, "versions": self._peer.versions()}

    def warm_up(self) -> dict[str, Any]:
        """Some steps more; then it knows how many fit into a round, in how many epochs."""
        together = int(_SECONDS / self._warmed(self._side, self._losses))
        self._steps = min(self._task.workload.steps, max(1, together))
        self._epochs = max(1, together // self._steps)
        self._side.fit(self._of_epoch())
        return {"steps": self._steps * self._epochs}

    def round(self) -> dict[str, Any]:
        """One round: seconds a step."""
        arrays = self._of_epoch()
        started = time.perf_counter()
        for _ in range(self._epochs):
            self._side.fit(arrays)
        return {"seconds": (time.perf_counter() - started) / (self._steps * self._epochs)}

    def check(self) -> dict[str, Any]:
        """Peak memory so far, and the first losses: of a model without dropout, if need be."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB
        if self._task.workload.dropout:
            side = self._peer.Side(dataclasses.replace(self._task, dropout=False))
            self._losses = [side.fit(self._parts[0])]
            self._warmed(side, self._losses)
        return {"mib": peak, "losses": self._losses}

    def _warmed(self, side: Any, losses: list[float]) -> float:
        """Add the losses of the next steps; the seconds that the quickest of them took."""
        seconds = []
        for k in range(1, CHECKED):
            started = time.perf_counter()
            losses.append(side.fit(self._parts[k % len(self._parts)]))
            seconds.append(time.perf_counter() - started)
        return min(seconds)

    def _of_epoch(self) -> Arrays:
        return [a[: self._steps * self._task.workload.batch] for a in self._arrays]


def load(folder: Path) -> Task:
    """The task that the driver left: ``task.json`` and ``weights.npz``."""
    said = json.loads((folder / "task.json").read_text())
    with np.load(folder / "weights.npz") as file:
        weights = [file[f"weight_{k}"] for k in range(len(file.files))]
    return Task(WORKLOADS[said["workload"]], said["variant"], weights, dropout=True)


def save(folder: Path, workload: str, variant: str, weights: Arrays) -> None:
    """Write the files that `load` reads."""
    folder.mkdir(parents=True)
    (folder / "task.json").write_text(json.dumps({"workload": workload, "variant": variant}))
    np.savez(folder / "weights.npz", **{f"weight_{k}": a for k, a in enumerate(weights)})


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module, folder, threads = sys.argv[1:]
    use_processors(int(threads))
    started = time.perf_counter()
    peer = importlib.import_module(f"benchmarks.peers.{module}")
    imported = time.perf_counter() - started
    worker = Worker(peer, load(Path(folder)))
    for line in sys.stdin:
        answer = getattr(worker, json.loads(line))()
        print(json.dumps({"imported": imported, **answer}), file=answers, flush=True)


if __name__ == "__main__":
    main()
