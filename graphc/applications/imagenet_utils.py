"""Images as the networks of ImageNet take them, and the names of its classes."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from graphc.applications.building import CLASSES, image_shape
from graphc.backend.settings import check_dim_ordering
from graphc.errors import DataError
from graphc.lookup import whole_number
from graphc.public.calls import public
from graphc.releases import since
from graphc.utils.data_utils import get_file

CLASS_INDEX_PATH = (
    "https://s3.amazonaws.com/deep-learning-models/image-models/imagenet_class_index.json"
)

_MEANS = (103.939, 116.779, 123.68)  # of blue, green and red


@since("1.1.0")
def preprocess_input(x: np.ndarray, dim_ordering: str = "default") -> np.ndarray:
    """Return images with their channels as blue, green, red, less the means of these.

    Args:
        x: images of red, green and blue from 0 to 255, in an ordering; they stay as they are.
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.
    """
    ordering = check_dim_ordering(dim_ordering, "preprocess_input")
    images = np.asarray(x)
    axis = -3 if ordering == "th" else -1
    if images.ndim not in (3, 4) or images.shape[axis] != len(_MEANS):
        raise DataError(
            f"preprocess_input: expected images with {len(_MEANS)} channels in the ordering "
            f"{ordering!r}, received the shape {images.shape}"
        )
    means = np.reshape(_MEANS, (3, 1, 1) if ordering == "th" else (3,))
    kind = images.dtype if images.dtype.kind == "f" else np.float32
    centred: np.ndarray = np.flip(images, axis) - means
    return centred.astype(kind)


@since("1.1.0")
def decode_predictions(preds: np.ndarray, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Return, for each row of predictions, the classes with the largest: (number in WordNet, name,
    prediction), falling.

    The names are in a file that is fetched once.

    Raises:
        DataError: predictions that are not (n, 1000).
        DownloadError: the file could not be fetched; the message says where to put it.
    """
    rows = np.asarray(preds)
    if rows.ndim != 2 or rows.shape[1] != CLASSES:
        raise DataError(
            f"decode_predictions: expected predictions of the shape (n, {CLASSES}), received "
            f"{rows.shape}"
        )
    count = whole_number("decode_predictions: top", top, 1)
    path = get_file("imagenet_class_index.json", CLASS_INDEX_PATH, cache_subdir="models")
    with open(path, encoding="utf-8") as file:
        names = json.load(file)
    return [
        [(*names[str(k)], float(row[k])) for k in np.argsort(-row, kind="stable")[:count]]
        for row in rows
    ]


def _obtain_input_shape(
    input_shape: Sequence[int | None] | None,
    default_size: int,
    min_size: int,
    dim_ordering: str,
    include_top: bool,
) -> tuple[int | None, ...]:
    """Return the shape of one image that a network reads.

    It has the name that Keras gave it, as networks of others import it.

    Raises:
        ShapeError: an input_shape that does not fit.
    """
    ordering = check_dim_ordering(dim_ordering, "_obtain_input_shape")
    return image_shape(
        "_obtain_input_shape", ordering, include_top, input_shape, default_size, min_size
    )


public(__name__)
