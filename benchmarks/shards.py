"""A training step that takes its batch in shards, beside one that takes it whole.

    python benchmarks/shards.py [--rows 32] [--shards 4] [--seconds 4] [model ...]

Both run in turn, natively, on the same batch of rows * shards samples; what counts is their ratio.
Activations are those of the memory report: the arena of a call of native code.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from graphc.compiler.function import sharded_function
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS

_LEAST, _MOST = 9, 200  # steps of each


def compare(name: str, rows: int, shards: int, seconds: float) -> str:
    """Return a line of a model's times and arenas."""
    step = REFERENCE_MODELS[name].build()
    whole = step.function()
    outputs = [step.loss, *step.metrics]
    divided = sharded_function(
        step.inputs, outputs, updates=step.updates, name=f"{name}.train", shards=shards
    )
    batch = rows * shards
    arrays = step.data(batch)
    for function in (whole, divided):
        function(*arrays)
        function(*arrays)
    times: tuple[list[float], list[float]] = [], []
    ends = time.perf_counter() + seconds
    while len(times[0]) < _LEAST or (time.perf_counter() < ends and len(times[0]) < _MOST):
        for function, taken in zip((whole, divided), times, strict=True):
            started = time.perf_counter()
            function(*arrays)
            taken.append(time.perf_counter() - started)
    first, other = map(np.array, times)
    arenas = [one.memory_report(batch).arena / 2**20 for one in (whole, divided)]
    return (
        f"{name:<8} batch {batch} in {shards}: whole {first.min() * 1e3:.2f} ms, in shards "
        f"{other.min() * 1e3:.2f} ms, ratio of the least {other.min() / first.min():.2f}, median "
        f"of the ratios {np.median(other / first):.2f}; arena {arenas[0]:.1f} and {arenas[1]:.1f} "
        f"MiB; {len(first)} steps each"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["mlp", "cnn", "gru_ae", "lstm", "accel"])
    parser.add_argument("--rows", type=int, default=32, help="of a shard")
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=4.0, help="of a model, at least 9 steps")
    chosen = parser.parse_args()
    config.cpu = "native"
    for name in chosen.models:
        print(compare(name, chosen.rows, chosen.shards, chosen.seconds), flush=True)


if __name__ == "__main__":
    main()
