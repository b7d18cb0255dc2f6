"""graphc, by `fit` of the Keras 1.0 face. The flag `cpu` says how it runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import graphc
from benchmarks.peers.workloads import Task, Workload
from graphc.layers import (
    GRU,
    LSTM,
    Convolution1D,
    Convolution2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    MaxPooling1D,
    MaxPooling2D,
    merge,
)
from graphc.models import Model, Sequential
from graphc.optimizers import Adam, RMSprop


def model(workload: Workload, dropout: bool) -> Model:
    """A compiled model with new weights."""
    built, loss = _BUILDERS[workload.name](dropout)
    optimizer = {"rmsprop": RMSprop, "adam": Adam}[workload.optimizer](lr=workload.lr)
    built.compile(optimizer, loss)
    return built


def _sequential(layers: Sequence[object]) -> Sequential:
    built = Sequential()
    for layer in layers:
        if layer is not None:
            built.add(layer)
    return built


def _mlp(dropout: bool) -> tuple[Model, str]:
    layers = [
        Dense(512, input_dim=784, activation="relu"),
        Dropout(0.2) if dropout else None,
        Dense(512, activation="relu"),
        Dropout(0.2) if dropout else None,
        Dense(10, activation="softmax"),
    ]
    return _sequential(layers), "categorical_crossentropy"


def _cnn(dropout: bool) -> tuple[Model, str]:
    layers = [
        Convolution2D(32, 3, 3, activation="relu", input_shape=(1, 28, 28), dim_ordering="th"),
        Convolution2D(32, 3, 3, activation="relu", dim_ordering="th"),
        MaxPooling2D((2, 2), dim_ordering="th"),
        Dropout(0.25) if dropout else None,
        Flatten(),
        Dense(128, activation="relu"),
        Dense(10, activation="softmax"),
    ]
    return _sequential(layers), "categorical_crossentropy"


def _gru_ae(dropout: bool) -> tuple[Model, str]:
    layers = [
        GRU(50, activation="relu", return_sequences=True, input_shape=(50, 6)),
        GRU(6, activation="relu", return_sequences=True),
    ]
    return _sequential(layers), "mse"


def _lstm(dropout: bool) -> tuple[Model, str]:
    layers = [Embedding(20_000, 128, input_length=80), LSTM(128), Dense(1, activation="sigmoid")]
    return _sequential(layers), "binary_crossentropy"


def _accel(dropout: bool) -> tuple[Model, str]:
    inputs = [Input((16_501, 3)) for _ in range(3)]
    branches = []
    for x in inputs:
        h = Convolution1D(20, 5, activation="relu")(x)
        h = Dropout(0.25)(h) if dropout else h
        branches.append(Flatten()(MaxPooling1D(10)(h)))
    h = Dense(50, activation="relu")(merge(branches, mode="concat"))
    return Model(inputs, Dense(1, activation="sigmoid")(h)), "binary_crossentropy"


_BUILDERS = {"mlp": _mlp, "cnn": _cnn, "gru_ae": _gru_ae, "lstm": _lstm, "accel": _accel}


class Side:
    """A model that is trained; see `worker`."""

    def __init__(self, task: Task):
        self._batch = task.workload.batch
        self._model = model(task.workload, task.dropout)
        self._model.set_weights(task.weights)

    def fit(self, arrays: Sequence[np.ndarray]) -> float:
        """One epoch; the mean loss."""
        *inputs, target = arrays
        history = self._model.fit(
            inputs if len(inputs) > 1 else inputs[0],
            target,
            batch_size=self._batch,
            nb_epoch=1,
            verbose=0,
            shuffle=False,
        )
        return float(history.history["loss"][0])


def versions() -> str:
    """graphc's and NumPy's."""
    return f"graphc {graphc.__version__}, numpy {np.__version__}"
