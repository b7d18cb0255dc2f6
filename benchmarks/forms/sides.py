"""The two sides of a comparison, each a process: they take turns, and what they took is kept."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from graphc.compiler.targets.cpu.facts import this_machine

SIDES = ("graphc", "torch")


class Side:
    """The process of one side.

    Args:
        name: of the side, one of `SIDES`.
        threads: of its operations.
        worker: the module that answers.
        flags: of graphc.
    """

    def __init__(
        self,
        name: str,
        threads: int,
        worker: str = "benchmarks.forms.worker",
        flags: str = "cpu=native",
    ):
        environment = os.environ | {"GRAPHC_FLAGS": flags}
        command = [sys.executable, "-m", worker, name, str(threads)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment | {"OMP_NUM_THREADS": str(threads)},
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """One answer; a process that ended, or what it could not do, is an error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"the process of a side ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def seconds_of_a_call(self, budget: float) -> Callable[[], float]:
        """Return a function that times what the side has prepared, for so many seconds."""
        return lambda: float(self.ask(time=budget)["seconds"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def medians(turns: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return medians over rounds, in each of which every name's function has a turn."""
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            taken[name].append(turn())
    return {name: statistics.median(own) for name, own in taken.items()}


def keep(
    file: Path,
    threads: int,
    load: float,
    versions: Mapping[str, str],
    rows: Sequence[Any],
    **figures: Any,
) -> None:
    """Write the rows of a run, which are dataclasses, to a file of JSON, with what it ran on."""
    kept = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, vectors of {this_machine().vector_bytes} bytes, "
        f"{threads} threads",
        "load": load,
        "versions": dict(versions),
        **figures,
        "rows": [dataclasses.asdict(row) for row in rows],
    }
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
