"""Write graphc/datasets/digits.npz from the copy of the data set in a scikit-learn wheel.

    python tests/references/make_digits.py [WHEEL]

Without a WHEEL, the release named below is downloaded with pip. Needs NumPy only. See
graphc/datasets/digits.py for the source of the data and its licence.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

SCIKIT_LEARN = "scikit-learn==1.9.1"
MEMBER = "sklearn/datasets/data/digits.csv.gz"
TARGET = Path(__file__).parents[2] / "graphc" / "datasets" / "digits.npz"


def read_wheel(wheel: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (1797, 8, 8) and labels (1797,), both uint8, in the order of the file."""
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read(MEMBER)).decode("ascii")
    rows = np.array([[float(cell) for cell in line.split(",")] for line in text.splitlines()])
    stored = rows.astype(np.uint8)
    if rows.shape != (1797, 65) or not np.array_equal(stored, rows):
        raise ValueError(f"{MEMBER}: expected 1797 rows of 65 whole numbers, got {rows.shape}")
    return stored[:, :64].reshape(-1, 8, 8), stored[:, 64]


def download(folder: Path) -> Path:
    """The scikit-learn wheel, downloaded into `folder`."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "--dest", str(folder), SCIKIT_LEARN], check=True)
    (wheel,) = folder.glob("scikit_learn-*.whl")
    return wheel


def main(arguments: list[str]) -> None:
    """Write the file from the wheel named in `arguments`, or from a downloaded one."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(arguments[0]) if arguments else download(Path(folder))
        images, labels = read_wheel(wheel)
    np.savez_compressed(TARGET, images=images, labels=labels)
    print(f"{TARGET.name}: {len(images)} images, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
