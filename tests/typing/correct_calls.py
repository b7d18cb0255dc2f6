"""A program of a user, as a checker of types sees it: nothing here is an error to mypy.

`make lint` checks it, and nothing runs it.
"""

from typing import Any, assert_type

import numpy as np

import graphc
from graphc import activations, initializations, regularizers
from graphc import backend as K
from graphc.callbacks import Callback, EarlyStopping, LambdaCallback
from graphc.compiler.graph import Node
from graphc.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Convolution2D,
    Dense,
    Dropout,
    Lambda,
    Layer,
)
from graphc.layers.convolutional_recurrent import ConvLSTM2D
from graphc.models import Model, Sequential, load_model
from graphc.optimizers import SGD, Adam, Optimizer, optimizer_from_config
from graphc.preprocessing.image import ImageDataGenerator

x, y = np.zeros((8, 4), np.float32), np.zeros((8, 3), np.float32)

# Layers, by module and by name; what every layer takes, and what is found by a name.
dense = graphc.layers.Dense(3, activation="relu", input_shape=(4,), name="first", trainable=False)
assert_type(dense, Dense)
assert_type(dense.W, Node)
assert_type(dense.output_dim, int)
assert_type(Dense.from_config(dense.get_config()), Dense)
Dense(3, init=lambda shape, name=None: K.zeros(shape, name=name), W_regularizer="l2")
Dense(3, activation=K.tanh, W_regularizer=regularizers.l2(0.01), b_constraint="nonneg")
Dense(3, batch_input_shape=(None, 4), input_dtype="float32", bias=False)
Convolution2D(8, 3, 3, border_mode="same", input_shape=(1, 28, 28))
BatchNormalization(axis=1, name="norm")
LSTM(8, return_sequences=True, stateful=True, consume_less="gpu", batch_input_shape=(2, 5, 4))
GRU(8, input_dim=4, input_length=5, go_backwards=True)
ConvLSTM2D(4, 3, 3, return_sequences=True, input_shape=(None, 1, 8, 8))


class Scaled(Layer):
    """A layer of a user's own."""

    def __init__(self, factor: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor = factor
        self.init = initializations.get("glorot_uniform")

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.W = self.init((input_shape[1],), name="W")
        self.trainable_weights = [self.W]

    def call(self, x: Node, mask: Node | None = None) -> Node:
        return K.dot(x, self.W) * self.factor

    def get_output_shape_for(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape[:1]


# Models.
model = Sequential([dense, Dropout(0.5), Scaled(2.0), Lambda(lambda x: x**2)])
model.add(Dense(3))
model.compile(Adam(lr=0.01, clipnorm=1.0), loss="mse", metrics=["accuracy"])


class Quiet(Callback):
    """A callback of a user's own."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = True


history = model.fit(
    x,
    y,
    nb_epoch=2,
    batch_size=4,
    callbacks=[Quiet(), EarlyStopping(patience=2), LambdaCallback(on_epoch_end=print)],
    validation_data=(x, y),
    show_accuracy=True,
    memory="200MB",
)
assert_type(model.train_on_batch(x, y, accuracy=True, shards=2), float | list[float])
assert_type(history.history["loss"], list[float])
assert_type(load_model("model.h5"), Model)
assert_type(model.get_weights(), list[np.ndarray])

# Optimizers, K and functions by name.
assert_type(SGD.from_config(SGD(lr=0.1, nesterov=True, clipvalue=0.5).get_config()), SGD)
assert_type(optimizer_from_config({"class_name": "SGD", "config": {}}), Optimizer)
weight = K.variable(np.ones((4, 3)), name="w")
loss = K.mean(K.square(K.dot(x, weight)))
assert_type(K.gradients(loss, weight), Node)
assert_type(K.gradients(loss, [weight]), list[Node])
descent = weight - 0.1 * K.gradients(loss, weight)
step = K.function([], [loss], updates=[(weight, descent)], name="step")
assert_type(step([]), list[np.ndarray])
assert_type(K.eval(loss), np.ndarray)
assert_type(activations.get("relu")(weight), Node)
ImageDataGenerator(rotation_range=10.0).flow(np.zeros((8, 1, 4, 4)), np.zeros(8))
