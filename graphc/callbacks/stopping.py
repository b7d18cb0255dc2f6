"""Callbacks that end training early."""

from __future__ import annotations

import logging
import math

import numpy as np

from graphc.callbacks.base import Callback, Logs
from graphc.callbacks.monitor import Monitor, Monitoring
from graphc.lookup import finite_number, true_or_false, whole_number
from graphc.releases import arguments_of_1_2

_log = logging.getLogger("graphc")


class EarlyStopping(Monitoring):
    """Ends training once a value of the epochs' logs no longer improves.

    A value improves if it is lower (mode 'min') or higher ('max') than the best so far by strictly
    more than `min_delta`. Training ends at an epoch without improvement that follows `patience`
    others in a row; with a patience of 0 at the first one. An epoch whose logs lack the value is
    ignored, and a warning names the values that they have.

    Args:
        monitor: a name in the logs of an epoch: 'loss', 'val_loss', a metric's.
        patience: the number of epochs in a row without improvement that do not end training.
        verbose: 1 prints at the end of training the epoch at which it was stopped, and the reason.
        mode: 'min', 'max', or 'auto', which is 'max' where `monitor` has one of
            `graphc.callbacks.monitor.RISING` in it, e.g. 'acc'.
        min_delta: the difference that an improvement has to exceed. In Keras 1.2 the second
            argument by position.
        restore_best_weights: when training ends, early or not, set the weights that the model had
            after the best epoch; the optimizer's variables stay. Each improvement copies them.

    Attributes:
        best: the best value since training began (an infinity before the first).
        wait: the number of epochs since then.
        stopped_epoch: the epoch, from 0, that ended training; 0 if none did.
        monitor_op: ``np.less`` or ``np.greater``, by which a better value is found.

    Raises:
        ArgumentError: a mode, a patience or a monitor that is not valid.
    """

    @arguments_of_1_2("monitor", "min_delta", "patience", "verbose", "mode")
    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        *,
        min_delta: float = 0,
        restore_best_weights: bool = False,
    ):
        self._monitor = Monitor("EarlyStopping", monitor, mode)
        self.monitor = monitor
        self.patience = whole_number("EarlyStopping: patience", patience, least=0)
        self.verbose = verbose
        self.mode = mode
        self.min_delta = min_delta
        finite_number("EarlyStopping", "min_delta", min_delta, least=0.0)
        self.restore_best_weights = true_or_false(
            "EarlyStopping", "restore_best_weights", restore_best_weights
        )
        self._restart()

    def _restart(self) -> None:
        self.wait = 0
        self.best = self._monitor.worst
        self._stopped_epoch: int | None = None
        self._best_weights: list[np.ndarray] | None = None
        self._monitor.restart()

    @property
    def stopped_epoch(self) -> int:
        return self._stopped_epoch or 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self._restart()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        value = self._monitor.find(logs, "does not stop anything")
        if value is None:
            return
        if self._monitor.better(value, self.best, self.min_delta):
            self.best = value
            self.wait = 0
            if self.restore_best_weights:
                self._best_weights = self.model.get_weights()
            return
        if self.wait >= self.patience:
            self._stopped_epoch = epoch
            self.model.stop_training = True
        self.wait += 1

    def on_train_end(self, logs: Logs = None) -> None:
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)
            self._best_weights = None
        # Not in `on_epoch_end`: the line of the epoch is printed after the user's callbacks.
        if self.verbose and self._stopped_epoch is not None:
            print(
                f"Stopped early after epoch {self._stopped_epoch + 1}: {self.monitor} was not "
                f"{'above' if self._monitor.rises else 'below'} {self.best:.6g} in {self.wait} "
                f"epoch{'' if self.wait == 1 else 's'}",
                flush=True,
            )


class TerminateOnNaN(Callback):
    """Ends training after an epoch whose loss is NaN or infinite, with a warning.

    One such batch makes the mean over the epoch NaN or infinite. Batches are not examined one by
    one, since reading a batch's loss waits for the device.
    """

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        self.model.stop_training = True
        _log.warning(
            "TerminateOnNaN ends training after epoch %d: its loss is %s; "
            "compile(..., mode='NanGuardMode') names the value that is the first not finite",
            epoch + 1,
            loss,
        )
