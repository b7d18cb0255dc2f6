"""Endless batches of images that are changed at random and standardised."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from graphc.backend.settings import check_dim_ordering
from graphc.config import config
from graphc.errors import DataError
from graphc.lookup import whole_number
from graphc.paths import GivenPath
from graphc.preprocessing.image.checks import check_images, check_saving, checked_range
from graphc.preprocessing.image.extra import ndimage
from graphc.preprocessing.image.pictures import array_to_img
from graphc.preprocessing.image.statistics import (
    SMALLEST_STD,
    statistics,
    warn_of_constant_pixels,
)
from graphc.preprocessing.image.transforms import (
    flip_axis,
    random_rotation,
    random_shear,
    random_shift,
)


class ImageDataGenerator:
    """Makes batches of images: each is changed at random, then standardised.

    The changes, in this order: turned, moved, flipped, sheared. Then the image is standardised by
    itself ('samplewise'), by what all images have in common ('featurewise'), and whitened. The last
    two need `fit` first.

    Args:
        featurewise_center: subtract the mean of each pixel over the images given to `fit`.
        samplewise_center: subtract the mean of the image itself.
        featurewise_std_normalization: divide by the standard deviation of each pixel over the
            images given to `fit`, plus 1e-7.
        samplewise_std_normalization: divide by the standard deviation of the image itself, plus
            1e-7.
        zca_whitening: make pixels uncorrelated, with as little change as possible: ZCA (A. Bell and
            T. Sejnowski, "The 'independent components' of natural scenes are edge filters", 1997).
        rotation_range: largest angle, in degrees.
        width_shift_range, height_shift_range: largest move, in shares of width and height.
        shear_range: largest angle, in radians.
        horizontal_flip, vertical_flip: flip one half of the images.
        dim_ordering: 'th' for images of (channels, rows, columns), 'tf' for (rows, columns,
            channels), 'default' for `K.image_dim_ordering()`.

    Attributes after `fit`: `mean` and `std` of an image's shape, `principal_components` of
    (pixels, pixels); those that the options need, the others None.

    Raises:
        ArgumentError: a range that is not a number of at least 0, an unknown dim_ordering.
        MissingPackageError: a rotation, shift or shear without SciPy, of the extra 'image'.
    """

    def __init__(
        self,
        featurewise_center: bool = True,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = True,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        rotation_range: float = 0.0,
        width_shift_range: float = 0.0,
        height_shift_range: float = 0.0,
        shear_range: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        dim_ordering: str = "default",
    ):
        dim_ordering = check_dim_ordering(dim_ordering, "ImageDataGenerator")
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.rotation_range = checked_range("rotation_range", rotation_range)
        self.width_shift_range = checked_range("width_shift_range", width_shift_range)
        self.height_shift_range = checked_range("height_shift_range", height_shift_range)
        self.shear_range = checked_range("shear_range", shear_range)
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.dim_ordering = dim_ordering
        self.channel_index, self.row_index, self.col_index = (
            (0, 1, 2) if dim_ordering == "th" else (2, 0, 1)
        )
        for name in ("rotation_range", "width_shift_range", "height_shift_range", "shear_range"):
            if getattr(self, name):
                ndimage(f"ImageDataGenerator({name}=...)")
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self.principal_components: np.ndarray | None = None
        self._rng: np.random.RandomState | None = None
        self._batches: Iterator[tuple[int, np.ndarray]] | None = None
        self._lock = threading.Lock()

    def flow(
        self,
        X: np.ndarray,
        y: np.ndarray,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        save_to_dir: GivenPath | None = None,
        save_prefix: str = "",
        save_format: str = "jpeg",
    ) -> ImageDataGenerator:
        """Start batches of these images; returns this generator, which has one flow at a time.

        Args:
            X: (n, *an image's shape): an array, or an HDF5Matrix, of which one row is read a time.
            y: n targets.
            batch_size: of all batches but the last of an epoch, which is shorter where it does not
                divide n.
            shuffle: bring the images in another order in each epoch.
            seed: of the order and the changes; by default drawn from NumPy's global generator.
            save_to_dir: write each image that is made into this folder, as
                ``<save_prefix>_<its place in the epoch>.<save_format>``; the next epoch overwrites
                them.
            save_prefix, save_format: see there.

        Raises:
            DataError: `X` is not an array of images, or `y` differs in length; an option that needs
                `fit` without it.
            ArgumentError: a batch_size or save_format that is none.
            MissingFileError: the folder is not there.
            MissingPackageError: save_to_dir without Pillow, of the extra 'image'.
        """
        X, y = _array(X), _array(y)
        check_images("flow", X, self.dim_ordering)
        if not np.ndim(y) or len(y) != len(X):
            raise DataError(
                f"ImageDataGenerator.flow: expected {len(X)} targets, one an image, received "
                f"{len(y) if np.ndim(y) else y!r}"
            )
        self._check_fit(X.shape[1:])
        if save_to_dir is not None:
            save_to_dir = check_saving(save_to_dir, save_format)
        size = whole_number("ImageDataGenerator.flow: batch_size", batch_size, 1)
        self.X, self.y = X, y
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        self._rng = _generator(seed)
        self._batches = _endless_batches(len(X), size, shuffle, self._rng)
        return self

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """The next batch: images of the type floatX, and their targets.

        Raises DataError before `flow`. May be called from several threads.
        """
        with self._lock:
            if self._batches is None:
                raise DataError("ImageDataGenerator: there are no images yet; call flow first")
            start, rows = next(self._batches)
            images = np.stack(
                [
                    self.standardize(self.random_transform(np.asarray(self.X[row], config.floatX)))
                    for row in rows
                ]
            )
            if self.save_to_dir is not None:
                for place, image in enumerate(images, start):
                    name = f"{self.save_prefix}_{place}.{self.save_format}"
                    picture = array_to_img(image, dim_ordering=self.dim_ordering)
                    picture.save(Path(self.save_to_dir) / name)
            return images, self.y[rows]

    def __iter__(self) -> ImageDataGenerator:
        return self

    def __next__(self) -> tuple[np.ndarray, np.ndarray]:
        return self.next()

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """One image, standardised as the options say; `x` itself stays as it is.

        Raises DataError where an option needs `fit` first, or the image has another shape than
        those given to it.
        """
        x = np.asarray(x)
        self._check_fit(x.shape)
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(config.floatX)
        result = self._featurewise(self._samplewise(np.asarray(x, np.float64)[None]))
        if self.zca_whitening:
            result = result.reshape(1, -1) @ self.principal_components
        return result.reshape(x.shape).astype(dtype)

    def random_transform(self, x: np.ndarray) -> np.ndarray:
        """One image, changed at random as the options say."""
        rng = np.random if self._rng is None else self._rng
        if self.rotation_range:
            axes = (self.row_index, self.col_index)
            x = random_rotation(x, self.rotation_range, axes=axes, rng=rng)
        if self.width_shift_range or self.height_shift_range:
            x = random_shift(
                x,
                self.width_shift_range,
                self.height_shift_range,
                row_index=self.row_index,
                col_index=self.col_index,
                rng=rng,
            )
        if self.horizontal_flip and rng.random_sample() < 0.5:
            x = flip_axis(x, self.col_index)
        if self.vertical_flip and rng.random_sample() < 0.5:
            x = flip_axis(x, self.row_index)
        if self.shear_range:
            x = random_shear(
                x,
                self.shear_range,
                row_index=self.row_index,
                col_index=self.col_index,
                rng=rng,
            )
        return x

    def fit(
        self, X: np.ndarray, augment: bool = False, rounds: int = 1, seed: int | None = None
    ) -> None:
        """Learn from images what the options need: mean, standard deviation, whitening.

        Pixels that are the same in all images, where a change may bring another value, are counted
        in the log: they are divided by no more than 1e-7.

        Args:
            X: (n, *an image's shape): an array, or an HDF5Matrix, which is read in parts.
            augment: learn from images changed at random instead, `rounds` of each.
            rounds: see augment.
            seed: of these changes; by default drawn from NumPy's global generator.

        Raises:
            DataError: `X` is not an array of images.
            ArgumentError: rounds below 1.
        """
        X = _array(X)
        check_images("fit", X, self.dim_ordering)
        rounds = whole_number("ImageDataGenerator.fit: rounds", rounds, 1)
        if augment:
            flowing, self._rng = self._rng, _generator(seed)
            try:
                X = np.stack([self.random_transform(x) for _ in range(rounds) for x in X])
            finally:
                self._rng = flowing
        learnt = statistics(
            X,
            before=self._samplewise,
            scale=self.featurewise_std_normalization,
            whiten=self.zca_whitening,
        )
        self.mean = learnt.mean if self.featurewise_center else None
        self.std = learnt.std if self.featurewise_std_normalization else None
        self.principal_components = learnt.whitening
        if self.std is not None and self._changes_images:
            warn_of_constant_pixels(self.std)

    @property
    def _changes_images(self) -> bool:
        changes = (
            self.rotation_range,
            self.width_shift_range,
            self.height_shift_range,
            self.shear_range,
            self.horizontal_flip,
            self.vertical_flip,
        )
        return any(changes)

    def _samplewise(self, x: np.ndarray) -> np.ndarray:
        """Images (n, ...), each standardised by itself."""
        if self.samplewise_center:
            x = x - x.mean(axis=(1, 2, 3), keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (x.std(axis=(1, 2, 3), keepdims=True) + SMALLEST_STD)
        return x

    def _featurewise(self, x: np.ndarray) -> np.ndarray:
        """Images (n, ...), standardised by what `fit` learnt."""
        if self.featurewise_center:
            x = x - self.mean
        if self.featurewise_std_normalization:
            x = x / (self.std + SMALLEST_STD)
        return x

    def _check_fit(self, shape: tuple[int, ...]) -> None:
        """`mean` and `std` may be set by hand too, e.g. as (channels, 1, 1): what broadcasts."""
        pixels = int(np.prod(shape))
        for option, learnt, expected in (
            ("featurewise_center", self.mean, shape),
            ("featurewise_std_normalization", self.std, shape),
            ("zca_whitening", self.principal_components, (pixels, pixels)),
        ):
            if not getattr(self, option):
                continue
            if learnt is None:
                raise DataError(
                    f"ImageDataGenerator: {option} needs the statistics of the training images; "
                    f"call fit(X) first, or give {option}=False"
                )
            sizes = zip(reversed(np.shape(learnt)), reversed(expected), strict=False)
            if any(size not in (1, wanted) for size, wanted in sizes):
                raise DataError(
                    f"ImageDataGenerator: {option} was fit on images of another shape than the "
                    f"received {shape}; call fit on images of this shape"
                )


class GraphImageDataGenerator(ImageDataGenerator):
    """An `ImageDataGenerator` for a Graph model: batches are dictionaries.

    `input_name` and `output_name` are the Graph's names of images and targets; set them on the
    object, or in a subclass, where they are others than 'input' and 'output'.
    """

    input_name = "input"
    output_name = "output"

    def next(self) -> dict[str, np.ndarray]:
        """The next batch: images and targets by the names of the Graph's input and output."""
        images, targets = super().next()
        return {self.input_name: images, self.output_name: targets}


def _endless_batches(
    count: int, batch_size: int, shuffle: bool, rng: np.random.RandomState
) -> Iterator[tuple[int, np.ndarray]]:
    """(place in the epoch, rows), epoch after epoch."""
    while True:
        order = rng.permutation(count) if shuffle else np.arange(count)
        for start in range(0, count, batch_size):
            yield start, order[start : start + batch_size]


def _generator(seed: int | None) -> np.random.RandomState:
    """A generator of its own, so that threads that draw elsewhere change nothing."""
    return np.random.RandomState(np.random.randint(2**31 - 1) if seed is None else seed)


def _array(data: object) -> object:
    """What has a shape (an array, an HDF5Matrix) as it is; else an array."""
    return data if hasattr(data, "shape") else np.asarray(data)
