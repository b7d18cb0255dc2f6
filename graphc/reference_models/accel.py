"""`accel`: a classifier of three long recordings, a 1-D convolution on each."""

from __future__ import annotations

import numpy as np

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.optimizers import RMSprop
from graphc.reference_models import layers
from graphc.reference_models.step import ReferenceModel, TrainingStep, training_step

_BRANCHES = 3


def build(
    steps: int = 16_501, features: int = 3, filters: int = 20, width: int = 50, lr: float = 2e-5
) -> TrainingStep:
    """Three inputs of (batch, steps, features), steps at least 14; targets (batch, 1) 0 or 1.

    RMSprop's own lr is too large for the 98,940 features in front of the first dense layer: its
    first step drives the sigmoid to where the clipped loss has no gradient.
    """
    inputs = [
        g.input((g.BATCH, steps, features), name=f"recording_{k + 1}") for k in range(_BRANCHES)
    ]
    y = g.input((g.BATCH, 1), name="class")
    weights = layers.Weights()
    branches = []
    for k, x in enumerate(inputs, start=1):
        h = layers.convolution_1d(weights, f"convolution1d_{k}", x, filters, 5, "relu")
        h = layers.dropout(f"dropout_{k}", h, 0.25)
        h = layers.max_pooling_1d(f"maxpooling1d_{k}", h, 10)
        branches.append(layers.flatten(f"flatten_{k}", h))
    with g.origin("merge_1"):
        h = K.concatenate(branches, axis=1)
    h = layers.dense(weights, "dense_1", h, width, "relu")
    p = layers.dense(weights, "dense_2", h, 1, "sigmoid")
    loss = layers.mean_loss("dense_2", "binary_crossentropy", y, p)
    accuracy = layers.metric("binary_accuracy", y, p)

    def draw(batch: int) -> list[np.ndarray]:
        recordings = [np.random.normal(size=(batch, steps, features)) for _ in inputs]
        return [*recordings, np.random.randint(0, 2, (batch, 1))]

    optimizer = RMSprop(lr=lr)
    return training_step("accel", [*inputs, y], p, loss, [accuracy], weights.all, optimizer, draw)


MODEL = ReferenceModel(
    "accel",
    "three inputs of 16,501 x 3, each a 1-D convolution of 20 filters of 5, dropout 0.25 and max "
    "pooling 10; dense 50, ReLU, dense 1 (sigmoid), RMSprop",
    16,
    build,
)
