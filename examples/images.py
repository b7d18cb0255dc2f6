"""Images of handwritten digits for the examples, and pictures that are made of many images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

import common
from graphc.datasets import digits, mnist
from graphc.datasets.files import read_idx

FOLDER = "a folder with MNIST's test set: t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz"
MNIST_TRAINING = 8000  # of the 10,000 images of its test set; the others are held out


class Digits(NamedTuple):
    """Images (n, side * side) from 0 (background) to 1, and the digits (n,) that they show.

    `name` says where they come from."""

    name: str
    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def side(self) -> int:
        """An image's rows, and its columns."""
        return round(self.x.shape[1] ** 0.5)


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options of every example, and --download."""
    return common.parser(
        description,
        data=FOLDER,
        without="the shipped digits",
        download="fetch all of MNIST (11 MB), once, and use it",
    )


def load(args: argparse.Namespace) -> Digits:
    """The images that the options ask for; their name is the first line of output."""
    with common.reading(args):
        if args.download:
            (x, y), (x_test, y_test) = mnist.load_data(download=True)
            found = Digits("all of MNIST", rows(x), y, rows(x_test), y_test)
        elif args.data:
            found = test_set(args.data)
        else:
            (x, y), (x_test, y_test) = digits.load_data()
            found = Digits("shipped digits", x, y, x_test, y_test)
    common.say_data(f"{found.name}: {len(found.x)} images to train, {len(found.x_test)} to test")
    return found


def test_set(folder: Path) -> Digits:
    """MNIST's test set, the first images to train and the others to test.

    Raises ValueError for a folder that has something else."""
    images, labels = (read_idx(the_file(folder, kind)) for kind in ("images", "labels"))
    if images.shape != (10_000, 28, 28) or labels.shape != (10_000,):
        raise ValueError(
            f"{folder} has images {images.shape} and labels {labels.shape}, but the test set of "
            "MNIST is 10,000 images of 28 by 28 pixels and as many labels"
        )
    x, y, split = rows(images), labels, MNIST_TRAINING
    return Digits(f"MNIST's test set, {folder}", x[:split], y[:split], x[split:], y[split:])


def the_file(folder: Path, kind: str) -> Path:
    """The file of MNIST's test images or labels in a folder, compressed or not."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, no folder")
    files = sorted(folder.glob(f"t10k-{kind}*"))
    if not files:
        raise ValueError(f"there is no t10k-{kind}* in {folder}")
    return files[0]


def rows(images: np.ndarray) -> np.ndarray:
    """Bytes (n, side, side) as numbers (n, side * side) from 0 to 1."""
    return images.reshape(len(images), -1).astype("float32") / 255


def plot_grid(plot: Axes, images: np.ndarray, columns: int, title: str) -> None:
    """Images (n, side * side) beside and below each other, in rows of `columns`; the last row
    may be shorter."""
    side = round(images.shape[1] ** 0.5)
    grid = np.zeros((-(-len(images) // columns), columns, side + 1, side + 1))
    for place, image in enumerate(images):
        grid[divmod(place, columns)][:side, :side] = image.reshape(side, side)
    rows_of_pixels = grid.transpose(0, 2, 1, 3).reshape(-1, columns * (side + 1))
    plot.imshow(rows_of_pixels, cmap="gray_r", vmin=0, vmax=1)
    plot.set_title(title)
    plot.set_axis_off()
