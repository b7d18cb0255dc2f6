"""An epoch over a file with shuffle=True, beside one in memory: seconds, the least of the rounds.

    python benchmarks/stored_epoch.py [--samples 12000] [--window 8MB] [--rounds 3]

A dense model on pictures of 32 x 32 x 3 bytes, in batches of 32:

- *in memory*: the array, which `fit` has converted before the first epoch.
- *contiguous*, *chunked*, *gzip*: the same rows in an HDF5 file, in chunks of 16 rows (48 KB),
  through the windows of the flag `read_window`; *gzip, file* with the flag `shuffle_folder`.
- *... by batches*: the rows of each batch are read by themselves, as h5py takes them: in ascending
  order, by one call. It is what `HDF5Matrix` did for an array of row numbers.

All of them are run by turns, and end with the same weights, which is checked. The file stays in the
system's cache, so what is measured is calls, copies and chunks, not a disk.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from graphc.callbacks import Callback
from graphc.config import config
from graphc.layers import Dense, Flatten
from graphc.models import Sequential
from graphc.utils.io_utils import Files

_LAYOUTS = {
    "contiguous": {},
    "chunked": {"chunks": (16, 32, 32, 3)},
    "gzip": {"chunks": (16, 32, 32, 3), "compression": "gzip", "compression_opts": 1},
}


class _Timed(Callback):
    """The seconds of an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self._began


class _ByBatches:
    """Rows in memory for `fit`, read from a data set when a batch takes them."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset

    def take(self, rows: np.ndarray) -> np.ndarray:
        wanted, positions = np.unique(rows, return_inverse=True)
        return self._dataset[wanted][positions]


def fitted(model: Sequential, x: object, y: np.ndarray) -> float:
    """Seconds of one epoch."""
    timed = _Timed()
    np.random.seed(0)
    model.fit(x, y, 32, 1, 0, [timed])
    return timed.seconds


def by_batches(model: Sequential, dataset: h5py.Dataset, y: np.ndarray) -> float:
    """Seconds of one epoch whose batches are read one by one, in the order of `fit`."""
    rows, source, timed = np.arange(len(y)), _ByBatches(dataset), _Timed()
    np.random.seed(0)
    np.random.shuffle(rows)

    def batches():
        while True:
            for start in range(0, len(rows), 32):
                yield source.take(rows[start : start + 32]), y[rows[start : start + 32]]

    model.fit_generator(batches(), len(rows), 1, 0, [timed], max_q_size=2)
    return timed.seconds


def main() -> None:
    """Measure, check that all end with the same weights, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=12_000)
    parser.add_argument("--window", default="8MB")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    config.read_window, config.cpu = arguments.window, "native"
    random = np.random.RandomState(0)
    # Of few values each, as pictures are: gzip halves them.
    x = random.randint(0, 16, (arguments.samples, 32, 32, 3)).astype("uint8")
    y = random.rand(arguments.samples, 1)
    model = Sequential([Flatten(input_shape=x.shape[1:]), Dense(64), Dense(1)])
    model.compile("sgd", "mse")
    model.optimizer.lr.set_value(1e-7)
    began = model.get_weights()
    model.train_on_batch(x[:32], y[:32])  # compiles
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.h5"
        with h5py.File(path, "w") as file:
            for name, layout in _LAYOUTS.items():
                file.create_dataset(name, data=x, **layout)
        with h5py.File(path) as file:
            ways: dict[str, Callable[[], float]] = {"in memory": lambda: fitted(model, x, y)}
            for name in _LAYOUTS:
                files = Files([path], name)
                ways[name] = lambda files=files: fitted(model, files, y)
                ways[f"{name}, by batches"] = lambda name=name: by_batches(model, file[name], y)

            def through_a_file() -> float:
                with config.changed(shuffle_folder=folder):
                    return fitted(model, Files([path], "gzip"), y)

            ways["gzip, file"] = through_a_file
            measure(model, began, ways, arguments.rounds)


def measure(
    model: Sequential,
    began: list[np.ndarray],
    ways: dict[str, Callable[[], float]],
    rounds: int,
) -> None:
    """Run all ways by turns, from the same weights, and print their times."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    reports = {}
    ended = None
    for _ in range(rounds):
        for name, way in ways.items():
            model.set_weights(began)
            seconds[name].append(way())
            weights = b"".join(one.tobytes() for one in model.get_weights())
            ended = ended or weights
            assert weights == ended, f"{name}: other weights than in memory"
            if "by batches" not in name:
                reports[name] = model.read_report()
    for name, found in seconds.items():
        times = reports[name].arrays[0].times if name in reports and reports[name].arrays else None
        read = "" if times is None else f", read {times:.1f} times"
        print(
            f"{name:<24} {min(found):6.2f} s, {min(found) / min(seconds['in memory']):5.2f}{read}"
        )


if __name__ == "__main__":
    main()
