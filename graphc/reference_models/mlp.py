"""`mlp`: a classifier of flat images, two hidden layers with dropout; written with `Sequential`."""

from __future__ import annotations

import numpy as np

from graphc.engine.training.compiled import compile_model
from graphc.engine.training.draws import Draws
from graphc.layers.core import Activation, Dense, Dropout
from graphc.models import Sequential
from graphc.optimizers import RMSprop
from graphc.reference_models.step import ReferenceModel, TrainingStep, training_step


def build(features: int = 784, width: int = 512, classes: int = 10) -> TrainingStep:
    """The step that `fit` runs: its loss takes sample weights, all 1 in the data."""
    model = Sequential(name="mlp")
    model.add(Dense(width, input_dim=features, name="dense_1"))
    for k, units in ((1, width), (2, classes)):
        model.add(Activation("relu", name=f"activation_{k}"))
        model.add(Dropout(0.2, name=f"dropout_{k}"))
        model.add(Dense(units, name=f"dense_{k + 1}"))
    model.add(Activation("softmax", name="activation_3"))
    compiled = compile_model(
        model,
        RMSprop(),
        "categorical_crossentropy",
        metrics=(),
        loss_weights=None,
        sample_weight_mode=None,
        mode=None,
        draws=Draws(),
    )

    def draw(batch: int) -> list[np.ndarray]:
        labels = np.random.randint(0, classes, batch)
        return [np.random.uniform(size=(batch, features)), np.eye(classes)[labels], np.ones(batch)]

    return training_step(
        "mlp",
        compiled.inputs,
        model.outputs[0],
        compiled.outputs[0],
        [],
        model.trainable_weights,
        compiled.optimizer,
        draw,
    )


MODEL = ReferenceModel("mlp", "784-512-512-10, ReLU, dropout 0.2, RMSprop", 128, build)
