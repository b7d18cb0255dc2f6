"""The Python of a training step: microseconds, median.

    python benchmarks/fit_overhead.py [--steps 2000] [--batch-size 32]

- *beside the training function*: the gap between the end of one call of it and the start of the
  next one, within an epoch: taking the rows of a batch, logs and callbacks, with verbose=0.
- *of a step by native code*: from the start of one call to the start of the next one, where the
  kernels have next to nothing to do: a model of a few weights on batches of one sample.

The goal is less than 100 microseconds for each.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from graphc.config import config
from graphc.engine.training import loops
from graphc.layers.core import Dense
from graphc.models import Sequential


def measure(
    features: int, classes: int, steps: int, batch_size: int, shuffle: bool
) -> tuple[list[float], list[float]]:
    """When each call of the training function of a model started, and when it ended."""
    model = Sequential([Dense(32, input_dim=features, activation="relu"), Dense(classes)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    x = np.zeros((steps * batch_size, features), "float32")
    y = np.zeros((steps * batch_size, classes), "float32")
    started: list[float] = []
    ended: list[float] = []
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
    return started, ended


def main() -> None:
    """Measure with and without shuffling, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=32)
    arguments = parser.parse_args()
    for shuffle in (True, False):
        started, ended = measure(64, 10, arguments.steps, arguments.batch_size, shuffle)
        gap = np.median(np.subtract(started[1:], ended[:-1])) * 1e6
        print(f"shuffle={shuffle}: {gap:.1f} us a step beside the training function")
        with config.changed(cpu="native"):
            started, _ = measure(2, 1, arguments.steps, 1, shuffle)
        whole = np.median(np.diff(started)) * 1e6
        print(f"shuffle={shuffle}: {whole:.1f} us of a step by native code")


if __name__ == "__main__":
    main()
