"""What runs beside training: callbacks, the record of the epochs, the progress on a terminal."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

Logs = Mapping[str, Any] | None

_log = logging.getLogger("graphc")

_REFRESH_SECONDS = 0.05

# Batches whose values are kept unread: by then the oldest are long computed.
_MOST_UNREAD = 256


class BatchLogs(MutableMapping[str, Any]):
    """The logs of a batch: 'batch', 'size', and at its end a number for each label.

    Numbers that a device still computes are waited for when one of them is read; training whose
    callbacks do not look at them never waits.
    """

    _unread = object()

    def __init__(self, batch: int, size: int):
        self._values: dict[str, Any] = {"batch": batch, "size": size}
        self._read: Callable[[], Sequence[Any]] = tuple
        self._labels: tuple[str, ...] = ()

    def expect(self, labels: Sequence[str], read: Callable[[], Sequence[Any]]) -> None:
        """`read()` will give a number for each label."""
        self._labels, self._read = tuple(labels), read
        self._values.update(dict.fromkeys(labels, self._unread))

    def read(self) -> dict[str, Any]:
        """All entries as they are now, the numbers that a device computes included."""
        if self._labels:
            for label, value in zip(self._labels, self._read(), strict=True):
                if self._values.get(label) is self._unread:
                    self._values[label] = float(value)
            self._labels = ()
        return self._values

    def __getitem__(self, name: str) -> Any:
        value = self._values[name]
        return self.read()[name] if value is self._unread else value

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        del self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def copy(self) -> BatchLogs:
        """Its own entries; what is read in the one is not in the other."""
        new = BatchLogs.__new__(BatchLogs)
        new._values, new._read, new._labels = dict(self._values), self._read, self._labels
        return new

    def __repr__(self) -> str:
        return repr(dict(self.items()))


class _Means:
    """Means over batches, each weighted by its size; values are read as late as can be."""

    def __init__(self) -> None:
        self._unread: list[dict[str, Any] | BatchLogs] = []
        self._seen = 0
        self._totals: dict[str, float] = {}

    def add(self, logs: dict[str, Any] | BatchLogs) -> None:
        """Count a batch. What later callbacks do to its logs is not seen."""
        self._unread.append(logs.copy())
        if len(self._unread) > _MOST_UNREAD:
            self._settle(self._unread[: _MOST_UNREAD // 2])

    def _settle(self, batches: Sequence[dict[str, Any] | BatchLogs]) -> None:
        for logs in batches:
            entries = logs.read() if isinstance(logs, BatchLogs) else logs
            size = entries["size"]
            self._seen += size
            for name, value in entries.items():
                if name not in ("batch", "size"):
                    self._totals[name] = self._totals.get(name, 0.0) + value * size
        del self._unread[: len(batches)]

    def means(self) -> dict[str, float]:
        """The means so far, by name."""
        self._settle(list(self._unread))
        return {name: total / self._seen for name, total in self._totals.items()}


class Callback:
    """Base of all callbacks: every method may be defined, and does nothing here.

    Epochs and batches count from 0. `logs` has 'batch' and 'size' at a batch's begin, the loss and
    the metrics too at its end; at an epoch's end the means over the epoch, and 'val_' ones.

    Attributes:
        model: the model that trains; set ``model.stop_training = True`` to end after the epoch.
        params: batch_size, nb_epoch, nb_sample, verbose, do_validation, metrics (their names).
    """

    model: Any = None
    params: Mapping[str, Any] = {}

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

    def __init__(self, callbacks: Iterable[Callback] = (), queue_length: int = 10):
        self.callbacks = list(callbacks)
        self._in_callbacks: deque[float] = deque(maxlen=queue_length)
        self._in_batches: deque[float] = deque(maxlen=queue_length)
        self._batch_started = 0.0
        self._warned = False

    def append(self, callback: Callback) -> None:
        """Add a callback behind the others."""
        self.callbacks.append(callback)

    def _set_params(self, params: Mapping[str, Any]) -> None:
        for callback in self.callbacks:
            callback._set_params(params)

    def _set_model(self, model: Any) -> None:
        for callback in self.callbacks:
            callback._set_model(model)

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


class BaseLogger(Callback):
    """Adds to an epoch's logs the means over its batches, each weighted by its size."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._means = _Means()

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._means.add(logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        means = self._means.means()
        for name in self.params["metrics"]:
            if name in means:
                logs[name] = means[name]


class History(Callback):
    """What `fit` returns.

    Attributes:
        epoch: the numbers of the epochs.
        history: name -> list of its values, one an epoch ('loss', 'acc', 'val_loss', ...).
    """

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class ProgbarLogger(Callback):
    """Shows the progress of `fit`.

    verbose 1 draws a bar on a terminal, and prints a line an epoch elsewhere (a notebook, a file);
    verbose 2 prints a line an epoch; verbose 0 nothing.
    """

    _bar: ProgressBar | None = None

    def close(self) -> None:
        """Take away the bar of an epoch that was cut short; a later bar would be drawn below it."""
        if self._bar is not None:
            self._bar.close()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.verbose = self.params["verbose"]

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if not self.verbose:
            return
        self._started = time.perf_counter()
        title = f"Epoch {epoch + 1}/{self.params['nb_epoch']}"
        self._bar = ProgressBar(self.params["nb_sample"], title, self.verbose == 1)

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.verbose == 1:
            self._bar.update(logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if not self.verbose:
            return
        self._bar.close()
        seconds = time.perf_counter() - self._started
        line = [self._bar.title, f"{seconds:.1f}s"]
        line += _shown(logs, self.params["metrics"])
        print(" - ".join(line), flush=True)


class ProgressBar:
    """A bar of samples on a terminal; draws nothing where stdout is none.

    Args:
        total: how many samples.
        title: in front of the bar.
        wanted: whether to draw at all.
    """

    def __init__(self, total: int, title: str, wanted: bool = True):
        self.title = title
        self._seen = 0
        self._means = _Means()
        self._drawn = time.perf_counter()  # tqdm draws the empty bar
        self._bar = None
        # What a script puts in the place of stdout, e.g. to write a file too, may lack isatty.
        if wanted and getattr(sys.stdout, "isatty", bool)():
            self._bar = tqdm(
                total=total,
                desc=title,
                unit=" samples",
                file=sys.stdout,
                leave=False,
                dynamic_ncols=True,
            )

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def update(self, logs: Mapping[str, float]) -> None:
        """Move on by ``logs['size']`` samples; the other entries are shown as means so far."""
        if self._bar is None:
            return
        self._seen += logs["size"]
        self._means.add(logs)
        now = time.perf_counter()
        if now - self._drawn >= _REFRESH_SECONDS:
            self._drawn = now
            means = self._means.means()
            # Drawn here, not by tqdm's clock, so that the bar and its numbers are of one moment.
            self._bar.n = self._seen
            self._bar.set_postfix_str(" - ".join(_shown(means, list(means))))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def _shown(logs: Mapping[str, float], names: Sequence[str]) -> list[str]:
    return [f"{name}: {_number(logs[name])}" for name in names if name in logs]


def _number(value: float) -> str:
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.4e}"
