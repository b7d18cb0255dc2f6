"""The Python of `fit` beside the training function: microseconds a step, median.

    python benchmarks/fit_overhead.py [--steps 2000] [--batch-size 32]

Times the gap between the end of one call of the training function and the start of the next one,
within an epoch: taking the rows of a batch, logs and callbacks, with verbose=0. The goal is less
than 100 microseconds.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from graphc.engine.training import loops
from graphc.layers.core import Dense
from graphc.models import Sequential


def measure(steps: int, batch_size: int, shuffle: bool) -> float:
    """Median microseconds between two calls of the training function."""
    model = Sequential([Dense(32, input_dim=64, activation="relu"), Dense(10)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    x = np.zeros((steps * batch_size, 64), "float32")
    y = np.zeros((steps * batch_size, 10), "float32")
    started, ended = [], []
    plain_loop = loops.fit_loop

    def timed_loop(model, step, *rest):
        def timed_step(*batch):
            started.append(time.perf_counter())
            values = step(*batch)
            ended.append(time.perf_counter())
            return values

        plain_loop(model, timed_step, *rest)

    loops.fit_loop = timed_loop
    try:
        model.fit(x, y, batch_size=batch_size, nb_epoch=1, verbose=0, shuffle=shuffle)
    finally:
        loops.fit_loop = plain_loop
    return float(np.median(np.subtract(started[1:], ended[:-1]))) * 1e6


def main() -> None:
    """Measure with and without shuffling, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=32)
    arguments = parser.parse_args()
    for shuffle in (True, False):
        microseconds = measure(arguments.steps, arguments.batch_size, shuffle)
        print(f"shuffle={shuffle}: {microseconds:.1f} us a step beside the training function")


if __name__ == "__main__":
    main()
