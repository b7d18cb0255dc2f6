"""The loops over batches: training, testing, predicting. Arrays are prepared before they start."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.callbacks import BatchLogs, CallbackList, ProgressBar
from graphc.compiler.function import Pending
from graphc.errors import ShapeError

Step = Callable[..., Pending]
"""A function of a batch: it is begun, and its values are asked for when they are needed."""

# Batches of an evaluation whose values are not asked for yet: a device may be that far behind.
_MOST_BEGUN = 64


def make_batches(size: int, batch_size: int) -> list[tuple[int, int]]:
    """(first, behind the last) of each batch; the last one may be shorter."""
    return [(start, min(start + batch_size, size)) for start in range(0, size, batch_size)]


def batch_shuffle(index: np.ndarray, batch_size: int) -> np.ndarray:
    """Whole batches in random order; what does not fill a batch stays last."""
    count = len(index) // batch_size
    batches = index[: count * batch_size].reshape(count, batch_size)
    np.random.shuffle(batches)
    return np.append(batches.ravel(), index[count * batch_size :])


def fit_loop(
    model: Any,
    step: Step,
    arrays: Sequence[np.ndarray],
    labels: Sequence[str],
    batch_size: int,
    epochs: range,
    callbacks: CallbackList,
    shuffle: bool | str,
    validate: Callable[[], list[float]] | None,
) -> None:
    """Train on all samples once an epoch.

    Args:
        model: ends the loop behind the epoch in which its `stop_training` becomes true.
        step: takes a batch of each array, returns a value for each label.
        arrays: of one length.
        labels: names of what `step` and `validate` return.
        shuffle: True for samples in random order (one order, shuffled again at each epoch),
            'batch' for batches in random order.
        validate: the values on the validation data, or None.
    """
    count = len(arrays[0])
    batches = make_batches(count, batch_size)
    index = np.arange(count)
    callbacks.on_train_begin()
    for epoch in epochs:
        callbacks.on_epoch_begin(epoch)
        if shuffle == "batch":
            index = batch_shuffle(index, batch_size)
        elif shuffle:
            np.random.shuffle(index)
        for number, (start, stop) in enumerate(batches):
            if shuffle:
                rows = index[start:stop]
                batch = [array.take(rows, axis=0) for array in arrays]
            else:
                batch = [array[start:stop] for array in arrays]
            logs = BatchLogs(number, stop - start)
            callbacks.on_batch_begin(number, logs)
            logs.expect(labels, step(*batch).get)
            callbacks.on_batch_end(number, logs)
        epoch_logs: dict[str, float] = {}
        if validate is not None:
            for label, value in zip(labels, validate(), strict=True):
                epoch_logs[f"val_{label}"] = value
        callbacks.on_epoch_end(epoch, epoch_logs)
        if model.stop_training:
            break
    callbacks.on_train_end()


def evaluate_loop(
    step: Step,
    arrays: Sequence[np.ndarray],
    labels: Sequence[str],
    batch_size: int,
    show: bool = False,
) -> list[float]:
    """The means of a step's values over the samples: each batch counts by its size."""
    count = len(arrays[0])
    totals = [0.0] * len(labels)
    begun: deque[tuple[int, Pending]] = deque()
    with ProgressBar(count, "evaluate", show) as bar:
        for number, (start, stop) in enumerate(make_batches(count, batch_size)):
            pending = step(*[array[start:stop] for array in arrays])
            begun.append((stop - start, pending))
            if len(begun) > _MOST_BEGUN:
                _add(totals, *begun.popleft())
            logs = BatchLogs(number, stop - start)
            logs.expect(labels, pending.get)
            bar.update(logs)
    for size, pending in begun:
        _add(totals, size, pending)
    return [total / count for total in totals]


def _add(totals: list[float], size: int, pending: Pending) -> None:
    for k, value in enumerate(pending.get()):
        totals[k] += float(value) * size


def predict_loop(
    step: Step, arrays: Sequence[np.ndarray], batch_size: int, show: bool = False
) -> list[np.ndarray]:
    """The outputs for all samples, as float64 arrays."""
    count = len(arrays[0])
    outputs: list[np.ndarray] = []
    with ProgressBar(count, "predict", show) as bar:
        for start, stop in make_batches(count, batch_size):
            values = step(*[array[start:stop] for array in arrays]).get()
            for value in values:
                if value.shape[:1] != (stop - start,):
                    raise ShapeError(
                        f"predict: expected an output of {stop - start} samples, one for each of "
                        f"the input, received the shape {value.shape}; a model's last layer has to "
                        "keep the batch axis"
                    )
            if not outputs:
                outputs = [np.zeros((count, *value.shape[1:])) for value in values]
            for output, value in zip(outputs, values, strict=True):
                output[start:stop] = value
            bar.update({"size": stop - start})
    return outputs
