"""Callbacks that change the optimizer while training runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc import backend as K
from graphc.callbacks.base import Callback, Logs
from graphc.callbacks.monitor import Monitor
from graphc.compiler.graph import Node
from graphc.errors import ArgumentError, DTypeError
from graphc.lookup import finite_number, whole_number
from graphc.releases import since


class LearningRateScheduler(Callback):
    """Sets the optimizer's learning rate at the begin of each epoch; compiles nothing.

    Args:
        schedule: a function of the epoch's number, from 0, that returns the rate: a finite float,
            of Python or of NumPy, not an int.

    Raises:
        ArgumentError: a schedule that is no function; in training, a rate that is not finite, or an
            optimizer without a shared variable `lr`.
        DTypeError: in training, a rate of another type.
    """

    def __init__(self, schedule: Callable[[int], float]):
        if not callable(schedule):
            raise ArgumentError(
                "LearningRateScheduler: schedule: expected a function of the epoch's number that "
                f"returns the learning rate, received {schedule!r}"
            )
        _check_takes_an_epoch(schedule)
        self.schedule = schedule

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        variable = rate_of("LearningRateScheduler", self.model.optimizer)
        rate = self.schedule(epoch)
        if not isinstance(rate, float | np.floating):
            raise DTypeError(
                f"LearningRateScheduler: schedule({epoch}): expected a float, received {rate!r} of "
                f"type {type(rate).__name__}; return float(...)"
            )
        where = f"LearningRateScheduler: schedule({epoch})"
        K.set_value(variable, finite_number(where, "the rate", rate))


def _check_takes_an_epoch(schedule: Callable[..., object]) -> None:
    try:
        signature = inspect.signature(schedule)
    except ValueError:  # of a function without a signature
        return
    try:
        signature.bind(0)
    except TypeError as error:
        raise ArgumentError(
            "LearningRateScheduler: schedule: expected a function that is called with the epoch's "
            f"number alone, received one of {signature}: {error}. The rate of the epoch before is "
            "K.get_value(model.optimizer.lr)"
        ) from None


@since("1.1.1")
class ReduceLROnPlateau(Callback):
    """Multiplies the optimizer's learning rate by a factor once a value of the epochs' logs no
    longer improves; compiles nothing. The epochs' logs get the rate as 'lr'.

    A worse epoch after `patience` others in a row reduces the rate; then `cooldown` epochs do not
    count.

    Args:
        monitor: a name in the logs of an epoch: 'loss', 'val_loss', a metric's.
        factor: below 1.
        patience: how many epochs in a row without improvement are borne.
        verbose: 1 prints each reduction.
        mode: 'min', 'max', or 'auto'; see `EarlyStopping`.
        epsilon: by how much a value has to be better to count.
        cooldown: epochs after a reduction that do not count.
        min_lr: the rate is not reduced below it.

    Attributes:
        best, wait: as of `EarlyStopping`.
        cooldown_counter: how many epochs still do not count.

    Raises:
        ArgumentError: a monitor, a mode or a number that is none; in training, an optimizer without
            a shared variable `lr`.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        epsilon: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0,
    ):
        owner = type(self).__name__
        self._monitor = Monitor(owner, monitor, mode)
        self.monitor = monitor
        self.factor = finite_number(owner, "factor", factor, least=0.0)
        if self.factor >= 1.0:
            raise ArgumentError(
                f"{owner}: factor: expected a number below 1, by which the rate is multiplied, "
                f"received {factor!r}"
            )
        self.patience = whole_number(f"{owner}: patience", patience, least=0)
        self.verbose = verbose
        self.mode = mode
        self.epsilon = finite_number(owner, "epsilon", epsilon, least=0.0)
        self.cooldown = whole_number(f"{owner}: cooldown", cooldown, least=0)
        self.min_lr = finite_number(owner, "min_lr", min_lr, least=0.0)
        self._restart()

    def _restart(self) -> None:
        self.best = self._monitor.worst
        self.wait = 0
        self.cooldown_counter = 0
        self._monitor.restart()

    def monitor_op(self, a: float, b: float) -> bool:
        """Tell whether a value is better than another one by more than `epsilon`."""
        return self._monitor.better(a, b, self.epsilon)

    def in_cooldown(self) -> bool:
        """Tell whether epochs do not count now."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self._restart()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        variable = rate_of(type(self).__name__, self.model.optimizer)
        rate = float(K.get_value(variable))
        if logs is not None:
            logs["lr"] = rate
        value = self._monitor.find(logs, "reduces nothing")
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._monitor.better(value, self.best, self.epsilon):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            if self.wait >= self.patience and rate > self.min_lr * (1.0 + 1e-4):
                new = max(rate * self.factor, self.min_lr)
                K.set_value(variable, new)
                self.cooldown_counter = self.cooldown
                self.wait = 0
                if self.verbose:
                    print(f"ReduceLROnPlateau: epoch {epoch + 1}: lr is {new:.6g} now", flush=True)
            self.wait += 1


def rate_of(owner: str, optimizer: Any) -> Node:
    """Return the learning rate of an optimizer, a shared variable. ArgumentError without one."""
    variable = getattr(optimizer, "lr", None)
    if not isinstance(variable, Node):
        raise ArgumentError(
            f"{owner}: expected an optimizer whose lr is a shared variable, e.g. "
            f"self.lr = K.variable(0.01), received {type(optimizer).__name__} with "
            f"{'none' if variable is None else repr(variable)}"
        )
    return variable
