"""The smallest model that trains, for tests that compute its steps by hand."""

import numpy as np

from graphc import optimizers
from graphc.layers import Dense
from graphc.models import Sequential


def linear(features=3, outputs=1, loss="mse", lr=0.1, **kwargs):
    """A Dense layer that starts at zero, trained by plain gradient descent."""
    layer = Dense(outputs, input_dim=features, init="zero", **kwargs)
    model = Sequential([layer])
    model.compile(optimizers.SGD(lr=lr), loss)
    return model


def data(count=7, features=3, seed=0):
    """Inputs (count, features) and targets (count, 1), normal."""
    random = np.random.RandomState(seed)
    return random.randn(count, features), random.randn(count, 1)
