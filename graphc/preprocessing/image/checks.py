"""Checks of an image generator's arguments."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from graphc.errors import ArgumentError, DataError, MissingFileError
from graphc.lookup import finite_number
from graphc.paths import GivenPath, checked_path, shown_path
from graphc.preprocessing.image.extra import pillow

_log = logging.getLogger("graphc")

FILL_MODES = ("nearest", "constant", "reflect", "wrap")

_CHANNELS = (1, 3, 4)
"""The channels of pictures: grey, colours, colours with transparency."""


def check_images(method: str, X: np.ndarray, dim_ordering: str) -> None:
    """DataError for what is not numbers of the shape (n, ., ., .); a line in the log where the axis
    of the channels looks like another one."""
    if len(X.shape) != 4 or not all(X.shape) or np.dtype(X.dtype).kind not in "biuf":
        raise DataError(
            f"ImageDataGenerator.{method}: expected images of the shape (n, channels, rows, "
            f"columns), or (n, rows, columns, channels) with dim_ordering='tf', received the shape "
            f"{tuple(X.shape)} and the type {X.dtype}; a grey image has one channel"
        )
    channels, other = (1, 3) if dim_ordering == "th" else (3, 1)
    if X.shape[other] in _CHANNELS and X.shape[channels] not in _CHANNELS:
        received, fitting = X.shape[channels], "tf" if dim_ordering == "th" else "th"
        _log.warning(
            "ImageDataGenerator.%s: dim_ordering=%r expects the channels on axis %d, and images of "
            "the shape %s have %d there, and %d on axis %d; if these are the channels, give "
            "dim_ordering=%r, or move the axis with np.moveaxis(X, %d, %d)",
            method,
            dim_ordering,
            channels,
            tuple(X.shape),
            received,
            X.shape[other],
            other,
            fitting,
            other,
            channels,
        )


def check_saving(folder: GivenPath, ending: str) -> str:
    """The folder as text. Raises where pictures of this ending cannot be written into it."""
    endings = pillow("ImageDataGenerator.flow(save_to_dir=...)").registered_extensions()
    if f".{ending}".lower() not in endings:
        raise ArgumentError(
            f"ImageDataGenerator.flow: save_format is the ending of a picture's file, such as "
            f"'jpeg' or 'png', received {ending!r}"
        )
    path = checked_path("ImageDataGenerator.flow: save_to_dir", folder)
    if not Path(path).is_dir():
        raise MissingFileError(
            f"ImageDataGenerator.flow: save_to_dir: there is no folder {shown_path(path)}; make "
            "it first"
        )
    return path


def checked_range(name: str, value: float) -> float:
    """The value as a float. ArgumentError for what is no number of at least 0."""
    return finite_number("ImageDataGenerator", name, value, least=0.0)


def checked_image(what: str, x: np.ndarray, fill_mode: str = "nearest") -> np.ndarray:
    """One image of three axes, as floats. DataError for anything else, ArgumentError for an unknown
    fill_mode."""
    if fill_mode not in FILL_MODES:
        hint = (
            "; an axis is given by name, row_axis=1, or by position under keras=1.2"
            if isinstance(fill_mode, int)
            else ""
        )
        raise ArgumentError(
            f"{what}: fill_mode is one of {FILL_MODES}, received {fill_mode!r}{hint}"
        )
    image = np.asarray(x)
    if image.ndim != 3 or not image.size or image.dtype.kind not in "biuf":
        raise DataError(
            f"{what}: expected one image of three axes, received the shape {image.shape} and the "
            f"type {image.dtype}"
        )
    # Splines overshoot, which would wrap around in whole numbers.
    return image if image.dtype in (np.float32, np.float64) else image.astype(np.float32)
