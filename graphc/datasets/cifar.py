"""The binary files of CIFAR-10 and CIFAR-100: coloured images of 32 by 32 pixels.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. The files are
not part of graphc.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from graphc.backend.settings import check_dim_ordering
from graphc.datasets.files import missing
from graphc.errors import DataError, unknown_name
from graphc.public.calls import public
from graphc.utils.data_utils import datasets_folder, get_file

_PIXELS = 3 * 32 * 32
_SIZE_LIMIT = 512 << 20

# Which label -> (the label bytes before an image, the place of this label, how many classes).
_LABELS = {"labels": (1, 0, 10), "coarse_labels": (2, 0, 20), "fine_labels": (2, 1, 100)}


def load_batch(
    fpath: str | os.PathLike[str], label_key: str = "labels"
) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of one file of the binary version.

    Args:
        fpath: the file, e.g. data_batch_1.bin.
        label_key: 'labels' for CIFAR-10; 'fine_labels' or 'coarse_labels' for CIFAR-100.

    Returns:
        (n, 3, 32, 32) uint8, red, green and blue; (n,) uint8.

    Raises:
        UnknownNameError: another label_key.
        DataError: not such a file; the Python version's are pickles, which are not read.
    """
    if label_key not in _LABELS:
        raise unknown_name("label_key", label_key, _LABELS)
    label_bytes, place, classes = _LABELS[label_key]
    content = np.fromfile(fpath, np.uint8)
    record = label_bytes + _PIXELS
    labels = content[: content.size // record * record].reshape(-1, record)[:, :label_bytes]
    if not content.size or content.size % record or labels[:, place].max() >= classes:
        raise DataError(
            f"{os.fspath(fpath)} is not a file of CIFAR's binary version with {label_key!r}: "
            f"expected records of {record} bytes with classes below {classes}, received "
            f"{content.size} bytes. (Files of the Python version are pickles, which may run any "
            "code when they are read, so they are not.)"
        )
    images = content.reshape(-1, record)[:, label_bytes:].reshape(-1, 3, 32, 32)
    return images.copy(), labels[:, place].copy()


def load_parts(
    what: str,
    folder_name: str,
    files: Sequence[str],
    label_key: str,
    origin: str,
    md5: str,
    python_version: str,
    download: bool,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """`load_batch` of files of an archive of CIFAR; labels come as (n, 1), images in the ordering
    `K.image_dim_ordering()`.

    Args:
        what: the name of the data set.
        folder_name: the archive's folder, which lies in the folder of data sets.
        files: the names of files in it.
        label_key: see `load_batch`.
        origin, md5: of the archive.
        python_version: the folder of the version that is not read.
        download: fetch the archive if the folder is not there.

    Raises:
        MissingFileError: a file is not there.
        DownloadError: the archive could not be fetched.
    """
    folder = datasets_folder() / folder_name
    if download and not folder.exists():
        get_file(folder_name, origin, untar=True, md5_hash=md5, size_limit=_SIZE_LIMIT)
    parts = []
    for name in files:
        path = folder / name
        if not path.exists():
            raise missing(
                what,
                f"file {path}",
                f"Call load_data(download=True), or unpack {origin} in {folder.parent}.",
                [Path(folder.parent, python_version)],
            )
        images, labels = load_batch(path, label_key)
        if check_dim_ordering("default", what) == "tf":
            images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        parts.append((images, labels[:, None]))
    return parts


public(__name__)
