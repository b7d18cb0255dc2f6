"""Pictures in files and arrays of pixels."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from graphc.backend.settings import check_dim_ordering
from graphc.errors import ArgumentError, DataError, MissingFileError
from graphc.lookup import is_whole, quotient
from graphc.paths import GivenPath, checked_path, shown_path
from graphc.preprocessing.image.extra import pillow
from graphc.releases import arguments_of_1_2

if TYPE_CHECKING:
    from PIL.Image import Image

_GREY, _COLOURED = 1, 3


@arguments_of_1_2("x", "dim_ordering", "scale")
def array_to_img(x: np.ndarray, scale: bool = True, *, dim_ordering: str = "default") -> Image:
    """An array of pixels as a picture of Pillow.

    Args:
        x: (channels, rows, columns) in the ordering 'th', (rows, columns, channels) in 'tf'; one
            channel (grey) or three (red, green, blue).
        scale: bring the values to 0 ... 255: if the smallest is below 0, it becomes 0; the largest
            becomes 255. Else values are rounded, and cut off at 0 and 255.
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.

    Raises:
        DataError: another shape, or values that are not finite.
        MissingPackageError: Pillow, of the extra 'image', is not installed.
    """
    image = pillow("array_to_img")
    pixels = np.array(x, dtype=np.float64)
    dim_ordering = check_dim_ordering(dim_ordering, "array_to_img")
    if pixels.ndim == 3 and dim_ordering == "th":
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim != 3 or pixels.shape[2] not in (_GREY, _COLOURED) or not pixels.size:
        raise DataError(
            f"array_to_img: expected an image of 1 or 3 channels in the ordering {dim_ordering!r}, "
            f"received the shape {np.shape(x)}"
        )
    if not np.all(np.isfinite(pixels)):
        raise DataError("array_to_img: expected finite values, received NaN or infinity")
    if scale:
        pixels += max(-pixels.min(), 0)
        pixels *= 255 / (pixels.max() or 1)
    whole = np.rint(np.clip(pixels, 0, 255)).astype(np.uint8)
    picture: Image = image.fromarray(whole[:, :, 0] if whole.shape[2] == _GREY else whole)
    return picture


def img_to_array(img: Image, dim_ordering: str = "default") -> np.ndarray:
    """A picture as float32 pixels from 0 to 255.

    Returns:
        (channels, rows, columns) in the ordering 'th', (rows, columns, channels) in 'tf'; one
        channel for a grey picture.

    Raises DataError for what is no picture.
    """
    dim_ordering = check_dim_ordering(dim_ordering, "img_to_array")
    try:
        pixels: np.ndarray = np.asarray(img, dtype=np.float32)
    except (TypeError, ValueError):
        pixels = np.zeros(())
    if pixels.ndim not in (2, 3):
        raise DataError(
            f"img_to_array: expected a picture as load_img gives it, received {img!r:.80}"
        )
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    return pixels.transpose(2, 0, 1) if dim_ordering == "th" else pixels


def load_img(
    path: GivenPath, grayscale: bool = False, target_size: Sequence[int] | None = None
) -> Image:
    """The picture in a file, as grey or as red, green and blue, whatever the file has.

    Args:
        path: the file.
        grayscale: as grey.
        target_size: (rows, columns) that it is brought to, each by its nearest pixel.

    Raises:
        ArgumentError: `path` is none, or a target_size that is not two sizes.
        MissingFileError: no such file.
        DataError: a file that is no picture, or is cut.
        MissingPackageError: Pillow, of the extra 'image', is not installed.
    """
    image = pillow("load_img")
    path = checked_path("load_img: path", path)
    size = None if target_size is None else picture_size("load_img", target_size)
    try:
        with open(path, "rb") as file, image.open(file) as picture:
            found: Image = picture.convert("L" if grayscale else "RGB")
            return found if size is None else found.resize(size[::-1], image.NEAREST)
    except FileNotFoundError:
        raise MissingFileError(f"load_img: there is no file {shown_path(path)}") from None
    except (OSError, SyntaxError) as error:  # SyntaxError: Pillow's for a broken PNG
        raise DataError(f"load_img: {shown_path(path)} is not a whole picture ({error})") from error


def picture_size(where: str, target_size: object) -> tuple[int, int]:
    """The (rows, columns) of pictures. ArgumentError for anything else."""
    given = list(map(quotient, target_size)) if isinstance(target_size, tuple | list) else []
    sizes = [int(size) for size in given if is_whole(size, 1)]
    if len(given) != 2 or len(sizes) != 2:
        raise ArgumentError(
            f"{where}: target_size: expected (rows, columns), received {target_size!r}"
        )
    return sizes[0], sizes[1]


def list_pictures(directory: GivenPath, ext: str = "jpg|jpeg|bmp|png") -> list[str]:
    """The paths of the pictures in a folder, sorted.

    Args:
        directory: the folder; folders in it are not searched.
        ext: the endings, parted by '|'; capitals count as small letters.

    Raises MissingFileError where there is no such folder.
    """
    directory = checked_path("list_pictures: directory", directory)
    if not os.path.isdir(directory):
        raise MissingFileError(f"list_pictures: there is no folder {shown_path(directory)}")
    name = re.compile(rf".+\.(?:{ext})", re.IGNORECASE)
    return sorted(
        entry.path
        for entry in os.scandir(directory)
        if entry.is_file() and name.fullmatch(entry.name)
    )
