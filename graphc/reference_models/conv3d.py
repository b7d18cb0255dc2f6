"""`conv3d`: a classifier of short colour films, two 3-D convolutions."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.optimizers import RMSprop
from graphc.reference_models import layers
from graphc.reference_models.step import ReferenceModel, TrainingStep, training_step


def build(
    frames: int = 10,
    size: int = 128,
    channels: int = 3,
    filters: int = 8,
    width: int = 64,
    classes: int = 10,
    lr: float = 1e-4,
) -> TrainingStep:
    """Films are (batch, channels, frames, size, size), frames and size at least 10.

    The second convolution has twice the filters of the first. RMSprop's own lr is too large for the
    14,400 features in front of the first dense layer: the loss rises first.
    """
    x = g.input((g.BATCH, channels, frames, size, size), name="film")
    y = g.input((g.BATCH, classes), name="class")
    weights = layers.Weights()
    h = layers.convolution(weights, "convolution3d_1", x, filters, (3, 3, 3), "relu")
    h = layers.max_pooling("maxpooling3d_1", h, (2, 2, 2))
    h = layers.convolution(weights, "convolution3d_2", h, 2 * filters, (3, 3, 3), "relu")
    h = layers.max_pooling("maxpooling3d_2", h, (2, 2, 2))
    h = layers.flatten("flatten_1", h)
    h = layers.dense(weights, "dense_1", h, width, "relu")
    h = layers.dropout("dropout_1", h, 0.5)
    p = layers.dense(weights, "dense_2", h, classes, "softmax")
    loss = layers.mean_loss("dense_2", "categorical_crossentropy", y, p)
    accuracy = layers.metric("categorical_accuracy", y, p)

    def draw(batch: int) -> list[np.ndarray]:
        films = np.random.uniform(size=(batch, channels, frames, size, size))
        return [films, np.eye(classes)[np.random.randint(0, classes, batch)]]

    optimizer = RMSprop(lr=lr)
    return training_step("conv3d", [x, y], p, loss, [accuracy], weights.all, optimizer, draw)


MODEL = ReferenceModel(
    "conv3d",
    "3x10x128x128, 3x3x3 convolutions of 8 and 16 with 2x2x2 max pooling, dense 64, dropout 0.5, "
    "dense 10, ReLU, RMSprop",
    8,
    build,
)
