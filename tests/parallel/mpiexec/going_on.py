"""A training that goes on from a file, into which it saves the whole model behind each epoch.

Arguments: the file; then the last epoch, by default `EPOCHS`; or 'steps', the first step, and the
one behind the last, of a loop over `train_on_batch`, which saves the model at its end. SIGUSR1 is
an error in the main thread of the rank that it is sent to.
"""

from __future__ import annotations

import hashlib
import signal
import sys
from pathlib import Path
from types import FrameType

import numpy as np

from graphc.callbacks import Callback, LambdaCallback, ModelCheckpoint
from graphc.layers import BatchNormalization, Dense, Dropout
from graphc.models import Sequential, load_model
from graphc.parallel.joining import rank

EPOCHS = 12
SHARDS = 4
BEGUN = "epoch "
"""The text that rank 0 prints before the number of each epoch."""

STATED = "told to fail"
"""The message of the error that the signal makes."""


def data() -> tuple[np.ndarray, np.ndarray]:
    """Samples and targets: in batches of 9 the last one, of 4, leaves shards with one row each."""
    draw = np.random.RandomState(5)
    x = draw.normal(size=(40, 20)).astype("float32")
    return x, x[:, :8] ** 2


def new_model() -> Sequential:
    """A model that draws, keeps averages, and whose optimizer keeps two moments."""
    np.random.seed(3)
    layers = [
        Dense(64, input_dim=20, activation="tanh"),
        BatchNormalization(),
        Dropout(0.4),
        Dense(8),
    ]
    model = Sequential(layers)
    model.compile("adam", "mse")
    return model


def train(path: Path, *callbacks: Callback, last: int = EPOCHS) -> Sequential:
    """Go on from a file, behind whose epoch it was saved, to the last epoch."""
    model = load_model(path)
    if model.epochs_done < last:
        model.fit(
            *data(),
            batch_size=9,
            nb_epoch=last,
            initial_epoch=model.epochs_done,
            shards=SHARDS,
            verbose=0,
            callbacks=[*callbacks, ModelCheckpoint(str(path), save_weights_only=False)],
        )
    return model


def step(path: Path, first: int, behind: int) -> Sequential:
    """Go on from a file with single steps, which need not end where an epoch does."""
    model = load_model(path)
    x, y = data()
    for number in range(first, behind):
        rows = [(9 * number + k) % len(x) for k in range(9)]
        model.train_on_batch(x[rows], y[rows], shards=SHARDS)
    model.save(path, overwrite=True)
    return model


def digest(model: Sequential) -> str:
    """A hash of all weights, and of all that the optimizer keeps."""
    found = hashlib.sha256()
    for array in [*model.get_weights(), *model.optimizer.get_state()]:
        found.update(np.ascontiguousarray(array))
    return found.hexdigest()[:16]


def _fail(number: int, frame: FrameType | None) -> None:
    raise RuntimeError(STATED)


def _report(epoch: int, logs: object = None) -> None:
    if rank() == 0:
        print(f"{BEGUN}{epoch}", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _fail)
    path, *others = sys.argv[1:]
    if others[:1] == ["steps"]:
        step(Path(path), *map(int, others[1:]))
    else:
        last = int(others[0]) if others else EPOCHS
        train(Path(path), LambdaCallback(on_epoch_begin=_report), last=last)
