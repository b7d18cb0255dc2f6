"""What an image generator's arguments have to be."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from graphc.errors import ArgumentError, DataError, MissingFileError
from graphc.lookup import finite_number
from graphc.preprocessing.image.extra import pillow


def check_images(method: str, X: np.ndarray) -> None:
    """DataError for what is not numbers of the shape (n, ., ., .)."""
    if len(X.shape) != 4 or not all(X.shape) or np.dtype(X.dtype).kind not in "biuf":
        raise DataError(
            f"ImageDataGenerator.{method}: expected images of the shape (n, channels, rows, "
            f"columns), or (n, rows, columns, channels) with dim_ordering='tf', received the shape "
            f"{tuple(X.shape)} and the type {X.dtype}; a grey image has one channel"
        )


def check_saving(folder: str | os.PathLike, ending: str) -> None:
    """Raise where pictures of this ending cannot be written into the folder."""
    endings = pillow("ImageDataGenerator.flow(save_to_dir=...)").registered_extensions()
    if f".{ending}".lower() not in endings:
        raise ArgumentError(
            f"ImageDataGenerator.flow: save_format is the ending of a picture's file, such as "
            f"'jpeg' or 'png', received {ending!r}"
        )
    if not Path(folder).is_dir():
        raise MissingFileError(
            f"ImageDataGenerator.flow: save_to_dir: there is no folder {os.fspath(folder)}; make "
            "it first"
        )


def checked_range(name: str, value: float) -> float:
    """The value as a float. ArgumentError for what is no number of at least 0."""
    return finite_number("ImageDataGenerator", name, value, least=0.0)
