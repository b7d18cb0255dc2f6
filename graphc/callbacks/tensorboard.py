"""A callback that writes what TensorBoard shows."""

from __future__ import annotations

import importlib
import itertools
import logging
import os
from typing import Any

import numpy as np

from graphc.callbacks.base import Callback, Logs
from graphc.callbacks.files import storage_errors
from graphc.compiler.graph import name_of
from graphc.errors import MissingPackageError
from graphc.lookup import true_or_false, whole_number
from graphc.paths import GivenPath, checked_path

_log = logging.getLogger("graphc")

_PACKAGE = "tensorboardX"
_trainings = itertools.count(1)


class TensorBoard(Callback):
    """Writes the logs of each epoch as scalars, the weights as histograms and as pictures, and the
    layers as a graph, for TensorBoard.

    ``tensorboard --logdir ./logs`` shows them. The steps are the epochs' numbers, from 0. Needs
    the package tensorboardX: ``pip install 'graphc[tensorboard]'``.

    Args:
        log_dir: the folder, made if it is not there; each training adds a file.
        histogram_freq: after every so many epochs the values of all weights are written as
            histograms; 0 for never.
        write_graph: write the layers and what they are connected to, when training begins.
        write_images: write the weights as grey pictures too, whenever histograms are written: a
            matrix, or the first axis of a weight in rows, the least value black.

    Raises:
        MissingPackageError: tensorboardX is not installed.
        ArgumentError: a folder's name that is none, a frequency that is not a whole number of at
            least 0.
        StorageError: when training begins, a folder that cannot be written.
    """

    on_first_rank_only = True

    def __init__(
        self,
        log_dir: GivenPath = "./logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
    ):
        self.log_dir = checked_path("TensorBoard: log_dir", log_dir)
        self.histogram_freq = whole_number("TensorBoard: histogram_freq", histogram_freq, least=0)
        self.write_graph = true_or_false("TensorBoard", "write_graph", write_graph)
        self.write_images = true_or_false("TensorBoard", "write_images", write_images)
        self._package = _imported()
        self._writer: Any = None

    def on_train_begin(self, logs: Logs = None) -> None:
        self._close()  # of a training that an error ended
        # The package names a file by the second in which it begins.
        suffix = f".{os.getpid()}.{next(_trainings)}"
        with storage_errors("TensorBoard", self.log_dir):
            self._writer = self._package.SummaryWriter(logdir=self.log_dir, filename_suffix=suffix)
            if self.write_graph:
                self._writer.file_writer.add_event(_graph(self.model), None, None)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        for name, value in (logs or {}).items():
            if np.ndim(value) == 0:
                self._writer.add_scalar(name, float(value), epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for layer in dict.fromkeys(self.model.layers):
                for k, weight in enumerate(layer.weights):
                    tag = name_of(weight) or f"{layer.name}_param_{k}"
                    values = weight.get_value()
                    self._add_histogram(tag, values, epoch)
                    if self.write_images and values.size:
                        self._writer.add_image(tag, _picture(values), epoch, dataformats="HW")
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


def _picture(values: np.ndarray) -> np.ndarray:
    """A weight as a matrix of greys from 0 to 1, wider than high; what is not finite is black."""
    matrix = np.squeeze(values)
    matrix = matrix.reshape(matrix.shape[0] if matrix.ndim > 1 else 1, -1)
    matrix = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    known = np.isfinite(matrix)
    least, most = (matrix[known].min(), matrix[known].max()) if known.any() else (0.0, 1.0)
    greys = (matrix.astype(np.float64) - least) / max(float(most) - float(least), 1e-30)
    return np.where(known, greys, 0.0)


def _graph(model: Any) -> Any:
    """An event with the layers of a model as TensorFlow describes a graph: a node each, its class
    as the op."""
    graph = importlib.import_module(f"{_PACKAGE}.proto.graph_pb2").GraphDef()
    layers = dict.fromkeys(model.layers)
    before = {
        layer: dict.fromkeys(one for node in layer.inbound_nodes for one in node.inbound_layers)
        for layer in layers
    }
    outside = dict.fromkeys(one for several in before.values() for one in several)
    for layer in {**outside, **layers}:
        names = [one.name for one in before.get(layer, ())]
        graph.node.add(name=layer.name, op=type(layer).__name__, input=names)
    event = importlib.import_module(f"{_PACKAGE}.proto.event_pb2").Event
    return event(graph_def=graph.SerializeToString())


def _imported() -> Any:
    """tensorboardX, which is loaded only where it is used: it takes long."""
    try:
        return importlib.import_module(_PACKAGE)
    except ImportError as error:
        raise MissingPackageError(
            f"TensorBoard needs {_PACKAGE}, which is not installed ({error}): "
            "pip install 'graphc[tensorboard]'"
        ) from error
