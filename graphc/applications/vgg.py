"""The networks of K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale
Image Recognition", ICLR 2015."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from graphc.applications.building import Architecture
from graphc.compiler.graph import Node
from graphc.layers import Convolution2D, Dense, Flatten, MaxPooling2D
from graphc.models import Model
from graphc.paths import GivenPath

_FILTERS = (64, 128, 256, 512, 512)


def vgg(
    name: str,
    module: str,
    depths: Sequence[int],
    include_top: bool,
    weights: GivenPath | None,
    input_tensor: Node | None,
    input_shape: Sequence[int | None] | None,
    classes: int,
) -> Model:
    """Return a network of blocks of 3x3 convolutions, of which `depths` says how many each has; see
    `Architecture` for the module."""
    architecture = Architecture(name, module, 224, 48, partial(_layers, depths))
    return architecture.model(include_top, weights, input_tensor, input_shape, classes)


def _layers(depths: Sequence[int], images: Node, ordering: str, classes: int | None) -> Node:
    x = images
    for block, (depth, filters) in enumerate(zip(depths, _FILTERS, strict=True), start=1):
        for k in range(1, depth + 1):
            x = Convolution2D(
                filters,
                3,
                3,
                activation="relu",
                border_mode="same",
                dim_ordering=ordering,
                name=f"block{block}_conv{k}",
            )(x)
        x = MaxPooling2D((2, 2), (2, 2), dim_ordering=ordering, name=f"block{block}_pool")(x)
    if classes is not None:
        x = Flatten(name="flatten")(x)
        x = Dense(4096, activation="relu", name="fc1")(x)
        x = Dense(4096, activation="relu", name="fc2")(x)
        x = Dense(classes, activation="softmax", name="predictions")(x)
    return x
