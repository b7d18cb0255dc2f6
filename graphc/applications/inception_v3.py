"""The network of C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
CVPR 2016."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc import backend as K
from graphc.applications.building import Architecture, channel_axis, imagenet_addresses
from graphc.applications.imagenet_utils import decode_predictions as decode_predictions
from graphc.compiler.graph import Node
from graphc.layers import (
    AveragePooling2D,
    BatchNormalization,
    Convolution2D,
    Dense,
    Flatten,
    MaxPooling2D,
    merge,
)
from graphc.models import Model
from graphc.paths import GivenPath
from graphc.public.calls import public
from graphc.releases import since

TH_WEIGHTS_PATH, TF_WEIGHTS_PATH, TH_WEIGHTS_PATH_NO_TOP, TF_WEIGHTS_PATH_NO_TOP = (
    imagenet_addresses("inception_v3", "v0.2")
)


@since("1.1.0")
def conv2d_bn(
    x: Node,
    nb_filter: int,
    nb_row: int,
    nb_col: int,
    border_mode: str = "same",
    subsample: Sequence[int] = (1, 1),
    name: str | None = None,
) -> Node:
    """Return a convolution with relu, then batch normalization over its channels; `name` is in
    front of '_conv' and '_bn' in the layers' names."""
    ordering = K.image_dim_ordering()
    return _Network(ordering).conv(x, nb_filter, nb_row, nb_col, border_mode, subsample, name)


class _Network:
    """Makes the layers in an ordering of images."""

    def __init__(self, ordering: str):
        self.ordering = ordering

    def conv(
        self,
        x: Node,
        filters: int,
        rows: int,
        columns: int,
        border_mode: str = "same",
        subsample: Sequence[int] = (1, 1),
        name: str | None = None,
    ) -> Node:
        conv, bn = (None if name is None else f"{name}_{part}" for part in ("conv", "bn"))
        x = Convolution2D(
            filters,
            rows,
            columns,
            subsample=subsample,
            activation="relu",
            border_mode=border_mode,
            dim_ordering=self.ordering,
            name=conv,
        )(x)
        normalized: Node = BatchNormalization(axis=channel_axis(self.ordering), name=bn)(x)
        return normalized

    def convs(self, x: Node, *steps: tuple[int, int, int]) -> Node:
        """Convolutions one after another: (filters, rows, columns)."""
        for step in steps:
            x = self.conv(x, *step)
        return x

    def halved(self, x: Node, filters: int) -> Node:
        """A 3x3 convolution with strides of 2 that keeps no edge."""
        return self.conv(x, filters, 3, 3, "valid", (2, 2))

    def max_pooled(self, x: Node) -> Node:
        pooled: Node = MaxPooling2D((3, 3), strides=(2, 2), dim_ordering=self.ordering)(x)
        return pooled

    def averaged(self, x: Node, strides: tuple[int, int] = (1, 1), mode: str = "same") -> Node:
        pooled: Node = AveragePooling2D(
            (3, 3), strides=strides, border_mode=mode, dim_ordering=self.ordering
        )(x)
        return pooled

    def joined(self, branches: list[Node], name: str | None = None) -> Node:
        axis = channel_axis(self.ordering)
        return merge(branches, mode="concat", concat_axis=axis, name=name)

    def stem(self, x: Node) -> Node:
        x = self.conv(self.halved(x, 32), 32, 3, 3, "valid")
        x = self.max_pooled(self.conv(x, 64, 3, 3))
        x = self.conv(self.conv(x, 80, 1, 1, "valid"), 192, 3, 3, "valid")
        return self.max_pooled(x)

    def small(self, x: Node, name: str) -> Node:
        """A block of mixed0 to mixed2."""
        branches = [
            self.conv(x, 64, 1, 1),
            self.convs(x, (48, 1, 1), (64, 5, 5)),
            self.convs(x, (64, 1, 1), (96, 3, 3), (96, 3, 3)),
            self.conv(self.averaged(x), 32, 1, 1),
        ]
        return self.joined(branches, name)

    def first_reduction(self, x: Node) -> Node:
        double = self.halved(self.convs(x, (64, 1, 1), (96, 3, 3)), 96)
        return self.joined([self.halved(x, 384), double, self.max_pooled(x)], "mixed3")

    def long(self, x: Node, width: int, first: int, name: str) -> Node:
        """A block of mixed4 to mixed7: of 1x7 and 7x1 convolutions of a width."""
        rest = [(width, 7, 1), (width, 1, 7), (width, 7, 1), (192, 1, 7)]
        branches = [
            self.conv(x, 192, 1, 1),
            self.convs(x, (width, 1, 1), (width, 1, 7), (192, 7, 1)),
            self.convs(x, (first, 1, 1), *rest),
            self.conv(self.averaged(x), 192, 1, 1),
        ]
        return self.joined(branches, name)

    def second_reduction(self, x: Node) -> Node:
        branches = [
            self.halved(self.conv(x, 192, 1, 1), 320),
            self.halved(self.convs(x, (192, 1, 1), (192, 1, 7), (192, 7, 1)), 192),
            self.averaged(x, (2, 2), "valid"),
        ]
        return self.joined(branches, "mixed8")

    def wide(self, x: Node, number: int) -> Node:
        """mixed9 or mixed10, whose branches fork."""
        first = self.conv(x, 320, 1, 1)
        second = self.conv(x, 384, 1, 1)
        fork = [self.conv(second, 384, 1, 3), self.conv(second, 384, 3, 1)]
        second = self.joined(fork, f"mixed9_{number}")
        third = self.convs(x, (448, 1, 1), (384, 3, 3))
        third = self.joined([self.conv(third, 384, 1, 3), self.conv(third, 384, 3, 1)])
        pooled = self.conv(self.averaged(x), 192, 1, 1)
        return self.joined([first, second, third, pooled], f"mixed{9 + number}")


@since("1.1.0")
def InceptionV3(
    include_top: bool = True,
    weights: GivenPath | None = "imagenet",
    input_tensor: Node | None = None,
    input_shape: Sequence[int | None] | None = None,
    classes: int = 1000,
) -> Model:
    """Return InceptionV3, for images of 299 x 299 as this module's `preprocess_input` makes them.

    Args:
        include_top: the dense layer too.
        weights, input_tensor, classes: as of `VGG16`.
        input_shape: of one image, without include_top: at least 139 x 139.
    """
    architecture = Architecture("inception_v3", __name__, 299, 139, _layers)
    return architecture.model(include_top, weights, input_tensor, input_shape, classes)


def _layers(images: Node, ordering: str, classes: int | None) -> Node:
    network = _Network(ordering)
    x = network.stem(images)
    for k in range(3):
        x = network.small(x, f"mixed{k}")
    x = network.first_reduction(x)
    for k, (width, first) in enumerate([(128, 128), (160, 160), (160, 160), (192, 160)], 4):
        x = network.long(x, width, first, f"mixed{k}")
    x = network.second_reduction(x)
    for number in range(2):
        x = network.wide(x, number)
    if classes is not None:
        x = AveragePooling2D((8, 8), strides=(8, 8), dim_ordering=ordering, name="avg_pool")(x)
        x = Dense(classes, activation="softmax", name="predictions")(Flatten(name="flatten")(x))
    return x


@since("1.1.0")
def preprocess_input(x: np.ndarray) -> np.ndarray:
    """Return images of 0 ... 255 as values of -1 ... 1."""
    return (np.asarray(x) / 255.0 - 0.5) * 2.0


public(__name__)
