"""Changes of one image by an affine map, as Keras has them from 1.0.4 on.

A map is a 3x3 matrix from positions (row, column, 1) of the result to positions in the image, whose
nearest pixel is taken. What lies outside is filled as `fill_mode` says; see `transforms`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.errors import ArgumentError
from graphc.lookup import finite_number
from graphc.preprocessing.image.checks import checked_image
from graphc.preprocessing.image.extra import ndimage
from graphc.releases import since


def rotation(angle: float) -> np.ndarray:
    """Return the map of a turn by an angle in radians."""
    return _linear([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def translation(rows: float, columns: float) -> np.ndarray:
    """Return the map of a move by numbers of pixels."""
    return np.array([[1.0, 0.0, rows], [0.0, 1.0, columns], [0.0, 0.0, 1.0]])


def shear(angle: float) -> np.ndarray:
    """Return the map of a shear by an angle in radians."""
    return _linear([[1.0, -np.sin(angle)], [0.0, np.cos(angle)]])


def zoom(rows: float, columns: float) -> np.ndarray:
    """Return the map of a zoom: factors above 1 shrink what is seen."""
    return _linear([[rows, 0.0], [0.0, columns]])


def _linear(matrix: Sequence[Sequence[float]]) -> np.ndarray:
    whole = np.eye(3)
    whole[:2, :2] = matrix
    return whole


@since("1.0.4")
def transform_matrix_offset_center(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    """Return a map with the place (x / 2 + 0.5, y / 2 + 0.5) as its origin, of an image of x rows
    and y columns."""
    row, column = float(x) / 2 + 0.5, float(y) / 2 + 0.5
    moved: np.ndarray = translation(row, column) @ matrix @ translation(-row, -column)
    return moved


@since("1.0.4")
def apply_transform(
    x: np.ndarray,
    transform_matrix: np.ndarray,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
) -> np.ndarray:
    """Return an image transformed by a map, in its own shape.

    Args:
        x: one image, three axes.
        transform_matrix: (3, 3), from positions of the result to positions in the image.
        channel_axis: that of the channels; the other two are rows and columns.
        fill_mode, cval: see `transforms`.

    Raises:
        DataError: `x` is not one image.
        ArgumentError: a matrix of another shape, or an unknown fill_mode.
        MissingPackageError: SciPy, of the extra 'image', is not installed.
    """
    image = checked_image("apply_transform", x, fill_mode)
    matrix = np.asarray(transform_matrix, dtype=np.float64)
    if matrix.shape != (3, 3):
        raise ArgumentError(
            "apply_transform: transform_matrix: expected a matrix (3, 3), received the shape "
            f"{matrix.shape}"
        )
    return transformed("apply_transform", image, matrix, channel_axis, fill_mode, cval)


def transformed(
    what: str,
    image: np.ndarray,
    matrix: np.ndarray,
    channel_axis: int,
    fill_mode: str,
    cval: float,
) -> np.ndarray:
    """Return a checked image transformed by a map, for `what`; see `apply_transform`."""
    transform = ndimage(what).affine_transform
    channels = [
        transform(plane, matrix[:2, :2], matrix[:2, 2], order=0, mode=fill_mode, cval=cval)
        for plane in np.moveaxis(image, channel_axis, 0)
    ]
    return np.moveaxis(np.stack(channels), 0, channel_axis)


def zoom_bounds(owner: str, name: str, value: object) -> tuple[float, float]:
    """Return the least and the largest factor of a zoom range: a pair of them, or z for 1 - z and
    1 + z. ArgumentError for anything else, and where the least is below 0."""
    pair = list(value) if isinstance(value, tuple | list | np.ndarray) else []
    if len(pair) == 2:
        least, most = (finite_number(owner, name, one) for one in pair)
    elif pair:
        raise ArgumentError(f"{owner}: {name}: expected a number or two, received {value!r}")
    else:
        spread = finite_number(owner, name, value)
        least, most = 1.0 - spread, 1.0 + spread
    if not 0.0 <= least <= most:
        raise ArgumentError(
            f"{owner}: {name}: expected a spread from 0 to 1, or two rising factors of at least 0, "
            f"received {value!r}"
        )
    return least, most
