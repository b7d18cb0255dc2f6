"""The network of 50 layers of K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image
Recognition", CVPR 2016."""

from __future__ import annotations

from collections.abc import Sequence

from graphc import backend as K
from graphc.applications.building import Architecture, channel_axis, imagenet_addresses
from graphc.applications.imagenet_utils import decode_predictions as decode_predictions
from graphc.applications.imagenet_utils import preprocess_input as preprocess_input
from graphc.compiler.graph import Node
from graphc.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Convolution2D,
    Dense,
    Flatten,
    MaxPooling2D,
    ZeroPadding2D,
    merge,
)
from graphc.models import Model
from graphc.paths import GivenPath
from graphc.public.calls import public
from graphc.releases import since

TH_WEIGHTS_PATH, TF_WEIGHTS_PATH, TH_WEIGHTS_PATH_NO_TOP, TF_WEIGHTS_PATH_NO_TOP = (
    imagenet_addresses("resnet50", "v0.2")
)

_STAGES = {2: 3, 3: 4, 4: 6, 5: 3}  # stage -> blocks


@since("1.1.0")
def identity_block(
    input_tensor: Node, kernel_size: int, filters: Sequence[int], stage: int, block: str
) -> Node:
    """Return the sum of a tensor and of three convolutions of it, of which the second has
    `kernel_size`.

    Args:
        filters: of each of the three; the last as many as the tensor has channels.
        stage, block: in the layers' names, res<stage><block>_branch2a.
    """
    ordering = K.image_dim_ordering()
    x = _branch(input_tensor, kernel_size, filters, f"{stage}{block}", (1, 1), ordering)
    added: Node = Activation("relu")(merge([x, input_tensor], mode="sum"))
    return added


@since("1.1.0")
def conv_block(
    input_tensor: Node,
    kernel_size: int,
    filters: Sequence[int],
    stage: int,
    block: str,
    strides: Sequence[int] = (2, 2),
) -> Node:
    """Return what `identity_block` does, with a convolution of strides in the place of the tensor;
    the first of the three has the same strides."""
    ordering = K.image_dim_ordering()
    return _conv_block(input_tensor, kernel_size, filters, f"{stage}{block}", strides, ordering)


def _conv_block(
    x: Node,
    kernel_size: int,
    filters: Sequence[int],
    place: str,
    strides: Sequence[int],
    ordering: str,
) -> Node:
    branch = _branch(x, kernel_size, filters, place, strides, ordering)
    shortcut = Convolution2D(
        filters[2], 1, 1, subsample=strides, dim_ordering=ordering, name=f"res{place}_branch1"
    )(x)
    shortcut = BatchNormalization(axis=channel_axis(ordering), name=f"bn{place}_branch1")(shortcut)
    added: Node = Activation("relu")(merge([branch, shortcut], mode="sum"))
    return added


def _branch(
    x: Node,
    kernel_size: int,
    filters: Sequence[int],
    place: str,
    strides: Sequence[int],
    ordering: str,
) -> Node:
    for part, count, size in zip("abc", filters, (1, kernel_size, 1), strict=True):
        x = Convolution2D(
            count,
            size,
            size,
            subsample=strides if part == "a" else (1, 1),
            border_mode="same" if part == "b" else "valid",
            dim_ordering=ordering,
            name=f"res{place}_branch2{part}",
        )(x)
        x = BatchNormalization(axis=channel_axis(ordering), name=f"bn{place}_branch2{part}")(x)
        x = x if part == "c" else Activation("relu")(x)
    return x


@since("1.1.0")
def ResNet50(
    include_top: bool = True,
    weights: GivenPath | None = "imagenet",
    input_tensor: Node | None = None,
    input_shape: Sequence[int | None] | None = None,
    classes: int = 1000,
) -> Model:
    """Return ResNet50, for images of 224 x 224 as `preprocess_input` makes them.

    Args:
        include_top: the dense layer too.
        weights, input_tensor, classes: as of `VGG16`.
        input_shape: of one image, without include_top: at least 197 x 197.
    """
    architecture = Architecture("resnet50", __name__, 224, 197, _layers)
    return architecture.model(include_top, weights, input_tensor, input_shape, classes)


def _layers(images: Node, ordering: str, classes: int | None) -> Node:
    x: Node = ZeroPadding2D((3, 3), dim_ordering=ordering)(images)
    x = Convolution2D(64, 7, 7, subsample=(2, 2), dim_ordering=ordering, name="conv1")(x)
    x = BatchNormalization(axis=channel_axis(ordering), name="bn_conv1")(x)
    x = MaxPooling2D((3, 3), strides=(2, 2), dim_ordering=ordering)(Activation("relu")(x))
    for stage, blocks in _STAGES.items():
        width = 64 * 2 ** (stage - 2)
        filters, strides = (width, width, 4 * width), (1, 1) if stage == 2 else (2, 2)
        x = _conv_block(x, 3, filters, f"{stage}a", strides, ordering)
        for block in "bcdef"[: blocks - 1]:
            branch = _branch(x, 3, filters, f"{stage}{block}", (1, 1), ordering)
            x = Activation("relu")(merge([branch, x], mode="sum"))
    x = AveragePooling2D((7, 7), dim_ordering=ordering, name="avg_pool")(x)
    if classes is not None:
        x = Dense(classes, activation="softmax", name="fc1000")(Flatten()(x))
    return x


public(__name__)
