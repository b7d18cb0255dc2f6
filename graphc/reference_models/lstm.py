"""`lstm`: a binary classifier of texts, an embedding and an LSTM."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.optimizers import Adam
from graphc.reference_models import layers, recurrent
from graphc.reference_models.step import ReferenceModel, TrainingStep, training_step


def build(
    steps: int = 80, vocabulary: int = 20_000, features: int = 128, units: int = 128
) -> TrainingStep:
    """Texts are (batch, steps) numbers of words below `vocabulary`, targets (batch, 1) 0 or 1."""
    x = g.input((g.BATCH, steps), "int32", name="words")
    y = g.input((g.BATCH, 1), name="class")
    weights = layers.Weights()
    h = layers.embedding(weights, "embedding_1", x, vocabulary, features)
    h = recurrent.lstm(weights, "lstm_1", h, units)
    p = layers.dense(weights, "dense_1", h, 1, "sigmoid")
    loss = layers.mean_loss("dense_1", "binary_crossentropy", y, p)
    accuracy = layers.metric("binary_accuracy", y, p)

    def draw(batch: int) -> list[np.ndarray]:
        words = np.random.randint(0, vocabulary, (batch, steps))
        return [words, np.random.randint(0, 2, (batch, 1))]

    return training_step("lstm", [x, y], p, loss, [accuracy], weights.all, Adam(), draw)


MODEL = ReferenceModel(
    "lstm",
    "80 steps, embedding 20,000 x 128, LSTM 128 (tanh, hard sigmoid inside), dense 1 (sigmoid), "
    "Adam",
    32,
    build,
)
