"""The input of the networks, and the files that their weights come from."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.engine.topology.container import get_source_inputs
from graphc.errors import ArgumentError, ShapeError
from graphc.layers import Input
from graphc.lookup import is_whole, whole_number
from graphc.models import Model
from graphc.paths import GivenPath, checked_path
from graphc.releases import reading_file_of
from graphc.utils.data_utils import get_file

REPOSITORY = "https://github.com/fchollet/deep-learning-models"
RELEASES = f"{REPOSITORY}/releases/download"
CHANNELS = 3
CLASSES = 1000  # of ImageNet

# What a file's name has in it -> where its kernels were trained.
_KERNELS = {"tf_kernels": "tensorflow", "th_kernels": "theano"}

# The weights were trained with what layers meant in this release.
_MEANT = (1, 2, 2)


@contextmanager
def layers_of_1_2() -> Iterator[str]:
    """Give the ordering of images that is meant now; inside, layers have the meanings of Keras 1.2,
    whatever the flag says: those that the weights were trained with."""
    ordering = K.image_dim_ordering()
    with reading_file_of(_MEANT):
        yield ordering


def channel_axis(ordering: str) -> int:
    """Return the axis of the channels of a batch."""
    return 1 if ordering == "th" else 3


def image_input(
    owner: str,
    ordering: str,
    include_top: bool,
    input_tensor: Node | None,
    input_shape: Sequence[int | None] | None,
    default: int,
    least: int,
) -> Node:
    """Return the images that a model reads: `input_tensor`, or a new input.

    Args:
        owner: the model's name, for messages.
        ordering: of the images.
        include_top: the layers after the convolutions need the default size.
        input_tensor: the output of a layer, such as an Input.
        input_shape: of one image, where the size is another than the default; None for sizes that
            only a call knows.
        default: rows and columns of an image.
        least: the fewest rows and columns.

    Raises:
        ShapeError: an input_shape that the model cannot take.
    """
    if input_tensor is not None:
        return input_tensor if input_tensor.history is not None else Input(tensor=input_tensor)
    return Input(shape=image_shape(owner, ordering, include_top, input_shape, default, least))


def image_shape(
    owner: str,
    ordering: str,
    include_top: bool,
    input_shape: Sequence[int | None] | None,
    default: int,
    least: int,
) -> tuple[int | None, ...]:
    """Return the shape of one image that a model reads; the arguments are those of `image_input`.

    Raises:
        ShapeError: an input_shape that the model cannot take.
    """
    sized = _shape(ordering, default, default)
    if input_shape is None:
        return sized if include_top else _shape(ordering, None, None)
    shape = tuple(input_shape)
    if include_top and shape != sized:
        raise ShapeError(
            f"{owner}: input_shape: with include_top=True the images are {sized} in the ordering "
            f"{ordering!r}, received {shape}; include_top=False takes other sizes"
        )
    rows_and_columns = shape[1:] if ordering == "th" else shape[:2]
    fits = len(shape) == 3 and shape == _shape(ordering, *rows_and_columns)
    if not fits or any(size is not None and not is_whole(size, least) for size in rows_and_columns):
        raise ShapeError(
            f"{owner}: input_shape: expected {_shape(ordering, 'rows', 'columns')} in the ordering "
            f"{ordering!r}, with at least {least} rows and columns, received {shape}"
        )
    return shape


def _shape(ordering: str, rows: Any, columns: Any) -> tuple[Any, ...]:
    return (CHANNELS, rows, columns) if ordering == "th" else (rows, columns, CHANNELS)


def checked_classes(owner: str, weights: object, include_top: bool, classes: object) -> int:
    """Return the number of classes. ArgumentError for one that the weights do not have."""
    count = whole_number(f"{owner}: classes", classes, 1)
    if weights == "imagenet" and include_top and count != CLASSES:
        raise ArgumentError(
            f"{owner}: classes: the weights 'imagenet' have {CLASSES} classes, received {count}; "
            "weights=None, or include_top=False and a layer of your own after it, has others"
        )
    return count


def made_model(inputs: Node, outputs: Node, name: str) -> Model:
    """Return the model from the inputs that lead to a tensor."""
    return Model(get_source_inputs(inputs), outputs, name=name)


def weigh(
    model: Model,
    weights: GivenPath | None,
    known: str,
    stored: Callable[[], tuple[str, str]],
    by_name: bool = False,
) -> None:
    """Give a model its weights.

    Args:
        weights: None leaves the initial ones; `known` stands for those of Keras, which are fetched
            unless their file is there; else the path of a file.
        known: 'imagenet' or the like.
        stored: gives the name of Keras' file, and its address.
        by_name: match layers by their names alone.

    Raises:
        DownloadError: the file could not be fetched; the message says where to put it.
        ArgumentError: something else than a name or a path.
    """
    if weights is None:
        return
    if isinstance(weights, str) and weights == known:
        name, address = stored()
        path = get_file(name, address, cache_subdir="models")
    else:
        path = checked_path(f"{model.name}: weights", weights)
        if not os.path.exists(path):
            raise ArgumentError(
                f"{model.name}: weights: expected {known!r}, None, or the path of a file of "
                f"weights, received {weights!r}, which is not there"
            )
    file = os.path.basename(path)
    backend = next((name for part, name in _KERNELS.items() if part in file), None)
    model.load_weights(path, by_name=by_name, running_std=_std(model), backend=backend)


def _std(model: Model) -> str | None:
    """Return what these files have under the name running_std, where the model has one."""
    kinds = {type(layer).__name__ for layer in model.layers}
    return "variance" if "BatchNormalization" in kinds else None


@dataclass(frozen=True)
class Architecture:
    """A network for images, of which Keras had weights that were trained on ImageNet.

    Attributes:
        name: of the model, and in the name of the file of weights.
        module: the one whose constants, `TH_WEIGHTS_PATH` and its like, have the addresses of these
            files; a program may set them.
        size: rows and columns of an image.
        least: the fewest rows and columns that the convolutions take.
        layers: gives the output for images, their ordering, and the number of classes of the last
            layer; None in its place leaves out the layers after the convolutions.
        ordering: the one ordering of images that the weights are for; None for either.
    """

    name: str
    module: str
    size: int
    least: int
    layers: Callable[[Node, str, int | None], Node]
    ordering: str | None = None

    def model(
        self,
        include_top: bool,
        weights: GivenPath | None,
        input_tensor: Node | None,
        input_shape: Sequence[int | None] | None,
        classes: int,
    ) -> Model:
        """Return the network with its weights; the arguments are those of `VGG16`."""
        classes = checked_classes(self.name, weights, include_top, classes)
        with layers_of_1_2() as ordering:
            if weights == "imagenet" and self.ordering not in (None, ordering):
                raise ArgumentError(
                    f"{self.name}: the weights 'imagenet' are for images in the ordering "
                    f"{self.ordering!r}, and K.image_dim_ordering() is {ordering!r}; call "
                    f"K.set_image_dim_ordering({self.ordering!r}) first"
                )
            images = image_input(
                *(self.name, ordering, include_top, input_tensor, input_shape),
                *(self.size, self.least),
            )
            outputs = self.layers(images, ordering, classes if include_top else None)
            model = made_model(images, outputs, self.name)

        def stored() -> tuple[str, str]:
            constant = address_constant(ordering, include_top)
            return (
                imagenet_file(self.name, ordering, include_top),
                vars(sys.modules[self.module])[constant],
            )

        weigh(model, weights, "imagenet", stored)
        return model


def address_constant(ordering: str, include_top: bool = True) -> str:
    """Return the name of the constant that has the address of a file of weights."""
    return f"{ordering.upper()}_WEIGHTS_PATH{'' if include_top else '_NO_TOP'}"


def imagenet_file(name: str, ordering: str, include_top: bool) -> str:
    """Return the name of Keras' file of weights of a model."""
    top = "" if include_top else "_notop"
    return f"{name}_weights_{ordering}_dim_ordering_{ordering}_kernels{top}.h5"


def imagenet_addresses(
    name: str, version: str, orderings: Sequence[str] = ("th", "tf")
) -> tuple[str, ...]:
    """Return the addresses of Keras' files of weights of a model, for each of the orderings with
    its last layers, then for each without."""
    return tuple(
        f"{RELEASES}/{version}/{imagenet_file(name, ordering, include_top)}"
        for include_top in (True, False)
        for ordering in orderings
    )
