"""`cnn`: a classifier of small images, two convolutions and two dense layers."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.optimizers import Adam
from graphc.reference_models import layers
from graphc.reference_models.step import ReferenceModel, TrainingStep, training_step


def build(
    size: int = 28, channels: int = 1, filters: int = 32, width: int = 128, classes: int = 10
) -> TrainingStep:
    """Images are (batch, channels, size, size), size at least 6."""
    x = g.input((g.BATCH, channels, size, size), name="image")
    y = g.input((g.BATCH, classes), name="class")
    weights = layers.Weights()
    h = layers.convolution(weights, "convolution2d_1", x, filters, (3, 3), "relu")
    h = layers.convolution(weights, "convolution2d_2", h, filters, (3, 3), "relu")
    h = layers.max_pooling("maxpooling2d_1", h, (2, 2))
    h = layers.dropout("dropout_1", h, 0.25)
    h = layers.flatten("flatten_1", h)
    h = layers.dense(weights, "dense_1", h, width, "relu")
    p = layers.dense(weights, "dense_2", h, classes, "softmax")
    loss = layers.mean_loss("dense_2", "categorical_crossentropy", y, p)
    accuracy = layers.metric("categorical_accuracy", y, p)

    def draw(batch: int) -> list[np.ndarray]:
        labels = np.random.randint(0, classes, batch)
        return [np.random.uniform(size=(batch, channels, size, size)), np.eye(classes)[labels]]

    return training_step("cnn", [x, y], p, loss, [accuracy], weights.all, Adam(), draw)


MODEL = ReferenceModel(
    "cnn",
    "1x28x28, two 3x3 convolutions of 32, 2x2 max pooling, dropout 0.25, dense 128, dense 10, "
    "ReLU, Adam",
    128,
    build,
)
