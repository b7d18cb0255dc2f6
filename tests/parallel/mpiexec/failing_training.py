"""A training that saves behind each epoch, in the fourth of which a rank fails.

Arguments: the way, the file of the model.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from graphc.callbacks import LambdaCallback
from graphc.parallel.joining import rank
from tests.parallel.mpiexec import going_on

way, path = sys.argv[1], Path(sys.argv[2])
FAILING = {"disk": 0}.get(way, 1)
EPOCH = 3


def begin(epoch: int, logs: object = None) -> None:
    if epoch == EPOCH and rank() == 0:
        print("begun", flush=True)
    if epoch != EPOCH or rank() != FAILING:
        return
    if way == "exit":
        sys.exit(0)
    if way == "memory":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), used + (64 << 20)))
        np.ones(1 << 27)
    if way == "disk":  # a file may have no more bytes, as where a disk or a quota is full
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    if way == "interrupt":
        time.sleep(60)


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    x, y = going_on.data()
    for _ in range(3):
        yield x[:8], y[:8]
    if rank() == FAILING:
        raise LookupError("no more files")
    while True:
        yield x[:8], y[:8]


if way == "generator":
    model = going_on.new_model()
    model.fit_generator(batches(), 8, 12, verbose=0, shards=2)
else:
    going_on.train(path, LambdaCallback(on_epoch_begin=begin))
print("trained", flush=True)
