"""CIFAR-10: 60,000 coloured images of 32 by 32 pixels in ten classes.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. The files are
not part of graphc.
"""

from __future__ import annotations

import numpy as np

from graphc.datasets.cifar import load_parts
from graphc.public.calls import public

_TRAINING = tuple(f"data_batch_{number}.bin" for number in range(1, 6))


def load_data(
    *, download: bool = False
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """``(X_train, y_train), (X_test, y_test)``: 50,000 and 10,000 images and their classes.

    Images are uint8 of shape (n, 3, 32, 32), or (n, 32, 32, 3) where
    `K.image_dim_ordering()` is 'tf', classes uint8 of shape (n, 1), from 0 to 9. They are
    read from the folder cifar-10-batches-bin (the binary version) in the folder of data sets
    ($GRAPHC_DATASETS, by default ~/.graphc/datasets).

    Args:
        download: fetch that version (162 MB) from its authors if the folder is not there.

    Raises:
        MissingFileError: a file is not there.
        DataError: a file is damaged.
        DownloadError: it could not be fetched.
    """
    *training, test = load_parts(
        "cifar10",
        "cifar-10-batches-bin",
        [*_TRAINING, "test_batch.bin"],
        "labels",
        origin="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        md5="c32a1d4ab5d03f1284b67883e8d87530",
        python_version="cifar-10-batches-py",
        download=download,
    )
    images, labels = zip(*training, strict=True)
    return (np.concatenate(images), np.concatenate(labels)), test


public(__name__)
