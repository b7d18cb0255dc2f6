"""Changes of one image at random: turned, moved, sheared, zoomed, bent, coloured.

An image is an array of three axes, of which one is its channels: by default the first, as in the
ordering 'th'. Results are floating point and of the image's shape. Draws come from `rng`, by
default from NumPy's global generator. Pixels that a change brings in from outside are filled as
`fill_mode` says: 'nearest' (the nearest edge), 'constant' (`cval`), 'reflect' or 'wrap'.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.errors import ArgumentError, DataError
from graphc.lookup import finite_number
from graphc.preprocessing.image.extra import ndimage

_FILL_MODES = ("nearest", "constant", "reflect", "wrap")


def random_rotation(
    x: np.ndarray,
    rg: float,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    axes: tuple[int, int] = (1, 2),
    *,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Turned about its centre by up to `rg` degrees either way, by cubic splines.

    Args:
        x: one image, three axes.
        rg: the largest angle.
        fill_mode, cval, rng: see above.
        axes: those of rows and columns.

    Raises:
        DataError: `x` is not one image.
        ArgumentError: a range below 0, or an unknown fill_mode.
        MissingPackageError: SciPy, of the extra 'image', is not installed.
    """
    image = _image("random_rotation", x, fill_mode)
    angle = _draw(rng).uniform(-1, 1) * _range("random_rotation", "rg", rg)
    return ndimage("random_rotation").rotate(
        image, angle, axes=axes, reshape=False, order=3, mode=fill_mode, cval=cval
    )


def random_shift(
    x: np.ndarray,
    wrg: float,
    hrg: float,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    row_index: int = 1,
    col_index: int = 2,
    *,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Moved by up to `wrg` of its width and `hrg` of its height either way, by whole pixels.

    Args:
        x: one image, three axes.
        wrg, hrg: the largest shares.
        fill_mode, cval, rng: see above.
        row_index, col_index: the axes of rows and columns.

    Raises as `random_rotation`.
    """
    image = _image("random_shift", x, fill_mode)
    offset = np.zeros(3)
    for axis, name, share in ((row_index, "hrg", hrg), (col_index, "wrg", wrg)):
        largest = _range("random_shift", name, share) * image.shape[axis]
        offset[axis] = np.rint(_draw(rng).uniform(-1, 1) * largest)
    return ndimage("random_shift").shift(image, offset, order=0, mode=fill_mode, cval=cval)


def flip_axis(x: np.ndarray, axis: int) -> np.ndarray:
    """Reversed along an axis; of `x`'s type."""
    return np.flip(np.asarray(x), axis)


def random_barrel_transform(
    x: np.ndarray,
    intensity: float,
    *,
    row_index: int = 1,
    col_index: int = 2,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Bent as by a lens: barrel or pincushion distortion, with linear interpolation.

    A pixel at the distance r from the centre (1 in the corners) shows what was at r (1 + k r^2),
    with one k drawn from -intensity ... intensity. Source: D. C. Brown, "Decentering Distortion of
    Lenses", 1966, its first radial term.

    Raises as `random_rotation`.
    """
    image = _image("random_barrel_transform", x)
    k = _draw(rng).uniform(-1, 1) * _range("random_barrel_transform", "intensity", intensity)
    height, width = image.shape[row_index], image.shape[col_index]
    centre = np.array([height - 1, width - 1]).reshape(2, 1, 1) / 2
    offset = np.indices((height, width)) - centre
    squared_radius = np.sum(offset**2, axis=0) / max(np.sum(centre**2), 1)
    source = centre + offset * (1 + k * squared_radius)
    bend = ndimage("random_barrel_transform").map_coordinates
    return _each_plane(
        image,
        (row_index, col_index),
        lambda plane: bend(plane, source, order=1, mode="nearest"),
    )


def random_shear(
    x: np.ndarray,
    intensity: float,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    *,
    row_index: int = 1,
    col_index: int = 2,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Sheared about its centre by up to `intensity` radians either way, by cubic splines.

    The pixel at (row, column) from the centre shows what was at (row - sin(a) column, cos(a)
    column).

    Args:
        x: one image, three axes.
        intensity: the largest angle.
        fill_mode, cval, rng: see above.
        row_index, col_index: the axes of rows and columns.

    Raises as `random_rotation`.
    """
    image = _image("random_shear", x, fill_mode)
    angle = _draw(rng).uniform(-1, 1) * _range("random_shear", "intensity", intensity)
    matrix = np.array([[1, -np.sin(angle)], [0, np.cos(angle)]])
    return _affine("random_shear", image, matrix, (row_index, col_index), fill_mode, cval)


def random_channel_shift(
    x: np.ndarray,
    rg: float,
    *,
    channel_index: int = 0,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Each channel made brighter or darker by up to `rg`, within the range of values of `x`.

    Raises as `random_rotation`, but needs no SciPy.
    """
    image = _image("random_channel_shift", x)
    largest = _range("random_channel_shift", "rg", rg)
    sizes = [1, 1, 1]
    sizes[channel_index] = image.shape[channel_index]
    shift = (_draw(rng).uniform(-1, 1, sizes) * largest).astype(image.dtype)
    return np.clip(image + shift, image.min(), image.max())


def random_zoom(
    x: np.ndarray,
    rg: float,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    *,
    row_index: int = 1,
    col_index: int = 2,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Shrunk about its centre to 1 - rg ... 1 of its height, and of its width, by cubic splines.

    The result has the shape of `x`; what is free around the smaller image is filled.

    Args:
        x: one image, three axes.
        rg: from 0 up to, but not including, 1.
        fill_mode, cval, rng: see above.
        row_index, col_index: the axes of rows and columns.

    Raises as `random_rotation`.
    """
    image = _image("random_zoom", x, fill_mode)
    if _range("random_zoom", "rg", rg) >= 1:
        raise ArgumentError(f"random_zoom: rg: expected less than 1, received {rg}")
    scales = _draw(rng).uniform(1 - rg, 1, 2)
    return _affine(
        "random_zoom", image, np.diag(1 / scales), (row_index, col_index), fill_mode, cval
    )


def _affine(
    what: str,
    image: np.ndarray,
    matrix: np.ndarray,
    axes: tuple[int, int],
    fill_mode: str,
    cval: float,
) -> np.ndarray:
    """Each pixel p of the planes shows what was at centre + matrix (p - centre)."""
    transform = ndimage(what).affine_transform
    centre = (np.array([image.shape[axis] for axis in axes]) - 1) / 2
    offset = centre - matrix @ centre
    return _each_plane(
        image,
        axes,
        lambda plane: transform(plane, matrix, offset, order=3, mode=fill_mode, cval=cval),
    )


def _each_plane(
    image: np.ndarray, axes: tuple[int, int], change: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    planes = np.moveaxis(image, axes, (1, 2))
    return np.moveaxis(np.stack([change(plane) for plane in planes]), (1, 2), axes)


def _image(what: str, x: np.ndarray, fill_mode: str = "nearest") -> np.ndarray:
    if fill_mode not in _FILL_MODES:
        raise ArgumentError(f"{what}: fill_mode is one of {_FILL_MODES}, received {fill_mode!r}")
    image = np.asarray(x)
    if image.ndim != 3 or not image.size or image.dtype.kind not in "biuf":
        raise DataError(
            f"{what}: expected one image of three axes, received the shape {image.shape} and the "
            f"type {image.dtype}"
        )
    # Splines overshoot, which would wrap around in whole numbers.
    return image if image.dtype in (np.float32, np.float64) else image.astype(np.float32)


def _range(what: str, name: str, value: float) -> float:
    return finite_number(what, name, value, least=0.0)


def _draw(rng: np.random.RandomState | None) -> np.random.RandomState:
    return np.random if rng is None else rng
