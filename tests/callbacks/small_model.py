"""A model that trains in a moment, and its data."""

from __future__ import annotations

import numpy as np

from graphc.layers import Dense
from graphc.models import Sequential

X = np.arange(10.0).reshape(5, 2)
Y = np.ones((5, 1))


def compiled():
    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    return model
