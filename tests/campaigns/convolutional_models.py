"""Random networks of convolutions and poolings, of sizes that people train, with data.

Layers follow each other as they do in networks for images, signals and sentences: convolution (or
two, whose results are concatenated), batch normalization, activation, dropout, pooling, once or
twice, and a dense layer. The models of `random_models` have every layer, but a few elements a
sample, which take none of the loops that are written for whole vectors, tiles and teams of threads.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from graphc import layers
from graphc.backend import settings
from graphc.engine import Input, Layer, Model
from graphc.engine.topology.shapes import known_shape
from tests.campaigns.random_models import Program, Random, one_hot

CLASSES = 5

SAMPLES = 16
"""The batch: threads divide samples, so it is some for each."""


def drawn(rng: np.random.Generator) -> Program:
    """Return a compiled network with a batch of data; NumPy's global generator is left seeded."""
    settings._uids.clear()
    draw = random.Random(int(rng.integers(2**63)))
    np.random.seed(int(rng.integers(2**32)))
    first, last = (_signals if draw.random() < 0.4 else _images)(draw)
    vector = layers.Flatten()(last)
    model = Model(first, layers.Dense(CLASSES, activation="softmax")(vector))
    model.compile(draw.choice(["sgd", "adam"]), "categorical_crossentropy")
    x = rng.normal(size=(SAMPLES, *known_shape(first)[1:])).astype("float32")
    y = one_hot(rng, (SAMPLES, CLASSES))
    return Program(model, x, y, {"batch_size": SAMPLES, "verbose": 0})


def _activation(draw: Random) -> Layer:
    name = draw.choice(["relu", "tanh", "linear", "elu", "leaky", "prelu"])
    others = {"elu": layers.ELU, "leaky": layers.LeakyReLU, "prelu": layers.PReLU}
    return others[name]() if name in others else layers.Activation(name)


def _behind_convolution(draw: Random, node: Any, axis: int) -> Any:
    if draw.random() < 0.3:
        node = layers.BatchNormalization(axis=axis)(node)
    return _perhaps_dropout(draw, _activation(draw)(node), 0.3)


def _perhaps_dropout(draw: Random, node: Any, chance: float) -> Any:
    return layers.Dropout(0.3)(node) if draw.random() < chance else node


def _signals(draw: Random) -> tuple[Any, Any]:
    """Return an input of signals, channels last, and what one or two blocks make of it."""
    node = first = Input(shape=(draw.choice([20, 42, 64, 100]), draw.choice([4, 16, 50])))
    for _ in range(draw.choice([1, 1, 2])):
        if known_shape(node)[1] < 6:
            break
        node = layers.Convolution1D(
            draw.choice([1, 8, 33, 64]),
            draw.choice([1, 2, 3, 5]),
            subsample_length=draw.choice([1, 1, 2]),
            border_mode=draw.choice(["same", "valid"]),
        )(node)
        node = _behind_convolution(draw, node, axis=-1)
        steps = known_shape(node)[1]
        length = min(draw.choice([2, 3, 4, steps, max(1, steps // 2)]), steps)
        pooling = draw.choice([layers.MaxPooling1D, layers.AveragePooling1D])
        stride = draw.choice([None, length, min(2, steps), 1])
        node = _perhaps_dropout(draw, pooling(length, stride=stride)(node), 0.4)
    return first, node


def _images(draw: Random) -> tuple[Any, Any]:
    """Return an input of images, of one of the two layouts, and what one or two blocks make of
    it."""
    ordering = draw.choice(["th", "tf"])
    axis = {"th": 1, "tf": 3}[ordering]
    height, channels = draw.choice([6, 8, 13, 16, 28]), draw.choice([1, 3, 16, 64])
    width = height + draw.choice([0, 0, 3])
    sample = (height, width, channels) if ordering == "tf" else (channels, height, width)
    node = first = Input(shape=sample)
    for _ in range(draw.choice([1, 1, 2])):
        if min(_sides(node, ordering)) < 5:
            break
        if draw.random() < 0.15:
            before = draw.choice([layers.UpSampling2D, layers.ZeroPadding2D])
            node = before(dim_ordering=ordering)(node)
        node = _convolved(draw, node, ordering)
        if draw.random() < 0.2:
            others = [node, _convolved(draw, node, ordering, steps=False)]
            node = layers.merge(others, mode="concat", concat_axis=axis)
        node = _behind_convolution(draw, node, axis)
        node = _pooling(draw, _sides(node, ordering), ordering)(node)
        node = _perhaps_dropout(draw, node, 0.4)
    return first, node


def _convolved(draw: Random, node: Any, ordering: str, *, steps: bool = True) -> Any:
    """Return a convolution of images; without `steps` it has the sides of the images."""
    side = draw.choice([1, 3, 3, 5])
    step = draw.choice([1, 1, 1, 2]) if steps else 1
    kinds = [layers.Convolution2D] * 4 + [layers.SeparableConvolution2D]
    return draw.choice(kinds)(
        draw.choice([1, 8, 32, 36, 64, 128]),
        side,
        side,
        subsample=(step, step),
        border_mode=draw.choice(["same", "valid"]) if steps else "same",
        dim_ordering=ordering,
    )(node)


def _sides(node: Any, ordering: str) -> tuple[int, int]:
    shape = known_shape(node)
    return (shape[1], shape[2]) if ordering == "tf" else (shape[2], shape[3])


def _pooling(draw: Random, sides: tuple[int, int], ordering: str) -> Layer:
    """Return a pooling of small windows, of whole rows, columns or images, or of their halves."""
    height, width = sides
    window = draw.choice(
        [(2, 2), (3, 3), sides, (height, 1), (1, width), (height, 2)]
        + [(max(1, height // 2), max(1, width // 2))]
    )
    window = min(window[0], height), min(window[1], width)
    pooling = draw.choice([layers.MaxPooling2D, layers.AveragePooling2D])
    return pooling(
        window,
        strides=draw.choice([None, window, (2, 2), (1, 1)]),
        border_mode=draw.choice(["valid", "valid", "same"]),
        dim_ordering=ordering,
    )
