"""MNIST: 70,000 grey images of 28 by 28 pixels of handwritten digits.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits". The files are
not part of graphc.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graphc.datasets.files import located, missing, read_idx, read_npz
from graphc.errors import DataError, MissingFileError
from graphc.public.calls import public
from graphc.utils.data_utils import get_file

_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
_SIZE_LIMIT = 32 << 20

_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_IDX_FILES = (
    ("train-images", 3),
    ("train-labels", 1),
    ("t10k-images", 3),
    ("t10k-labels", 1),
)

Part = tuple[np.ndarray, np.ndarray]


def load_data(path: str = "mnist.pkl.gz", *, download: bool = False) -> tuple[Part, Part]:
    """``(X_train, y_train), (X_test, y_test)``: 60,000 and 10,000 images and their digits.

    Images are uint8 of shape (n, 28, 28), from 0 (background) to 255; digits uint8 of shape (n,).

    They are read from mnist.npz in the folder of data sets ($GRAPHC_DATASETS, by default
    ~/.graphc/datasets), or from the four files of the original, such as
    train-images-idx3-ubyte.gz, there or in the folder mnist there.

    Args:
        path: another .npz file with the arrays x_train, y_train, x_test, y_test. Keras' file was a
            pickle; its name stands for the .npz file, and a pickle is never read.
        download: fetch mnist.npz (11 MB) if no file is there.

    Raises:
        MissingFileError: no file is there.
        DataError: a file is damaged, or holds something else.
        DownloadError: it could not be fetched.
    """
    file = located(path)
    if not file.exists():
        folders = (file.parent, file.parent / "mnist")
        found = {folder: _idx_files(folder) for folder in folders}
        for folder, files in found.items():
            if all(files):
                return _checked(folder, [read_idx(one) for one in files if one])
        if not download:
            raise _not_there(file, found, path)
        get_file(file.name, _ORIGIN, sha256=_SHA256, size_limit=_SIZE_LIMIT, cache_dir=file.parent)
    return _checked(file, read_npz(file, _ARRAYS))


def _idx_files(folder: Path) -> list[Path | None]:
    """The four files of the original, None for one that is not there."""
    files = []
    for name, axes in _IDX_FILES:
        spellings = [
            folder / f"{name}{mark}idx{axes}-ubyte{ending}"
            for mark in "-."
            for ending in ("", ".gz")
        ]
        files.append(next((one for one in spellings if one.exists()), None))
    return files


def _not_there(file: Path, found: dict[Path, list[Path | None]], path: str) -> MissingFileError:
    partly = ""
    for folder, files in found.items():
        if any(files):
            lacking = [
                f"{name}-idx{axes}-ubyte.gz"
                for (name, axes), one in zip(_IDX_FILES, files, strict=True)
                if one is None
            ]
            partly = f" In {folder} lie original files, but not {', '.join(lacking)}."
    return missing(
        "mnist",
        f"file {file}",
        f"Call load_data(download=True), or fetch it from {_ORIGIN}, or put the four original "
        f"files (train-images-idx3-ubyte.gz ...) into {file.parent}.{partly}",
        [file.parent / path],
    )


def _checked(where: Path, arrays: list[np.ndarray]) -> tuple[Part, Part]:
    x_train, y_train, x_test, y_test = arrays
    for images, labels in ((x_train, y_train), (x_test, y_test)):
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise DataError(
                f"{where}: expected images (n, rows, columns) and labels (n,), received the shapes "
                f"{images.shape} and {labels.shape}"
            )
    return (x_train, y_train), (x_test, y_test)


public(__name__)
