"""CIFAR-100: 60,000 coloured images of 32 by 32 pixels in 100 classes of 20 groups.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. The files are
not part of graphc.
"""

from __future__ import annotations

import numpy as np

from graphc.datasets.cifar import load_parts
from graphc.errors import ArgumentError
from graphc.public.calls import public

_MODES = ("fine", "coarse")


def load_data(
    label_mode: str = "fine", *, download: bool = False
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """``(X_train, y_train), (X_test, y_test)``: 50,000 and 10,000 images and their classes.

    Images are uint8 of shape (n, 3, 32, 32), or (n, 32, 32, 3) where
    `K.image_dim_ordering()` is 'tf', classes uint8 of shape (n, 1). They are read from the
    folder cifar-100-binary in the folder of data sets ($GRAPHC_DATASETS, by default
    ~/.graphc/datasets).

    Args:
        label_mode: 'fine' for the class, from 0 to 99; 'coarse' for the group, from 0 to 19.
        download: fetch the binary version (161 MB) from its authors if the folder is not there.

    Raises:
        ArgumentError: another label_mode.
        MissingFileError: a file is not there.
        DataError: a file is damaged.
        DownloadError: it could not be fetched.
    """
    if label_mode not in _MODES:
        raise ArgumentError(f"cifar100: label_mode is 'fine' or 'coarse', received {label_mode!r}")
    training, test = load_parts(
        "cifar100",
        "cifar-100-binary",
        ["train.bin", "test.bin"],
        f"{label_mode}_labels",
        origin="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        md5="03b5dce01913d631647c71ecec9e9cb8",
        python_version="cifar-100-python",
        download=download,
    )
    return training, test


public(__name__)
