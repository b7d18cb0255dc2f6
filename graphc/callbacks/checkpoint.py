"""A callback that saves the model, or its weights."""

from __future__ import annotations

import os

from graphc.callbacks.base import Logs
from graphc.callbacks.files import check_folder
from graphc.callbacks.monitor import Monitor, Monitoring
from graphc.errors import ArgumentError
from graphc.lookup import true_or_false, whole_number
from graphc.paths import GivenPath, checked_path, shown_path
from graphc.releases import arguments_of_1_2


class ModelCheckpoint(Monitoring):
    """Saves the model's weights, or all of the model, behind each epoch, or behind those better
    than all before.

    From the file of a whole model (`Model.save`), training continues in another process as if it
    had not been interrupted. The file is written before the callbacks that follow this one in the
    list of `fit` run, and it does not contain the state of callbacks, such as `best`.

    `filepath` may have fields, which are filled from the epoch's number and its logs: with
    ``weights.{epoch:02d}-{val_loss:.2f}.hdf5`` each epoch has a file of its own. An existing file
    is replaced, completely or not at all.

    Args:
        filepath: where to save. Its folder has to exist when training begins, unless the folder's
            name has fields too.
        monitor: a name in the logs of an epoch: 'loss', 'val_loss', a metric's.
        verbose: 1 prints each time what is saved, and where.
        save_best_only: save only after an epoch whose value is strictly better than the best so
            far. If the logs lack the value, nothing is saved, and a warning is logged.
        mode: 'min', 'max', or 'auto', which is 'max' where `monitor` has one of
            `graphc.callbacks.monitor.RISING` in it, e.g. 'acc'.
        save_weights_only: False saves whole models, which is the default in Keras 1.2, where the
            argument precedes `mode`.
        period: the number of epochs from one save to the next.

    Attributes:
        best: the best value so far, over all trainings (an infinity before the first); set it to go
            on from that of another process.
        epochs_since_last_save: how many epochs have ended behind the last of `period`.
        monitor_op: ``np.less`` or ``np.greater``, by which a better value is found.

    Raises:
        ArgumentError: a monitor, a mode or a flag that is not valid; in training, a field that the
            logs lack, or a folder that does not exist.
    """

    on_first_rank_only = True

    @arguments_of_1_2(
        *("filepath", "monitor", "verbose", "save_best_only", "save_weights_only", "mode"),
        "period",
        save_weights_only=False,
    )
    def __init__(
        self,
        filepath: GivenPath,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        *,
        save_weights_only: bool = True,
        period: int = 1,
    ):
        self.filepath = checked_path("ModelCheckpoint: filepath", filepath)
        self.monitor = monitor
        self.verbose = verbose
        self.save_best_only = true_or_false("ModelCheckpoint", "save_best_only", save_best_only)
        self.mode = mode
        self.save_weights_only = true_or_false(
            "ModelCheckpoint", "save_weights_only", save_weights_only
        )
        self._monitor = Monitor("ModelCheckpoint", monitor, mode)
        self.best = self._monitor.worst
        self.period = whole_number("ModelCheckpoint: period", period, least=1)
        self.epochs_since_last_save = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self._monitor.restart()
        self.epochs_since_last_save = 0
        if "{" not in os.path.dirname(self.filepath):
            check_folder("ModelCheckpoint: filepath", self.filepath)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save < self.period:
            return
        self.epochs_since_last_save = 0
        path = self._path(epoch, logs)
        if not self.save_best_only:
            self._save(path)
            self._say(f"epoch {epoch + 1}: {self._what} saved to {shown_path(path)}")
            return
        value = self._monitor.find(logs, "saves nothing")
        if value is None:
            return
        if not self._monitor.better(value, self.best):
            self._say(
                f"epoch {epoch + 1}: {self.monitor} is {value:.6g}, no better than {self.best:.6g}"
            )
            return
        self._save(path)
        self._say(
            f"epoch {epoch + 1}: {self.monitor} is {value:.6g}, {self.best:.6g} before; "
            f"{self._what} saved to {shown_path(path)}"
        )
        self.best = value

    def _save(self, path: str) -> None:
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)

    @property
    def _what(self) -> str:
        return "weights" if self.save_weights_only else "model"

    def _path(self, epoch: int, logs: Logs) -> str:
        try:
            return self.filepath.format(**{**(logs or {}), "epoch": epoch})
        except (LookupError, ValueError, AttributeError) as error:
            known = ", ".join(["epoch", *(logs or ())])
            raise ArgumentError(
                f"ModelCheckpoint: filepath '{shown_path(self.filepath)}': a field cannot be "
                f"filled ({type(error).__name__}: {error}); the logs of an epoch have {known}"
            ) from error

    def _say(self, text: str) -> None:
        if self.verbose:
            print(f"ModelCheckpoint: {text}", flush=True)
