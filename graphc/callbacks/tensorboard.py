"""A callback that writes what TensorBoard shows."""

from __future__ import annotations

import importlib
import itertools
import logging
import os
from typing import Any

import numpy as np

from graphc.callbacks.base import Callback, Logs
from graphc.callbacks.files import refusals_told
from graphc.compiler.graph import name_of
from graphc.errors import MissingPackageError
from graphc.lookup import whole_number
from graphc.paths import GivenPath, checked_path

_log = logging.getLogger("graphc")

_PACKAGE = "tensorboardX"
_trainings = itertools.count(1)


class TensorBoard(Callback):
    """Writes the logs of each epoch as scalars, and the weights as histograms, for TensorBoard.

    ``tensorboard --logdir ./logs`` shows them. The steps are the epochs' numbers, from 0. Needs
    the package tensorboardX: ``pip install 'graphc[tensorboard]'``.

    Args:
        log_dir: the folder, made if it is not there; each training adds a file.
        histogram_freq: after every so many epochs the values of all weights are written as
            histograms; 0 for never.

    Raises:
        MissingPackageError: tensorboardX is not installed.
        ArgumentError: a folder's name that is none, a frequency that is not a whole number of at
            least 0.
        StorageError: when training begins, a folder that cannot be written.
    """

    def __init__(self, log_dir: GivenPath = "./logs", histogram_freq: int = 0):
        self.log_dir = checked_path("TensorBoard: log_dir", log_dir)
        self.histogram_freq = whole_number("TensorBoard: histogram_freq", histogram_freq, least=0)
        self._package = _imported()
        self._writer: Any = None

    def on_train_begin(self, logs: Logs = None) -> None:
        self._close()  # of a training that an error ended
        # The package names a file by the second in which it begins.
        suffix = f".{os.getpid()}.{next(_trainings)}"
        with refusals_told("TensorBoard", self.log_dir):
            self._writer = self._package.SummaryWriter(logdir=self.log_dir, filename_suffix=suffix)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        for name, value in (logs or {}).items():
            if np.ndim(value) == 0:
                self._writer.add_scalar(name, float(value), epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for layer in dict.fromkeys(self.model.layers):
                for k, weight in enumerate(layer.weights):
                    tag = name_of(weight) or f"{layer.name}_param_{k}"
                    self._add_histogram(tag, weight.get_value(), epoch)
        self._writer.flush()

    def _add_histogram(self, tag: str, values: np.ndarray, epoch: int) -> None:
        finite = values[np.isfinite(values)]
        if finite.size < values.size:
            _log.warning(
                "TensorBoard: epoch %d: %d of %d values of %s are not finite, and are left out of "
                "its histogram",
                epoch + 1,
                values.size - finite.size,
                values.size,
                tag,
            )
        if finite.size:
            self._writer.add_histogram(tag, finite, epoch)

    def on_train_end(self, logs: Logs = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _imported() -> Any:
    """tensorboardX, which is loaded only where it is used: it takes long."""
    try:
        return importlib.import_module(_PACKAGE)
    except ImportError as error:
        raise MissingPackageError(
            f"TensorBoard needs {_PACKAGE}, which is not installed ({error}): "
            "pip install 'graphc[tensorboard]'"
        ) from error
