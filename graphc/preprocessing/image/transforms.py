"""Changes of one image at random: rotated, shifted, sheared, zoomed, bent, coloured.

An image is an array of three axes, of which one is its channels: by default the first, as in the
ordering 'th'. Results are floating point and of the image's shape. Draws come from `rng`, by
default from NumPy's global generator. In the meanings of Keras 1.2 turns, moves, shears and zooms
take the nearest pixel of an affine map (`affine`). Pixels that a change brings in from outside are
filled as `fill_mode` says: 'nearest' (the nearest edge), 'constant' (`cval`), 'reflect' or 'wrap'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from graphc.errors import ArgumentError
from graphc.lookup import finite_number
from graphc.preprocessing.image import affine
from graphc.preprocessing.image.checks import checked_image
from graphc.preprocessing.image.extra import ndimage
from graphc.releases import arguments_of_1_2, meanings, renamed

_IN_1_2 = ("row_axis", "col_axis", "channel_axis", "fill_mode", "cval")


@arguments_of_1_2("x", "rg", *_IN_1_2)
def random_rotation(
    x: np.ndarray,
    rg: float,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    axes: tuple[int, int] = (1, 2),
    *,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Turned about its centre by up to `rg` degrees either way, by cubic splines.

    Args:
        x: one image, three axes.
        rg: the largest angle.
        fill_mode, cval, rng: see above.
        axes: those of rows and columns, or one by one:
        row_axis, col_axis, channel_axis: the axes of rows, columns and channels.

    Raises:
        DataError: `x` is not one image.
        ArgumentError: a range below 0, or an unknown fill_mode.
        MissingPackageError: SciPy, of the extra 'image', is not installed.
    """
    image = checked_image("random_rotation", x, fill_mode)
    largest = _range("random_rotation", "rg", rg)
    axes = (row_axis, col_axis) if tuple(axes) == (1, 2) else axes
    if meanings() != "1.0":
        turn = affine.rotation(np.pi / 180 * _draw(rng).uniform(-largest, largest))
        return _centred("random_rotation", image, turn, *axes, channel_axis, fill_mode, cval)
    return rotated(image, largest, fill_mode, cval, axes, rng)


def rotated(
    image: np.ndarray,
    largest: float,
    fill_mode: str,
    cval: float,
    axes: tuple[int, int],
    rng: np.random.RandomState | None,
) -> np.ndarray:
    """`random_rotation` of Keras 1.0."""
    angle = _draw(rng).uniform(-1, 1) * largest
    result: np.ndarray = ndimage("random_rotation").rotate(
        image, angle, axes=axes, reshape=False, order=3, mode=fill_mode, cval=cval
    )
    return result


@renamed(row_axis="row_index", col_axis="col_index")
@arguments_of_1_2(
    *("x", "wrg", "hrg", "row_index", "col_index", "channel_axis", "fill_mode", "cval")
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
    channel_axis: int = 0,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Moved by up to `wrg` of its width and `hrg` of its height either way, by whole pixels.

    Args:
        x: one image, three axes.
        wrg, hrg: the largest shares.
        fill_mode, cval, rng: see above.
        row_index, col_index: the axes of rows and columns; row_axis and col_axis in 1.2.
        channel_axis: that of the channels.

    Raises as `random_rotation`.
    """
    image = checked_image("random_shift", x, fill_mode)
    shares = {
        row_index: _range("random_shift", "hrg", hrg),
        col_index: _range("random_shift", "wrg", wrg),
    }
    if meanings() == "1.0":
        return shifted_by_shares(image, shares, fill_mode, cval, rng)
    pixels = [
        _draw(rng).uniform(-share, share) * image.shape[axis] for axis, share in shares.items()
    ]
    move = affine.translation(*pixels)
    return affine.transformed("random_shift", image, move, channel_axis, fill_mode, cval)


def shifted_by_shares(
    image: np.ndarray,
    shares: Mapping[int, float],
    fill_mode: str,
    cval: float,
    rng: np.random.RandomState | None,
) -> np.ndarray:
    """`random_shift` of Keras 1.0, by up to a share of each axis."""
    offset = np.zeros(3)
    for axis, share in shares.items():
        offset[axis] = np.rint(_draw(rng).uniform(-1, 1) * share * image.shape[axis])
    shift = ndimage("random_shift").shift
    result: np.ndarray = shift(image, offset, order=0, mode=fill_mode, cval=cval)
    return result


def flip_axis(x: np.ndarray, axis: int) -> np.ndarray:
    """Reversed along an axis; of `x`'s type."""
    return np.flip(np.asarray(x), axis)


def horizontal_flip(x: np.ndarray) -> np.ndarray:
    """Reverse the columns of an image (channels, rows, columns) in the array itself, as Keras 0.3
    did, and return it."""
    x[:] = x[:, :, ::-1].copy()
    return x


def vertical_flip(x: np.ndarray) -> np.ndarray:
    """Reverse the rows of an image (channels, rows, columns) in the array itself, as Keras 0.3 did,
    and return it."""
    x[:] = x[:, ::-1].copy()
    return x


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
    image = checked_image("random_barrel_transform", x)
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


@arguments_of_1_2("x", "intensity", *_IN_1_2)
def random_shear(
    x: np.ndarray,
    intensity: float,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    *,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Sheared about its centre by up to `intensity` radians either way, by cubic splines.

    The pixel at (row, column) from the centre shows what was at (row - sin(a) column, cos(a)
    column).

    Args:
        x: one image, three axes.
        intensity: the largest angle.
        fill_mode, cval, rng: see above.
        row_axis, col_axis, channel_axis: the axes of rows, columns and channels.

    Raises as `random_rotation`.
    """
    image = checked_image("random_shear", x, fill_mode)
    largest = _range("random_shear", "intensity", intensity)
    if meanings() == "1.0":
        return sheared(image, largest, fill_mode, cval, (row_axis, col_axis), rng)
    matrix = affine.shear(_draw(rng).uniform(-largest, largest))
    where = row_axis, col_axis, channel_axis
    return _centred("random_shear", image, matrix, *where, fill_mode, cval)


def sheared(
    image: np.ndarray,
    largest: float,
    fill_mode: str,
    cval: float,
    axes: tuple[int, int],
    rng: np.random.RandomState | None,
) -> np.ndarray:
    """`random_shear` of Keras 1.0."""
    angle = _draw(rng).uniform(-1, 1) * largest
    matrix = np.array([[1, -np.sin(angle)], [0, np.cos(angle)]])
    return _affine("random_shear", image, matrix, axes, fill_mode, cval)


@renamed(intensity="rg")
@arguments_of_1_2("x", "rg", "channel_axis")
def random_channel_shift(
    x: np.ndarray,
    rg: float,
    *,
    channel_axis: int = 0,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Each channel made brighter or darker by up to `rg`, within the range of values of `x`.

    Raises as `random_rotation`, but needs no SciPy.
    """
    image = checked_image("random_channel_shift", x)
    largest = _range("random_channel_shift", "rg", rg)
    sizes = [1, 1, 1]
    sizes[channel_axis] = image.shape[channel_axis]
    shift = (_draw(rng).uniform(-1, 1, sizes) * largest).astype(image.dtype)
    shifted: np.ndarray = image + shift
    return shifted.clip(image.min(), image.max())


@renamed(zoom_range="rg")
@arguments_of_1_2("x", "rg", *_IN_1_2)
def random_zoom(
    x: np.ndarray,
    rg: float | tuple[float, float],
    fill_mode: str = "nearest",
    cval: float = 0.0,
    *,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """Shrunk about its centre to 1 - rg ... 1 of its height, and of its width, by cubic splines; in
    the meanings of Keras 1.2 coordinates times two factors from `rg`, so that those below 1
    enlarge.

    The result has the shape of `x`; what is free around the smaller image is filled.

    Args:
        x: one image, three axes.
        rg: from 0 up to, but not including, 1; in Keras 1.2, where it is called zoom_range, the
            least and the largest factor.
        fill_mode, cval, rng: see above.
        row_axis, col_axis, channel_axis: the axes of rows, columns and channels.

    Raises as `random_rotation`.
    """
    image = checked_image("random_zoom", x, fill_mode)
    if meanings() != "1.0":
        bounds = affine.zoom_bounds("random_zoom", "zoom_range", rg)
        factors = (1.0, 1.0) if bounds == (1.0, 1.0) else _draw(rng).uniform(*bounds, 2)
        matrix = affine.zoom(*factors)
        where = row_axis, col_axis, channel_axis
        return _centred("random_zoom", image, matrix, *where, fill_mode, cval)
    largest = _range("random_zoom", "rg", rg)
    if largest >= 1:
        raise ArgumentError(f"random_zoom: rg: expected less than 1, received {rg}")
    scales = _draw(rng).uniform(1 - largest, 1, 2)
    return _affine("random_zoom", image, np.diag(1 / scales), (row_axis, col_axis), fill_mode, cval)


def _centred(
    what: str,
    image: np.ndarray,
    matrix: np.ndarray,
    row_axis: int,
    col_axis: int,
    channel_axis: int,
    fill_mode: str,
    cval: float,
) -> np.ndarray:
    """The image transformed by a map about its centre."""
    sizes = image.shape[row_axis], image.shape[col_axis]
    about_centre = affine.transform_matrix_offset_center(matrix, *sizes)
    return affine.transformed(what, image, about_centre, channel_axis, fill_mode, cval)


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


def _range(what: str, name: str, value: object) -> float:
    return finite_number(what, name, value, least=0.0)


class _Draws(Protocol):
    """A generator of random numbers, of which NumPy's own module is one."""

    @property
    def uniform(self) -> Callable[..., Any]: ...


def _draw(rng: np.random.RandomState | None) -> _Draws:
    return np.random if rng is None else rng
