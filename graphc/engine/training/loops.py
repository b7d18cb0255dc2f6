"""The loops over batches: training, testing, predicting. Batches come prepared from a source."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from graphc.callbacks import BatchLogs, CallbackList, ProgressBar
from graphc.engine.data.batches import Batch, gone_through
from graphc.errors import ShapeError
from graphc.metrics import BatchSums


class PendingValues(Protocol):
    """The values of a step that was started; `get` waits for them."""

    def get(self) -> Sequence[Any]:
        """Wait for the values."""


Step = Callable[..., PendingValues]
"""A function that starts a step on a batch; its values are waited for when they are needed."""

# Limit on the batches of an evaluation that were started and whose values were not waited for.
_MOST_STARTED = 64


class Run(Protocol):
    """The attributes of a model that a training loop uses: when to stop, and the count of
    epochs."""

    stop_training: bool
    epochs_done: int


def fit_loop(
    model: Run,
    step: Step,
    batches: Iterable[Batch],
    labels: Sequence[str],
    epochs: range,
    callbacks: CallbackList,
    validate: Callable[[], list[float]] | None,
) -> None:
    """Train on all batches, once in each epoch.

    Args:
        model: its `stop_training` ends the loop after the current epoch; its `epochs_done` is set
            to the number of epochs that are done.
        step: takes the arrays of a batch, returns a value for each label.
        batches: an iteration over it yields the batches of one epoch.
        labels: names of the values that `step` and `validate` return.
        validate: returns the values on the validation data; or None.
    """
    model.epochs_done = epochs.start
    callbacks.on_train_begin()
    for epoch in epochs:
        callbacks.on_epoch_begin(epoch)
        with gone_through(batches) as epoch_batches:
            for number, (size, batch) in enumerate(epoch_batches):
                logs = BatchLogs(number, size)
                callbacks.on_batch_begin(number, logs)
                logs.expect(labels, step(*batch).get)
                callbacks.on_batch_end(number, logs)
        epoch_logs: dict[str, float] = {}
        if validate is not None:
            for label, value in zip(labels, validate(), strict=True):
                epoch_logs[f"val_{label}"] = value
        model.epochs_done = epoch + 1
        callbacks.on_epoch_end(epoch, epoch_logs)
        if model.stop_training:
            break
    callbacks.on_train_end()


def evaluate_loop(
    step: Step,
    batches: Iterable[Batch],
    samples: int,
    labels: Sequence[str],
    show: bool = False,
) -> list[float]:
    """Return the means of a step's values over the samples, with batches weighted by their size.

    `samples`, their total number, is for the progress bar.
    """
    seen = 0
    totals = [0.0] * len(labels)
    started: deque[tuple[int, PendingValues]] = deque()
    with ProgressBar(samples, "evaluate", show) as bar, gone_through(batches) as epoch:
        for number, (size, batch) in enumerate(epoch):
            pending = step(*batch)
            seen += size
            started.append((size, pending))
            if len(started) > _MOST_STARTED:
                _add(totals, *started.popleft())
            logs = BatchLogs(number, size)
            logs.expect(labels, pending.get)
            bar.update(logs)
    for size, pending in started:
        _add(totals, size, pending)
    return [float(one) if isinstance(one, BatchSums) else one / seen for one in totals]


def _add(totals: list[float], size: int, pending: PendingValues) -> None:
    for k, value in enumerate(pending.get()):
        if isinstance(value, BatchSums):
            before = totals[k]
            totals[k] = value.added_to(before if isinstance(before, BatchSums) else None)
        else:
            totals[k] += float(value) * size


def predict_loop(
    step: Step,
    batches: Iterable[Batch],
    samples: int,
    show: bool = False,
    dtype: str = "float64",
) -> list[np.ndarray]:
    """Return the outputs for the first `samples` samples of the batches, as arrays of `dtype`."""
    outputs: list[np.ndarray] = []
    start = 0
    with ProgressBar(samples, "predict", show) as bar, gone_through(batches) as epoch:
        for size, batch in epoch:
            values = step(*batch).get()
            if not outputs:
                outputs = [np.zeros((samples, *value.shape[1:]), dtype) for value in values]
            stop = min(start + size, samples)
            for output, value in zip(outputs, values, strict=True):
                check_prediction(value, size, output.shape[1:], start)
                output[start:stop] = value[: stop - start]
            bar.update({"size": stop - start})
            start = stop
    return outputs


def check_prediction(
    value: np.ndarray, size: int, expected: tuple[int, ...], start: int = 0
) -> None:
    """Raise ShapeError unless it is the output of so many samples, each of the expected shape."""
    if value.shape[:1] != (size,):
        raise ShapeError(
            f"predict: expected an output of {size} samples, one for each of the input, received "
            f"the shape {value.shape}; a model's last layer has to keep the batch axis"
        )
    if value.shape[1:] != expected:
        raise ShapeError(
            f"predict: the outputs of all batches go into one array, expected {expected} after "
            f"the batch axis as in the first batch, received {value.shape[1:]} in the batch from "
            f"sample {start} on; use predict_on_batch for batches of different sizes"
        )
