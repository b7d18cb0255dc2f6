"""A value of the epochs' logs that callbacks act on, and which of two values is the better one."""

from __future__ import annotations

import logging
import math

import numpy as np

from graphc.callbacks.base import Callback, Logs
from graphc.errors import ArgumentError

_MODES = ("auto", "min", "max")

RISING = ("acc", "auc", "fbeta", "fmeasure", "matthews", "precision", "recall")
"""Words in the names of values of which more is better."""

_log = logging.getLogger("graphc")


class Monitor:
    """Looks for one value in the logs of the epochs.

    Args:
        owner: the callback's class, for messages.
        name: of the value: 'loss', 'val_loss', a metric's.
        mode: 'min' or 'max' is better; 'auto' is 'max' where the name has a word of `RISING` in it.

    Attributes:
        rises: whether more is better.

    Raises:
        ArgumentError: a name or a mode that is none.
    """

    def __init__(self, owner: str, name: object, mode: object) -> None:
        if not isinstance(name, str):
            raise ArgumentError(
                f"{owner}: monitor: expected the name of a value in an epoch's logs, e.g. "
                f"'val_loss', received {name!r}"
            )
        if not isinstance(mode, str) or mode not in _MODES:
            raise ArgumentError(f"{owner}: mode: expected one of {_MODES}, received {mode!r}")
        self.name = name
        self._owner = owner
        self.rises = mode == "max" or (mode == "auto" and any(word in name for word in RISING))
        self.restart()

    @property
    def worst(self) -> float:
        """An infinity that every number is better than."""
        return -math.inf if self.rises else math.inf

    def restart(self) -> None:
        """Warn of a missing value again."""
        self._warned = False

    def better(self, value: float, best: float, by: float = 0.0) -> bool:
        """Tell whether a value is better by strictly more than an amount; NaN never is."""
        return value - by > best if self.rises else value + by < best

    def find(self, logs: Logs, consequence: str) -> float | None:
        """The value; None, and a warning the first time that says what follows, if it is not
        there."""
        if logs and self.name in logs:
            value: float = logs[self.name]
            return value
        if not self._warned:
            self._warned = True
            hint = ""
            if self.name.startswith("val_"):
                hint = "; give fit validation_data or validation_split for the values with 'val_'"
            _log.warning(
                "%s %s: the logs of an epoch have no %r, they have %s%s",
                self._owner,
                consequence,
                self.name,
                ", ".join(map(repr, logs or ())) or "nothing",
                hint,
            )
        return None


class Monitoring(Callback):
    """A callback that acts on whether a value of the epochs' logs is the best so far."""

    _monitor: Monitor

    @property
    def monitor_op(self) -> np.ufunc:
        """``np.greater`` where more is better, else ``np.less``. It may be set to the other one."""
        return np.greater if self._monitor.rises else np.less

    @monitor_op.setter
    def monitor_op(self, operation: object) -> None:
        if operation not in (np.less, np.greater):
            raise ArgumentError(
                f"{type(self).__name__}: monitor_op: expected np.less or np.greater, received "
                f"{operation!r}"
            )
        self._monitor.rises = operation is np.greater
