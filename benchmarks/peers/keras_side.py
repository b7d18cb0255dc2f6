"""Keras 3 on TensorFlow, by its `fit`; images with channels last, as it has them on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.peers import layouts
from benchmarks.peers.workloads import SEED, Arrays, Task


def _hard_sigmoid(x: tf.Tensor) -> tf.Tensor:
    """Keras 1.0's; the one of Keras 3 has another slope."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def _dropout(p: float, wanted: bool) -> list[layers.Layer]:
    return [layers.Dropout(p)] if wanted else []


def _mlp(task: Task) -> tuple[keras.Model, Arrays, str]:
    model = keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(512, activation="relu"),
            *_dropout(0.2, task.dropout),
            layers.Dense(512, activation="relu"),
            *_dropout(0.2, task.dropout),
            layers.Dense(10, activation="softmax"),
        ]
    )
    return model, task.weights, "categorical_crossentropy"


def _cnn(task: Task) -> tuple[keras.Model, Arrays, str]:
    model = keras.Sequential(
        [
            keras.Input((1, 28, 28)),
            layers.Reshape((28, 28, 1)),  # one channel: the order of axes moves nothing
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            *_dropout(0.25, task.dropout),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    w = task.weights
    kernels = [layouts.channels_last(w[0]), w[1], layouts.channels_last(w[2]), w[3]]
    dense = layouts.rows_moved(w[4], *layouts.CNN_CHANNELS_LAST)
    return model, [*kernels, dense, *w[5:]], "categorical_crossentropy"


def _gru_ae(task: Task) -> tuple[keras.Model, Arrays, str]:
    gates = {
        "activation": "relu",
        "recurrent_activation": _hard_sigmoid,
        "return_sequences": True,
        "reset_after": False,
    }
    model = keras.Sequential(
        [keras.Input((50, 6)), layers.GRU(50, **gates), layers.GRU(6, **gates)]
    )
    converted = []
    for part in (task.weights[:9], task.weights[9:]):
        W, U_zr, U_h, b = layouts.gru(part)
        converted += [W, np.hstack([U_zr, U_h]), b]
    return model, converted, "mean_squared_error"


def _lstm(task: Task) -> tuple[keras.Model, Arrays, str]:
    model = keras.Sequential(
        [
            keras.Input((80,), dtype="int32"),
            layers.Embedding(20_000, 128),
            layers.LSTM(128, recurrent_activation=_hard_sigmoid),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    converted = [task.weights[0], *layouts.lstm(task.weights[1:13]), *task.weights[13:]]
    return model, converted, "binary_crossentropy"


def _accel(task: Task) -> tuple[keras.Model, Arrays, str]:
    inputs = [keras.Input((16_501, 3)) for _ in range(3)]
    branches = []
    for x in inputs:
        h = layers.Conv1D(20, 5, activation="relu")(x)
        for layer in _dropout(0.25, task.dropout):
            h = layer(h)
        branches.append(layers.Flatten()(layers.MaxPooling1D(10)(h)))
    h = layers.Dense(50, activation="relu")(layers.Concatenate()(branches))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(h))
    kernels = [layouts.channels_last(a)[:, 0] if a.ndim > 1 else a for a in task.weights[:6]]
    return model, [*kernels, *task.weights[6:]], "binary_crossentropy"


_BUILDERS = {"mlp": _mlp, "cnn": _cnn, "gru_ae": _gru_ae, "lstm": _lstm, "accel": _accel}


class Side:
    """A model that is trained; see `worker`."""

    def __init__(self, task: Task):
        keras.utils.set_random_seed(SEED)
        self._batch = task.workload.batch
        self._model, weights, loss = _BUILDERS[task.workload.name](task)
        self._model.set_weights(weights)
        lr = task.workload.lr
        if task.workload.optimizer == "rmsprop":
            optimizer = keras.optimizers.RMSprop(lr, rho=0.9, epsilon=1e-6)
        else:
            optimizer = keras.optimizers.Adam(lr, epsilon=1e-8)
        self._model.compile(optimizer, loss)

    def fit(self, arrays: Sequence[np.ndarray]) -> float:
        """One epoch; the mean loss."""
        *inputs, target = arrays
        history = self._model.fit(
            list(inputs) if len(inputs) > 1 else inputs[0],
            target,
            batch_size=self._batch,
            epochs=1,
            verbose=0,
            shuffle=False,
        )
        return float(history.history["loss"][0])


def versions() -> str:
    """Those of Keras and TensorFlow."""
    return f"keras {keras.__version__}, tensorflow {tf.__version__}"
