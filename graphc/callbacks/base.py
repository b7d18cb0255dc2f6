"""The base class of callbacks, and the list that calls several."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import numpy as np

from graphc.later.attributes import OF_CALLBACKS
from graphc.public.attributes import explain_missing

Logs = MutableMapping[str, Any] | None

HOOKS = {
    f"on_{moment}_{end}": arguments
    for moment, arguments in (
        ("epoch", ("epoch", "logs")),
        ("batch", ("batch", "logs")),
        ("train", ("logs",)),
    )
    for end in ("begin", "end")
}
"""The methods that training calls, and the arguments that it gives them."""

_log = logging.getLogger("graphc")


class Callback:
    """Base of all callbacks: every method may be defined, and does nothing here.

    Epochs and batches count from 0. `logs` has 'batch' and 'size' at a batch's begin, the loss and
    the metrics too at its end; at an epoch's end the means over the epoch, and 'val_' ones.

    Attributes:
        model: the model that trains; set ``model.stop_training = True`` to end after the epoch.
        params: batch_size, nb_epoch, nb_sample, verbose, do_validation, metrics (their names).
        on_first_rank_only: it writes or sends what one rank has to write or send alone; where
            several train together, the others do not have it.
    """

    on_first_rank_only = False

    model: Any = None
    params: Mapping[str, Any] = {}

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Take `params`, before training begins; Keras 1.0 called it `_set_params`."""
        self._set_params(params)

    def set_model(self, model: Any) -> None:
        """Take the model, before training begins; Keras 1.0 called it `_set_model`."""
        self._set_model(model)

    def _set_params(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def _set_model(self, model: Any) -> None:
        self.model = model

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Before the first batch of an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """After the last batch of an epoch, and after validation."""

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs = None) -> None:
        """After the last epoch."""


class CallbackList:
    """Calls several callbacks in order, and warns where they take longer than training itself.

    Args:
        callbacks: the first is called first.
        queue_length: how many of the latest batches the warning looks at.
    """

    def __init__(self, callbacks: Iterable[Callback] | None = None, queue_length: int = 10):
        self.callbacks = list(callbacks or ())
        self._in_callbacks: deque[float] = deque(maxlen=queue_length)
        self._in_batches: deque[float] = deque(maxlen=queue_length)
        self._batch_started = 0.0
        self._warned = False

    def append(self, callback: Callback) -> None:
        """Add a callback after the others."""
        self.callbacks.append(callback)

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Tell every callback the parameters of the training."""
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell every callback the model."""
        for callback in self.callbacks:
            callback.set_model(model)

    _set_params, _set_model = set_params, set_model

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Tell every callback that an epoch begins."""
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Tell every callback that an epoch ended."""
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Tell every callback that a batch begins."""
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_batch_begin(batch, logs)
        self._batch_started = time.perf_counter()

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Tell every callback that a batch ended."""
        logs = {} if logs is None else logs
        ended = time.perf_counter()
        for callback in self.callbacks:
            callback.on_batch_end(batch, logs)
        self._in_callbacks.append(time.perf_counter() - ended)
        self._in_batches.append(ended - self._batch_started)
        if self._in_callbacks[-1] > 0.1 and not self._warned:
            self._warn_if_slow()

    def _warn_if_slow(self) -> None:
        mine, batch = np.median(self._in_callbacks), np.median(self._in_batches)
        if mine > 0.1 and mine > batch:
            self._warned = True
            _log.warning(
                "on_batch_end of the callbacks takes %.3f s, longer than a batch (%.3f s)",
                mine,
                batch,
            )

    def on_train_begin(self, logs: Logs = None) -> None:
        """Tell every callback that training begins."""
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_train_begin(logs)

    def on_train_end(self, logs: Logs = None) -> None:
        """Tell every callback that training ended."""
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_train_end(logs)


explain_missing(Callback, OF_CALLBACKS)
