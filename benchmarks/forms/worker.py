"""The process of one side: python -m benchmarks.forms.worker graphc|torch THREADS

It answers requests, one line of JSON each, on what was its standard output:

- ``{"prepare": FORM, "results": FILE}`` builds the form (`Form.described`), calls it once and
  writes what it computes to FILE; the answer has the seconds that this took.
- ``{"time": SECONDS}`` calls it for so long; the answer has the median of the seconds of a call.
- ``{"versions": true}``
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.forms.grid import form_of
from benchmarks.peers.worker import use_processors

LEAST_CALLS = 3


class Worker:
    """Prepares forms of one side, one after the other, and times the last one.

    `folder` is the one under benchmarks/ that has the module of the side.
    """

    def __init__(self, side: str, folder: str = "forms"):
        self._side = importlib.import_module(f"benchmarks.{folder}.{side}_side")
        self._call: Callable[[], object] = lambda: None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what one line asks for."""
        if "prepare" in request:
            return self._prepare(request)
        if "time" in request:
            return {"seconds": self._seconds(request["time"])}
        return {"versions": self._side.versions()}

    def _prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        started = time.perf_counter()
        self._call, results = self._side.prepared(form_of(request["prepare"]))
        self._call()
        prepared = time.perf_counter() - started
        np.savez(request["results"], **{f"result{k}": array for k, array in enumerate(results())})
        self._seconds(0.0)
        return {"prepared": prepared}

    def _seconds(self, budget: float) -> float:
        """Of a call: each is timed, so that one that another program interrupts does not count."""
        taken: list[float] = []
        end = time.perf_counter() + budget
        while len(taken) < LEAST_CALLS or time.perf_counter() < end:
            started = time.perf_counter()
            self._call()
            taken.append(time.perf_counter() - started)
        return statistics.median(taken)


def serve(worker_of: Callable[[str], Worker]) -> None:
    """Answer until standard input ends; `worker_of` makes the worker of a side by its name."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    side, threads = sys.argv[1:]
    use_processors(int(threads))
    worker = worker_of(side)
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:  # told to the driver, which goes on with the next one
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(Worker)
