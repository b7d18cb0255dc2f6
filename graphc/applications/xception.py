"""The network of F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR
2017."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.applications.building import Architecture, channel_axis, imagenet_addresses
from graphc.applications.imagenet_utils import decode_predictions as decode_predictions
from graphc.compiler.graph import Node
from graphc.layers import (
    Activation,
    BatchNormalization,
    Convolution2D,
    Dense,
    GlobalAveragePooling2D,
    MaxPooling2D,
    SeparableConvolution2D,
    merge,
)
from graphc.models import Model
from graphc.paths import GivenPath
from graphc.public.calls import public
from graphc.releases import since

TF_WEIGHTS_PATH, TF_WEIGHTS_PATH_NO_TOP = imagenet_addresses("xception", "v0.4", ("tf",))

_ENTRY = {2: 128, 3: 256, 4: 728}  # block -> filters
_MIDDLE = range(5, 13)


class _Network:
    """Makes the layers in an ordering of images; no convolution has a bias."""

    def __init__(self, ordering: str):
        self.ordering = ordering

    def normalized(self, x: Node, name: str | None = None) -> Node:
        normalized: Node = BatchNormalization(axis=channel_axis(self.ordering), name=name)(x)
        return normalized

    def separable(self, x: Node, filters: int, name: str) -> Node:
        x = SeparableConvolution2D(
            filters, 3, 3, border_mode="same", bias=False, dim_ordering=self.ordering, name=name
        )(x)
        return self.normalized(x, name=f"{name}_bn")

    def first(self, x: Node) -> Node:
        for k, (filters, strides) in enumerate([(32, (2, 2)), (64, (1, 1))], start=1):
            name = f"block1_conv{k}"
            x = Convolution2D(
                filters, 3, 3, subsample=strides, bias=False, dim_ordering=self.ordering, name=name
            )(x)
            x = Activation("relu", name=f"{name}_act")(self.normalized(x, name=f"{name}_bn"))
        return x

    def reduction(self, x: Node, block: int, filters: Sequence[int], is_first: bool) -> Node:
        """Two separable convolutions and a pooling, beside a strided convolution."""
        residual = Convolution2D(
            filters[1],
            1,
            1,
            subsample=(2, 2),
            border_mode="same",
            bias=False,
            dim_ordering=self.ordering,
        )(x)
        residual = self.normalized(residual)
        for k, count in enumerate(filters, start=1):
            name = f"block{block}_sepconv{k}"
            if k > 1 or not is_first:
                x = Activation("relu", name=f"{name}_act")(x)
            x = self.separable(x, count, name)
        x = MaxPooling2D(
            (3, 3),
            strides=(2, 2),
            border_mode="same",
            dim_ordering=self.ordering,
            name=f"block{block}_pool",
        )(x)
        return merge([x, residual], mode="sum")

    def middle(self, x: Node, block: int) -> Node:
        residual = x
        for k in range(1, 4):
            name = f"block{block}_sepconv{k}"
            x = self.separable(Activation("relu", name=f"{name}_act")(x), 728, name)
        return merge([x, residual], mode="sum")

    def last(self, x: Node) -> Node:
        for k, filters in enumerate((1536, 2048), start=1):
            name = f"block14_sepconv{k}"
            x = Activation("relu", name=f"{name}_act")(self.separable(x, filters, name))
        return x


@since("1.1.1")
def Xception(
    include_top: bool = True,
    weights: GivenPath | None = "imagenet",
    input_tensor: Node | None = None,
    input_shape: Sequence[int | None] | None = None,
    classes: int = 1000,
) -> Model:
    """Return Xception, for images of 299 x 299 as this module's `preprocess_input` makes them.

    Keras had it and its weights in the ordering 'tf' alone.

    Args:
        include_top: the pooling and the dense layer too.
        weights, input_tensor, classes: as of `VGG16`.
        input_shape: of one image, without include_top: at least 71 x 71.
    """
    architecture = Architecture("xception", __name__, 299, 71, _layers, ordering="tf")
    return architecture.model(include_top, weights, input_tensor, input_shape, classes)


def _layers(images: Node, ordering: str, classes: int | None) -> Node:
    network = _Network(ordering)
    x = network.first(images)
    for block, filters in _ENTRY.items():
        x = network.reduction(x, block, (filters, filters), is_first=block == 2)
    for block in _MIDDLE:
        x = network.middle(x, block)
    x = network.last(network.reduction(x, 13, (728, 1024), is_first=False))
    if classes is not None:
        x = GlobalAveragePooling2D(dim_ordering=ordering, name="avg_pool")(x)
        x = Dense(classes, activation="softmax", name="predictions")(x)
    return x


@since("1.1.1")
def preprocess_input(x: np.ndarray) -> np.ndarray:
    """Return images of 0 ... 255 as values of -1 ... 1."""
    return (np.asarray(x) / 255.0 - 0.5) * 2.0


public(__name__)
