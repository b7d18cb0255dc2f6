"""A training step that takes its batch in shards, beside one that takes it whole.

    OMP_NUM_THREADS=1 python benchmarks/shards.py [--batch 128] [--shards 2,4] [model ...]

All run in turn, natively, on the same batch; what counts is the ratio to the whole batch's step: by
the clock, and, on a machine that does other work too, by the processor's time.
Arenas are those of the memory report: the activations of a call of native code, and what it
computes in between. The sums over shards are beside them.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from graphc.compiler.function import sharded_function
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS

_LEAST, _MOST = 9, 200  # steps of each


def compare(name: str, batch: int, shards: list[int], seconds: float) -> list[str]:
    """Return the lines of a model's times and arenas."""
    step = REFERENCE_MODELS[name].build()
    outputs = [step.loss, *step.metrics]
    functions = [step.function()] + [
        sharded_function(
            step.inputs, outputs, updates=step.updates, name=f"{name}.train", shards=count
        )
        for count in shards
    ]
    arrays = step.data(batch)
    for function in functions:
        function(*arrays)
        function(*arrays)
    clocks = (time.perf_counter, time.process_time)
    times: list[list[list[float]]] = [[] for _ in functions]
    ends = time.perf_counter() + seconds
    while len(times[0]) < _LEAST or (time.perf_counter() < ends and len(times[0]) < _MOST):
        for function, taken in zip(functions, times, strict=True):
            started = [clock() for clock in clocks]
            function(*arrays)
            taken.append([clock() - start for clock, start in zip(clocks, started, strict=True)])
    whole = np.array(times[0])
    lines = []
    for count, function, several in zip((1, *shards), functions, times, strict=True):
        taken = np.array(several)
        median, processor = np.median(taken, axis=0) * 1e3
        ratio, of_processor = np.median(taken / whole, axis=0)
        least = taken.min(axis=0) / whole.min(axis=0)
        arena = function.memory_report(batch).arena / 2**20
        lines.append(
            f"{name:<8} batch {batch} in {count}: {median:8.2f} ms, of the processor "
            f"{processor:8.2f} ms; medians of the ratios {ratio:.2f} and {of_processor:.2f}, "
            f"ratios of the least {least[0]:.2f} and {least[1]:.2f}; arena {arena:6.1f} MiB; "
            f"{len(taken)} steps"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["mlp", "cnn", "gru_ae", "lstm", "accel"])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--shards", default="2,4", help="numbers of shards")
    parser.add_argument("--seconds", type=float, default=4.0, help="of a model, at least 9 steps")
    chosen = parser.parse_args()
    config.cpu = "native"
    shards = [int(one) for one in chosen.shards.split(",")]
    for name in chosen.models:
        for line in compare(name, chosen.batch, shards, chosen.seconds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
