"""Helpers of the tests of layers over images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from graphc.compiler.function import function
from graphc.engine import InputLayer
from graphc.layers import Dense, Flatten, Reshape
from graphc.models import Sequential
from tests.backend.window_sums import channels_last
from tests.layers.kernels import layers_with_kernels

rng = np.random.default_rng(13)


def in_both_orderings(cases: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Parametrize by `case` and `ordering`; sequences have one, their channels are last."""
    both = {
        f"{name}-{ordering}": (case, ordering)
        for name, case in cases.items()
        for ordering in (("tf",) if "1D" in name else ("th", "tf"))
    }
    return pytest.mark.parametrize(("case", "ordering"), both.values(), ids=list(both))


def run(layer, x, shape=None):
    """The layer's output for an array, in the array's dtype."""
    node = InputLayer(input_shape=shape or x.shape[1:], input_dtype=str(x.dtype)).output
    return function([node], layer(node))(x)


def as_sequence_or(ordering, layer_class, x):
    """An array (n, channels, *spatial) as a layer reads it: sequences have their channels last."""
    return channels_last(x) if ordering == "tf" or "1D" in layer_class.__name__ else x


def lowers_the_loss(layer, shape, ordering):
    """Train a model with the layer behind weights, so that a gradient goes through it. A step with
    channels last has the kernels of one with channels first, and transposes."""
    size = int(np.prod(shape))
    x = np.random.default_rng(13).normal(size=(16, size))  # some draws make SGD overshoot
    model = Sequential([Dense(size, input_dim=size), Reshape(shape), layer, Flatten(), Dense(1)])
    model.compile("sgd", "mse")
    y = x.sum(axis=1, keepdims=True) / 10
    losses = model.fit(x, y, nb_epoch=5, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    if ordering == "tf":
        assert "layer" in layers_with_kernels(model)
