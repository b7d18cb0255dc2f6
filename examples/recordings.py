"""Recordings of BasicMotions, read: from the files of the archive or from one of NumPy.

BasicMotions is a part of the UEA archive of multivariate time series (A. Bagnall and others, 2018):
80 recordings of a watch that was worn in four activities, 100 steps at 10 Hz, half of them to test.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graphc.datasets.files import read_npz
from graphc.utils.data_utils import datasets_folder, get_file

AXES = ("acceleration x", "acceleration y", "acceleration z", "turning x", "turning y", "turning z")
CLASSES = ("badminton", "running", "standing", "walking")
STEPS = 100

FORM = """\
BasicMotions of the UEA archive: the folder with BasicMotions_TRAIN.ts and BasicMotions_TEST.ts; or
an .npz file with X_train, X_test (n, 100, 6) and y_train, y_test (n,), classes from 0 to 3"""

# The archive itself has moved more than once; this is the copy in a library's repository, of one
# commit of it.
_ORIGIN = (
    "https://raw.githubusercontent.com/sktime/sktime/7163da1833ff17c827515aa1182b641320169b2a/"
    "sktime/datasets/data/BasicMotions/"
)
_SHA256 = {
    "BasicMotions_TRAIN.ts": "3dcb66b389ba93ed2de7879bceb27548e0ea7a5ffb59888d0db36b59af2a0e28",
    "BasicMotions_TEST.ts": "ea93ab9f58faa6869c18bbe16a6dca0b02f174aa676af7568788a1a2a8e7e8da",
}

Part = tuple[np.ndarray, np.ndarray]


def download() -> Path:
    """The folder of the archive's files, which are fetched if they are not there yet."""
    folder = datasets_folder() / "BasicMotions"
    for name, sha256 in _SHA256.items():
        get_file(name, _ORIGIN + name, sha256=sha256, size_limit=1 << 20, cache_dir=folder)
    return folder


def read(path: Path) -> tuple[Part, Part]:
    """Recordings (n, 100, 6) and their classes (n,), to train and to test.

    Raises ValueError, which names the file, for one that is not as `FORM` says.
    """
    if path.is_dir():
        parts = tuple(_of_archive(path / name) for name in _SHA256)
    else:
        x, x_test, y, y_test = read_npz(path, ("X_train", "X_test", "y_train", "y_test"))
        parts = (x, y), (x_test, y_test)
    for x, y in parts:
        if not len(x) or x.shape != (len(y), STEPS, len(AXES)):
            raise ValueError(f"{path} has recordings {x.shape} and classes {y.shape}")
        if not np.isin(y, range(len(CLASSES))).all():
            raise ValueError(f"{path} has the classes {np.unique(y)}")
    return parts


def _of_archive(path: Path) -> Part:
    """A .ts file: behind @data a line is a recording, its axes and at last its class apart by
    colons, the steps of an axis by commas."""
    _, data, lines = path.read_text(encoding="utf-8").partition("@data\n")
    if not data:
        raise ValueError(f"{path} has no line @data")
    recordings, classes = [], []
    for line in lines.splitlines():
        *axes, name = line.split(":")
        if name.lower() not in CLASSES:
            raise ValueError(f"{path} has the class {name!r}, not one of {', '.join(CLASSES)}")
        classes.append(CLASSES.index(name.lower()))
        recordings.append([[float(step) for step in axis.split(",")] for axis in axes])
    shapes = {(len(axes), len(axis)) for axes in recordings for axis in axes}
    if shapes != {(len(AXES), STEPS)}:
        raise ValueError(f"{path} has recordings of other (axes, steps): {sorted(shapes)[:3]}")
    return np.array(recordings, "float32").transpose(0, 2, 1), np.array(classes)
