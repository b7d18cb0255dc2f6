"""Endless batches of images, from arrays and from folders of pictures, as Keras makes them from
1.0.4 on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator as IteratorOf
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from graphc.backend.settings import check_dim_ordering, floatx
from graphc.errors import ArgumentError, DataError, MissingFileError
from graphc.later.attributes import OF_FOLDERS
from graphc.lookup import whole_number
from graphc.paths import GivenPath, checked_path, shown_path
from graphc.preprocessing.image.checks import check_images, check_saving
from graphc.preprocessing.image.pictures import array_to_img, img_to_array, load_img, picture_size
from graphc.public.attributes import explain_missing
from graphc.releases import since

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")

_COLOUR_MODES = ("rgb", "grayscale")
_CLASS_MODES = ("categorical", "binary", "sparse", None)

Rows = tuple[np.ndarray, int, int]


class ImageChanges(Protocol):
    """The changes that iterators make to each image: an `ImageDataGenerator`."""

    dim_ordering: str

    def changed(self, x: np.ndarray, rng: Any) -> np.ndarray:
        """Return an image, changed at random by draws from `rng`."""

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Return a changed image, standardised."""


class Iterator:
    """Numbers of samples in batches, epoch after epoch; subclasses make batches of them in `next`.

    Args:
        n: how many samples there are.
        batch_size: of all batches but the last of an epoch, which is shorter where it does not
            divide n.
        shuffle: bring the samples in another order in each epoch.
        seed: with it batch k draws from a generator of the seed + k: two iterators of one seed make
            the same changes, such as to images and their masks. Without, NumPy's global one draws.

    Attributes:
        batch_index: the next batch's place in the epoch.
        total_batches_seen: how many there were.
        index_generator: gives (numbers, place of the first in the epoch, how many).
    """

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None):
        self.n = whole_number("Iterator: n", n, 1)
        self.batch_size = whole_number("Iterator: batch_size", batch_size, 1)
        self.shuffle = shuffle
        self.seed = seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.Lock()
        self._rng: Any = np.random
        self.index_generator = self._flow_index()

    def reset(self) -> None:
        """Begin the epoch anew with the next batch."""
        self.batch_index = 0

    def _flow_index(self) -> IteratorOf[Rows]:
        order = np.arange(self.n)
        while True:
            if self.seed is not None:
                self._rng = np.random.RandomState(self.seed + self.total_batches_seen)
            if self.batch_index == 0:
                order = self._rng.permutation(self.n) if self.shuffle else np.arange(self.n)
            first = self.batch_index * self.batch_size % self.n
            numbers = order[first : first + self.batch_size]
            ended = first + self.batch_size >= self.n
            self.batch_index = 0 if ended else self.batch_index + 1
            self.total_batches_seen += 1
            yield numbers, first, len(numbers)

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self) -> Any:
        """The next batch."""
        raise NotImplementedError(f"{type(self).__name__} does not define next")


class _Images(Iterator):
    """Batches of images that a generator changes, written into a folder where that is asked for."""

    def __init__(
        self,
        n: int,
        generator: ImageChanges,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        save: tuple[GivenPath | None, str, str],
    ):
        super().__init__(n, batch_size, shuffle, seed)
        self.image_data_generator = generator
        folder, self.save_prefix, self.save_format = save
        self.save_to_dir = None if folder is None else check_saving(folder, self.save_format)

    def _image(self, number: int) -> np.ndarray:
        raise NotImplementedError

    def _targets(self, numbers: np.ndarray) -> np.ndarray | None:
        raise NotImplementedError

    def next(self) -> Any:
        """The next batch: images of the type floatX and their targets, or images alone. Several
        threads that call it make batches at once."""
        with self.lock:
            numbers, first, _ = next(self.index_generator)
            rng = self._rng  # of this batch; the next one's is another
        made = self.image_data_generator
        images = np.stack(
            [made.standardize(made.changed(self._image(number), rng)) for number in numbers]
        ).astype(floatx())
        self._save(images, first)
        targets = self._targets(numbers)
        return images if targets is None else (images, targets)

    def _save(self, images: np.ndarray, first: int) -> None:
        if self.save_to_dir is None:
            return
        for place, image in enumerate(images, first):
            # So that the next epoch does not overwrite it.
            name = f"{self.save_prefix}_{place}_{self._rng.randint(10000)}.{self.save_format}"
            ordering = self.image_data_generator.dim_ordering
            picture = array_to_img(image, scale=True, dim_ordering=ordering)
            picture.save(Path(self.save_to_dir) / name)


@since("1.0.4")
class NumpyArrayIterator(_Images):
    """Batches of images of an array; see `ImageDataGenerator.flow`."""

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: ImageChanges,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        dim_ordering: str = "default",
        save_to_dir: GivenPath | None = None,
        save_prefix: str = "",
        save_format: str = "jpeg",
    ):
        check_dim_ordering(dim_ordering, type(self).__name__)
        x = x if hasattr(x, "shape") else np.asarray(x)
        check_images("flow", x, image_data_generator.dim_ordering)
        self.x, self.y = x, checked_targets(y, len(x))
        save = (save_to_dir, save_prefix, save_format)
        super().__init__(len(x), image_data_generator, batch_size, shuffle, seed, save)

    def _image(self, number: int) -> np.ndarray:
        return np.asarray(self.x[number], floatx())

    def _targets(self, numbers: np.ndarray) -> np.ndarray | None:
        return None if self.y is None else self.y[numbers]


@since("1.0.4")
class DirectoryIterator(_Images):
    """Batches of pictures in folders, one a class; see `ImageDataGenerator.flow_from_directory`.

    Attributes:
        nb_sample, nb_class: how many pictures and classes there are.
        class_indices: the folder's name of each class -> its number.
        classes: (nb_sample,) int32, the class of each picture.
        filenames: the paths of the pictures inside of the folder.
        image_shape: of one image.
    """

    def __init__(
        self,
        directory: GivenPath,
        image_data_generator: ImageChanges,
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        dim_ordering: str = "default",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: GivenPath | None = None,
        save_prefix: str = "",
        save_format: str = "jpeg",
        follow_links: bool = False,
    ):
        where = type(self).__name__
        check_dim_ordering(dim_ordering, where)
        self.directory = _folder(where, directory)
        self.target_size = picture_size(where, target_size)
        for name, value, allowed in (
            ("color_mode", color_mode, _COLOUR_MODES),
            ("class_mode", class_mode, _CLASS_MODES),
        ):
            if value not in allowed:
                raise ArgumentError(
                    f"{where}: {name}: expected one of {', '.join(map(repr, allowed))}, received "
                    f"{value!r}"
                )
        self.color_mode, self.class_mode = color_mode, class_mode
        self.dim_ordering = image_data_generator.dim_ordering
        channels = 3 if color_mode == "rgb" else 1
        self.image_shape = (
            (channels, *self.target_size)
            if self.dim_ordering == "th"
            else (*self.target_size, channels)
        )
        names = _class_names(where, self.directory, classes)
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.filenames, numbers = _pictures(self.directory, self.class_indices, follow_links)
        self.classes = np.array(numbers, dtype="int32")
        self.nb_sample, self.nb_class = len(self.filenames), len(names)
        if not self.filenames:
            raise DataError(
                f"{where}: found no pictures ({', '.join(ENDINGS)}) in the folders of "
                f"{len(names)} classes in {shown_path(self.directory)}; each class is a folder of "
                "its own in it"
            )
        print(f"Found {self.nb_sample} images belonging to {self.nb_class} classes.")
        save = (save_to_dir, save_prefix, save_format)
        super().__init__(self.nb_sample, image_data_generator, batch_size, shuffle, seed, save)

    def _image(self, number: int) -> np.ndarray:
        path = os.path.join(self.directory, self.filenames[number])
        picture = load_img(path, self.color_mode == "grayscale", self.target_size)
        return img_to_array(picture, self.dim_ordering)

    def _targets(self, numbers: np.ndarray) -> np.ndarray | None:
        labels: np.ndarray = self.classes[numbers]
        if self.class_mode == "categorical":
            rows: np.ndarray = np.eye(self.nb_class, dtype=floatx())[labels]
            return rows
        if self.class_mode == "binary":
            return labels.astype(floatx())
        return labels if self.class_mode == "sparse" else None


def checked_targets(y: Any, count: int) -> Any:
    """The targets of so many images, an array or what stands for one; None where there are none.

    DataError where they are not as many.
    """
    if y is None:
        return None
    y = y if hasattr(y, "shape") else np.asarray(y)
    if not np.ndim(y) or len(y) != count:
        raise DataError(
            f"ImageDataGenerator.flow: expected {count} targets, one an image, received "
            f"{len(y) if np.ndim(y) else y!r}"
        )
    return y


def _folder(where: str, directory: GivenPath) -> str:
    path = checked_path(f"{where}: directory", directory)
    if not os.path.isdir(path):
        raise MissingFileError(f"{where}: directory: there is no folder {shown_path(path)}")
    return path


def _class_names(where: str, directory: str, classes: Sequence[str] | None) -> list[str]:
    found = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    if not classes:
        return found
    names = list(classes)
    missing = [name for name in names if name not in found]
    if missing:
        raise MissingFileError(
            f"{where}: classes: there is no folder {missing[0]!r} in {shown_path(directory)}, "
            f"which has {', '.join(map(repr, found)) or 'none'}"
        )
    return names


def _pictures(
    directory: str, class_indices: Mapping[str, int], follow_links: bool
) -> tuple[list[str], list[int]]:
    """The paths of all pictures, class by class and sorted in it, and their classes."""
    paths: list[str] = []
    numbers: list[int] = []
    for name, number in class_indices.items():
        folders = sorted(os.walk(os.path.join(directory, name), followlinks=follow_links))
        found = [
            os.path.relpath(os.path.join(folder, file), directory)
            for folder, _, files in folders
            for file in sorted(files)
            if file.lower().endswith(ENDINGS)
        ]
        paths += found
        numbers += [number] * len(found)
    return paths, numbers


explain_missing(DirectoryIterator, OF_FOLDERS)
