"""Weights of the layers of Keras 1.0.6 to 1.2.2 as Keras stored them."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import layers
from graphc.models import Sequential
from tests.files.old_writers import write_keras_1

IMAGE = {"input_shape": (3, 6, 6), "dim_ordering": "th"}
# Each layer, and its weights by the names of Keras, in its order; those that TensorFlow turned.
LAYERS = {
    "Deconvolution2D": (
        lambda: layers.Deconvolution2D(2, 3, 3, (None, 2, 8, 8), **IMAGE),
        {"W": (2, 3, 3, 3), "b": (2,)},
        "W",
    ),
    "AtrousConvolution2D": (
        lambda: layers.AtrousConvolution2D(2, 2, 3, atrous_rate=(2, 1), bias=False, **IMAGE),
        {"W": (2, 3, 2, 3)},
        "W",
    ),
    "SeparableConvolution2D": (
        lambda: layers.SeparableConvolution2D(2, 3, 2, depth_multiplier=2, **IMAGE),
        {"depthwise_kernel": (2, 3, 3, 2), "pointwise_kernel": (2, 6, 1, 1), "b": (2,)},
        "",
    ),
    "LocallyConnected2D": (
        lambda: layers.LocallyConnected2D(2, 3, 3, **IMAGE),
        {"W": (16, 27, 2), "b": (4, 4, 2)},
        "",
    ),
    "ConvLSTM2D": (
        lambda: layers.ConvLSTM2D(2, 3, 3, input_shape=(2, 3, 5, 5), dim_ordering="th"),
        {
            f"{part}_{gate}": shape
            for gate in "icfo"
            for part, shape in (("W", (2, 3, 3, 3)), ("U", (2, 2, 3, 3)), ("b", (2,)))
        },
        "WU",
    ),
    "GRU": (
        lambda: layers.GRU(2, consume_less="gpu", input_shape=(4, 3)),
        {"W": (3, 6), "U": (2, 6), "b": (6,)},
        "",
    ),
}


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
@pytest.mark.parametrize("name", LAYERS)
def test_weights_are_read_in_the_order_of_keras(tmp_path, name, backend):
    make, shapes, flipped = LAYERS[name]
    rng = np.random.default_rng(4)
    values = {one: rng.normal(size=shape).astype("float32") for one, shape in shapes.items()}
    stored = [(f"layer_{one}", value) for one, value in values.items()]
    path = tmp_path / "w.h5"
    write_keras_1(path, [("layer", stored)], backend=backend, keras_version="1.2.2")
    model = Sequential([make()])
    model.load_weights(path)
    for (one, value), found in zip(values.items(), model.get_weights(), strict=True):
        if backend == "tensorflow" and one[0] in flipped:
            value = value[:, :, ::-1, ::-1]
        np.testing.assert_array_equal(found, value)
