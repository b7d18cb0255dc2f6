"""Labels, norms and scores of NumPy arrays."""

from __future__ import annotations

import numpy as np

from graphc.backend.settings import check_dim_ordering
from graphc.errors import DataError, IndexRangeError, ShapeError
from graphc.layers.bases.spatial import conv_input_length as conv_input_length
from graphc.layers.bases.spatial import conv_output_length as conv_output_length
from graphc.lookup import whole_number
from graphc.public.calls import public
from graphc.releases import renamed

_LOG_LIMIT = 1e-15  # a probability this near to 0 or 1 counts as this in `binary_logloss`


def to_categorical(y: object, nb_classes: int | None = None) -> np.ndarray:
    """Class numbers as one-hot rows.

    Args:
        y: (n,) or (n, 1), whole numbers from 0 on.
        nb_classes: the width; the largest number + 1 by default.

    Returns:
        (n, nb_classes), float64.

    Raises:
        DataError: no labels, or one that is not a whole number.
        ArgumentError: an `nb_classes` that is not a whole number of at least 1.
        IndexRangeError: a label outside of 0 ... nb_classes - 1.
    """
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not labels.size:
        raise DataError(
            f"to_categorical: expected class numbers of the shape (n,), received {labels.shape}"
        )
    if labels.dtype.kind not in "biuf":
        raise DataError(
            f"to_categorical: expected class numbers, received dtype {labels.dtype}, e.g. "
            f"{labels[0]!r}; np.unique(y, return_inverse=True)[1] numbers classes from 0"
        )
    if not np.all(np.isfinite(labels)) or np.any(labels != np.floor(labels)):
        raise DataError("to_categorical: expected whole numbers, received others")
    labels = labels.astype(np.int64)
    width = int(labels.max()) + 1
    if nb_classes is not None:
        width = whole_number("to_categorical: nb_classes", nb_classes, least=1)
    wrong = np.flatnonzero((labels < 0) | (labels >= width))
    if wrong.size:
        raise IndexRangeError(
            f"to_categorical: label {labels[wrong[0]]} at position {wrong[0]} is not one of the "
            f"{width} classes 0 to {width - 1}"
        )
    rows = np.zeros((len(labels), width))
    rows[np.arange(len(labels)), labels] = 1.0
    return rows


def normalize(a: np.ndarray, axis: int = -1, order: int = 2) -> np.ndarray:
    """a divided by its norm of an order along an axis; vectors of zeros stay."""
    norms = np.linalg.norm(a, order, axis, keepdims=True)
    return a / np.where(norms == 0, 1, norms)


def binary_logloss(p: object, y: object) -> float:
    """-mean(y log(p) + (1 - y) log(1 - p)), p kept 1e-15 away from 0 and 1."""
    probability = np.clip(np.asarray(p), _LOG_LIMIT, 1 - _LOG_LIMIT)
    labels = np.asarray(y)
    logs = labels * np.log(probability) + (1 - labels) * np.log(1 - probability)
    return -float(np.sum(logs)) / len(labels)


@renamed(p="P", y="Y")
def multiclass_logloss(P: np.ndarray, Y: object) -> float:
    """-mean(log of the probability of the right class); the classes Y count from 1."""
    labels = np.asarray(Y)
    return -float(np.mean(np.log(np.asarray(P)[np.arange(len(labels)), labels - 1])))


def accuracy(p: object, y: object) -> float:
    """The share of equal elements; (n, 1) counts as (n,). ShapeError for other shapes that
    differ."""
    predicted, wanted = _without_column(p), _without_column(y)
    if predicted.shape != wanted.shape:
        raise ShapeError(
            f"accuracy: expected two equal shapes, received {predicted.shape} and {wanted.shape}"
        )
    return float(np.mean(predicted == wanted))


def _without_column(values: object) -> np.ndarray:
    array = np.asarray(values)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def probas_to_classes(y_pred: np.ndarray) -> np.ndarray:
    """Class numbers (n,): the largest of each row; of (n,) or (n, 1) whether it is above 0.5."""
    y_pred = np.asarray(y_pred)
    if y_pred.ndim > 1 and y_pred.shape[1] > 1:
        return categorical_probas_to_classes(y_pred)
    return (y_pred.reshape(-1) > 0.5).astype(np.int64)


def categorical_probas_to_classes(p: np.ndarray) -> np.ndarray:
    """The place of the largest element of each row."""
    largest: np.ndarray = np.argmax(p, axis=1)
    return largest


def convert_kernel(kernel: np.ndarray, dim_ordering: str | None = "default") -> np.ndarray:
    """A convolution's kernel reversed along its spatial axes: between convolution and correlation.

    Args:
        kernel: (out, in, *sizes) in the ordering 'th', (*sizes, in, out) in 'tf', with two or three
            spatial axes.
        dim_ordering: 'th', 'tf', or 'default', as None, which is `K.image_dim_ordering()`.
    """
    kernel = np.asarray(kernel)
    if kernel.ndim not in (4, 5):
        raise ShapeError(
            f"convert_kernel: expected four or five axes, received the shape {kernel.shape}"
        )
    ordering = check_dim_ordering(dim_ordering or "default", "convert_kernel")
    spatial = range(2, kernel.ndim) if ordering == "th" else range(kernel.ndim - 2)
    return np.flip(kernel, tuple(spatial)).copy()


public(__name__)
