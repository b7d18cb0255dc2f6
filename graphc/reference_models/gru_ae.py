"""`gru_ae`: an autoencoder of sequences, two GRUs one on the other."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.optimizers import RMSprop
from graphc.reference_models import layers, recurrent
from graphc.reference_models.step import ReferenceModel, TrainingStep, training_step


def build(steps: int = 50, features: int = 6, units: int = 50) -> TrainingStep:
    """Sequences are (batch, steps, features) of positive numbers, what a ReLU can put out."""
    x = g.input((g.BATCH, steps, features), name="sequence")
    y = g.input((g.BATCH, steps, features), name="target")
    weights = layers.Weights()
    code = recurrent.gru(weights, "gru_1", x, units, "relu", "hard_sigmoid")
    decoded = recurrent.gru(weights, "gru_2", code, features, "relu", "hard_sigmoid")
    loss = layers.mean_loss("gru_2", "mean_squared_error", y, decoded)

    def draw(batch: int) -> list[np.ndarray]:
        sequences = np.random.uniform(size=(batch, steps, features))
        return [sequences, sequences]

    return training_step("gru_ae", [x, y], decoded, loss, [], weights.all, RMSprop(), draw)


MODEL = ReferenceModel(
    "gru_ae",
    "autoencoder of 50 steps, stacked GRU 6-50-6, ReLU, hard sigmoid inside, RMSprop",
    16,
    build,
)
