"""Callbacks out of plain functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphc.callbacks.base import HOOKS, Callback
from graphc.errors import ArgumentError
from graphc.keywords import refuse_unknown

Hook = Callable[..., Any] | None


class LambdaCallback(Callback):
    """Calls a function at each of the moments for which one is given.

    Args:
        on_epoch_begin, on_epoch_end: functions (epoch, logs).
        on_batch_begin, on_batch_end: functions (batch, logs).
        on_train_begin, on_train_end: functions (logs).
        kwargs: further attributes of the callback, e.g. its own `set_model`.

    Raises:
        ArgumentError: something else than a function or None.
    """

    def __init__(
        self,
        on_epoch_begin: Hook = None,
        on_epoch_end: Hook = None,
        on_batch_begin: Hook = None,
        on_batch_end: Hook = None,
        on_train_begin: Hook = None,
        on_train_end: Hook = None,
        **kwargs: object,
    ):
        _refuse_misspelt(kwargs)
        vars(self).update(kwargs)
        for name, hook in (
            ("on_epoch_begin", on_epoch_begin),
            ("on_epoch_end", on_epoch_end),
            ("on_batch_begin", on_batch_begin),
            ("on_batch_end", on_batch_end),
            ("on_train_begin", on_train_begin),
            ("on_train_end", on_train_end),
        ):
            if hook is None:
                continue
            if not callable(hook):
                takes = "logs" if "train" in name else f"{name.split('_')[1]}, logs"
                raise ArgumentError(
                    f"LambdaCallback: {name}: expected a function ({takes}) or None, "
                    f"received {hook!r}"
                )
            setattr(self, name, hook)


def _refuse_misspelt(kwargs: Mapping[str, object]) -> None:
    """An attribute of any other name is the user's; one of a hook's form would never be called."""
    for name in kwargs:
        if name.startswith("on_"):
            refuse_unknown("LambdaCallback", [name], HOOKS)
