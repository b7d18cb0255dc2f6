"""The record of the epochs."""

from __future__ import annotations

from typing import NoReturn

from graphc.callbacks.base import Callback, Logs
from graphc.callbacks.logs import Means
from graphc.errors import MissingKeyError


class BaseLogger(Callback):
    """Adds to an epoch's logs the means over its batches, each weighted by its size."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._means = Means()

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        if logs is not None:
            self._means.add(logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs is None:
            return
        means = self._means.means()
        for name in self.params["metrics"]:
            if name in means:
                logs[name] = means[name]


class _Values(dict[str, list[float]]):
    """The values of the epochs by name; the error for a missing name lists those that are there."""

    def __missing__(self, name: str) -> NoReturn:
        ours = str(name).replace("accuracy", "acc")
        hint = ""
        if ours in self:
            hint = f": here it is {ours!r}"
        elif ours.removeprefix("val_") == "acc":
            hint = ": compile(..., metrics=['accuracy']) makes it"
        elif ours.startswith("val_"):
            hint = ": fit(..., validation_data=(x, y)) or validation_split makes it"
        raise MissingKeyError(
            f"history has no {name!r}{hint}. It has {', '.join(map(str, self)) or 'nothing'}"
        )


class History(Callback):
    """The record that `fit` returns. It can be pickled, without the model.

    Attributes:
        epoch: the numbers of the epochs.
        history: name -> list of its values, one an epoch ('loss', 'acc', 'val_loss', ...).
    """

    def __repr__(self) -> str:
        history = getattr(self, "history", {})  # before training there is none
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in history.items())
        return f"<History: {last or 'no epoch'}>"

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = _Values()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "model"}
