"""Callbacks that change the optimizer while training runs."""

from __future__ import annotations

from collections.abc import Callable

from graphc import backend as K
from graphc.callbacks.base import Callback, Logs
from graphc.compiler.graph import Node
from graphc.errors import ArgumentError, DTypeError
from graphc.lookup import finite_number


class LearningRateScheduler(Callback):
    """Sets the optimizer's learning rate at the begin of each epoch; compiles nothing.

    Args:
        schedule: a function of the epoch's number, from 0, that returns the rate: a finite float,
            and exactly a float, not an int or a NumPy scalar.

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
        self.schedule = schedule

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        optimizer = self.model.optimizer
        variable = getattr(optimizer, "lr", None)
        if not isinstance(variable, Node):
            raise ArgumentError(
                "LearningRateScheduler: expected an optimizer whose lr is a shared variable, e.g. "
                f"self.lr = K.variable(0.01), received {type(optimizer).__name__} with "
                f"{'none' if variable is None else repr(variable)}"
            )
        rate = self.schedule(epoch)
        if type(rate) is not float:
            raise DTypeError(
                f"LearningRateScheduler: schedule({epoch}): expected a float, received {rate!r} of "
                f"type {type(rate).__name__}; return float(...)"
            )
        where = f"LearningRateScheduler: schedule({epoch})"
        K.set_value(variable, finite_number(where, "the rate", rate))
