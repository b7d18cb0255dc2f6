"""Endless batches of images that are changed at random and standardised."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from graphc.backend.settings import check_dim_ordering
from graphc.config import config
from graphc.errors import ArgumentError, DataError
from graphc.later.attributes import OF_IMAGE_GENERATORS
from graphc.lookup import finite_number, whole_number
from graphc.paths import GivenPath
from graphc.preprocessing.image.affine import (
    apply_transform,
    rotation,
    shear,
    transform_matrix_offset_center,
    translation,
    zoom,
    zoom_bounds,
)
from graphc.preprocessing.image.checks import (
    FILL_MODES,
    check_images,
    check_saving,
    checked_image,
    checked_range,
)
from graphc.preprocessing.image.extra import ndimage
from graphc.preprocessing.image.iterators import (
    DirectoryIterator,
    NumpyArrayIterator,
    checked_targets,
)
from graphc.preprocessing.image.pictures import array_to_img
from graphc.preprocessing.image.statistics import (
    SMALLEST_STD,
    statistics,
    warn_of_constant_pixels,
)
from graphc.preprocessing.image.transforms import (
    flip_axis,
    random_channel_shift,
    rotated,
    sheared,
    shifted_by_shares,
)
from graphc.public.attributes import explain_missing
from graphc.releases import arguments_of_1_2, meanings, renamed, since

_log = logging.getLogger("graphc")

_NO_ZOOM = (1.0, 1.0)

# What the iterator of a thread draws from; a generator may feed several.
_draws_from: ContextVar[Any] = ContextVar("graphc_image_draws", default=None)

# The options that move pixels.
_MAPPED = (
    *("rotation_range", "width_shift_range", "height_shift_range", "shear_range", "zoom_range"),
)


class ImageDataGenerator:
    """Makes batches of images: each is changed at random, then standardised.

    The changes, in this order: rotated, shifted, flipped, sheared, by splines; then zoomed and
    coloured. In the meanings of Keras 1.2 one map turns, moves, shears and zooms, to the nearest
    pixel; then colours are shifted and the image is flipped. Then the image is standardised: by
    `preprocessing_function` and `rescale`, by itself ('samplewise'), by what all images have in
    common ('featurewise'), and whitened. The last two need `fit` first.

    Args:
        featurewise_center: subtract the mean of each pixel over the images given to `fit`, in Keras
            1.2 of each channel. There False is the default.
        samplewise_center: subtract the mean of the image itself.
        featurewise_std_normalization: divide by the standard deviation of each pixel over the
            images given to `fit`, plus 1e-7; in Keras 1.2 of each channel, and False by default.
        samplewise_std_normalization: divide by the standard deviation of the image itself, plus
            1e-7.
        zca_whitening: make pixels uncorrelated, with as little change as possible: ZCA (A. Bell and
            T. Sejnowski, "The 'independent components' of natural scenes are edge filters", 1997).
        rotation_range: largest angle, in degrees.
        width_shift_range, height_shift_range: largest move, in shares of width and height.
        shear_range: largest angle, in radians.
        zoom_range: the least and the largest factor of coordinates in rows and, drawn anew, in
            columns: those below 1 enlarge; a number z stands for (1 - z, 1 + z).
        channel_shift_range: largest value that is added to a channel, within the image's range.
        fill_mode, cval: what fills the outside; see `transforms`.
        horizontal_flip, vertical_flip: flip one half of the images.
        rescale: a factor of all values; None for none.
        preprocessing_function: from an image to one of the same shape, before `rescale`.
        dim_ordering: 'th' for images of (channels, rows, columns), 'tf' for (rows, columns,
            channels), 'default' for `K.image_dim_ordering()`.

    Attributes after `fit`: `mean` and `std` of an image's shape, or one a channel, and
    `principal_components` of (pixels, pixels); those that the options need, the others None.

    Raises:
        ArgumentError: a range that is not a number of at least 0, an unknown dim_ordering.
        MissingPackageError: a rotation, shift or shear without SciPy, of the extra 'image'.
    """

    @arguments_of_1_2(
        *("featurewise_center", "samplewise_center", "featurewise_std_normalization"),
        *("samplewise_std_normalization", "zca_whitening", "rotation_range", "width_shift_range"),
        *("height_shift_range", "shear_range", "zoom_range", "channel_shift_range", "fill_mode"),
        *("cval", "horizontal_flip", "vertical_flip", "rescale", "preprocessing_function"),
        "dim_ordering",
        featurewise_center=False,
        featurewise_std_normalization=False,
    )
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
        *,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self._is_of_1_0 = meanings() == "1.0"
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
        self.zoom_range = zoom_bounds("ImageDataGenerator", "zoom_range", zoom_range)
        self.channel_shift_range = checked_range("channel_shift_range", channel_shift_range)
        self.fill_mode, self.cval = fill_mode, finite_number("ImageDataGenerator", "cval", cval)
        if fill_mode not in FILL_MODES:
            raise ArgumentError(
                f"ImageDataGenerator: fill_mode: expected one of {FILL_MODES}, received "
                f"{fill_mode!r}"
            )
        if preprocessing_function is not None and not callable(preprocessing_function):
            raise ArgumentError(
                "ImageDataGenerator: preprocessing_function: expected a function of an image, "
                f"received {preprocessing_function!r}"
            )
        self.preprocessing_function = preprocessing_function
        self.rescale = None
        if rescale is not None:
            self.rescale = finite_number("ImageDataGenerator", "rescale", rescale)
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.dim_ordering = dim_ordering
        self.channel_axis, self.row_axis, self.col_axis = axes = (
            (0, 1, 2) if dim_ordering == "th" else (2, 0, 1)
        )
        self.channel_index, self.row_index, self.col_index = axes  # as Keras 1.0 had them
        for name in _MAPPED:
            if getattr(self, name) not in (0.0, _NO_ZOOM):
                ndimage(f"ImageDataGenerator({name}=...)")
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self.principal_components: np.ndarray | None = None
        self._rng: np.random.RandomState | None = None
        self._batches: Iterator[tuple[int, np.ndarray]] | None = None
        self._lock = threading.Lock()

    @renamed(x="X")
    @arguments_of_1_2(shuffle=True)
    def flow(
        self,
        X: np.ndarray,
        y: np.ndarray | None = None,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        save_to_dir: GivenPath | None = None,
        save_prefix: str = "",
        save_format: str = "jpeg",
    ) -> ImageDataGenerator | NumpyArrayIterator:
        """Start batches of these images; returns this generator, which has one flow at a time. In
        the meanings of Keras 1.2 it returns an iterator of its own, which shuffles by default.

        Args:
            X: (n, *an image's shape): an array, or an HDF5Matrix, of which one row is read a time.
            y: n targets; without them the batches are images alone.
            batch_size: of all batches but the last of an epoch, which is shorter where it does not
                divide n.
            shuffle: bring the images in another order in each epoch.
            seed: of the order and the changes; by default drawn from NumPy's global generator. See
                `Iterator` for that of Keras 1.2.
            save_to_dir: write each image that is made into this folder, as
                ``<save_prefix>_<its place in the epoch>.<save_format>``; the next epoch overwrites
                them. In Keras 1.2 a number that is drawn is after the place.
            save_prefix, save_format: see there.

        Raises:
            DataError: `X` is not an array of images, or `y` differs in length; an option that needs
                `fit` without it.
            ArgumentError: a batch_size or save_format that is none.
            MissingFileError: the folder is not there.
            MissingPackageError: save_to_dir without Pillow, of the extra 'image'.
        """
        X = _array(X)
        if not (self._is_of_1_0 or isinstance(self, GraphImageDataGenerator)):
            save = (save_to_dir, save_prefix, save_format)
            flowing = NumpyArrayIterator(
                X, y, self, batch_size, shuffle, seed, self.dim_ordering, *save
            )
            self._check_fit(X.shape[1:])
            return flowing
        check_images("flow", X, self.dim_ordering)
        y = checked_targets(y, len(X))
        self._check_fit(X.shape[1:])
        if save_to_dir is not None:
            save_to_dir = check_saving(save_to_dir, save_format)
        size = whole_number("ImageDataGenerator.flow: batch_size", batch_size, 1)
        self.X, self.y = X, y
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        self._rng = _generator(seed)
        self._batches = _endless_batches(len(X), size, shuffle, self._rng)
        return self

    @since("1.0.4")
    def flow_from_directory(
        self,
        directory: GivenPath,
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: GivenPath | None = None,
        save_prefix: str = "",
        save_format: str = "jpeg",
        follow_links: bool = False,
    ) -> DirectoryIterator:
        """Return batches of the pictures in a folder, which has a folder for each class.

        Args:
            directory: the folder. Pictures (png, jpg, jpeg, bmp) may lie at any depth in those of
                the classes.
            target_size: (rows, columns) that each is brought to.
            color_mode: 'rgb' or 'grayscale'.
            classes: the names of the folders, in the order of the classes' numbers; by default all,
                sorted.
            class_mode: 'categorical' for one-hot targets, 'binary' for 0 and 1, 'sparse' for class
                numbers, None for none.
            batch_size, shuffle, seed, save_to_dir, save_prefix, save_format: as in `flow`.
            follow_links: look into folders that links lead to.

        Raises:
            MissingFileError: a folder is not there.
            DataError: no pictures, or one that is broken, at its batch.
            ArgumentError: an argument that is none of those.
        """
        return DirectoryIterator(
            directory,
            self,
            target_size,
            color_mode,
            self.dim_ordering,
            classes,
            class_mode,
            batch_size,
            shuffle,
            seed,
            save_to_dir,
            save_prefix,
            save_format,
            follow_links,
        )

    def next(self) -> Any:
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
                    picture = array_to_img(image, scale=True, dim_ordering=self.dim_ordering)
                    picture.save(Path(self.save_to_dir) / name)
            return images if self.y is None else (images, self.y[rows])

    def __iter__(self) -> ImageDataGenerator:
        return self

    def __next__(self) -> Any:
        return self.next()

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """One image, standardised as the options say; `x` itself stays as it is.

        Raises DataError where an option needs `fit` first, or the image has another shape than
        those given to it.
        """
        x = np.asarray(x)
        self._check_fit(x.shape)
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(config.floatX)
        result = self._featurewise(self._by_itself(np.asarray(x, np.float64)[None]))
        if self.zca_whitening:
            result = result.reshape(1, -1) @ self.principal_components
        return result.reshape(x.shape).astype(dtype)

    def random_transform(self, x: np.ndarray) -> np.ndarray:
        """One image, changed at random as the options say."""
        rng = _draws_from.get() or self._rng or np.random
        image = checked_image("ImageDataGenerator.random_transform", x)
        return self._changed_in_1_0(image, rng) if self._is_of_1_0 else self._changed(image, rng)

    def changed(self, x: np.ndarray, rng: Any) -> np.ndarray:
        """`random_transform`, with draws from a generator in this thread."""
        reset = _draws_from.set(rng)
        try:
            return self.random_transform(x)
        finally:
            _draws_from.reset(reset)

    def _changed_in_1_0(self, x: np.ndarray, rng: Any) -> np.ndarray:
        filling, axes = (self.fill_mode, self.cval), (self.row_axis, self.col_axis)
        if self.rotation_range:
            x = rotated(x, self.rotation_range, *filling, axes, rng)
        if self.width_shift_range or self.height_shift_range:
            shares = {self.row_axis: self.height_shift_range, self.col_axis: self.width_shift_range}
            x = shifted_by_shares(x, shares, *filling, rng)
        x = self._flipped(x, rng)
        if self.shear_range:
            x = sheared(x, self.shear_range, *filling, axes, rng)
        if self.zoom_range != _NO_ZOOM:
            x = self._mapped(x, zoom(*rng.uniform(*self.zoom_range, 2)))
        return self._coloured(x, rng)

    def _changed(self, x: np.ndarray, rng: Any) -> np.ndarray:
        largest = np.pi / 180 * self.rotation_range
        turn = rng.uniform(-largest, largest) if largest else 0.0
        rows, columns = (
            rng.uniform(-share, share) * x.shape[axis] if share else 0.0
            for share, axis in (
                (self.height_shift_range, self.row_axis),
                (self.width_shift_range, self.col_axis),
            )
        )
        angle = rng.uniform(-self.shear_range, self.shear_range) if self.shear_range else 0.0
        factors = (1.0, 1.0) if self.zoom_range == _NO_ZOOM else rng.uniform(*self.zoom_range, 2)
        if any(getattr(self, name) not in (0.0, _NO_ZOOM) for name in _MAPPED):
            move = translation(rows, columns)
            x = self._mapped(x, rotation(turn) @ move @ shear(angle) @ zoom(*factors))
        return self._flipped(self._coloured(x, rng), rng)

    def _mapped(self, x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        sizes = x.shape[self.row_axis], x.shape[self.col_axis]
        about_centre = transform_matrix_offset_center(matrix, *sizes)
        return apply_transform(x, about_centre, self.channel_axis, self.fill_mode, self.cval)

    def _coloured(self, x: np.ndarray, rng: Any) -> np.ndarray:
        if not self.channel_shift_range:
            return x
        return random_channel_shift(
            x, self.channel_shift_range, channel_axis=self.channel_axis, rng=rng
        )

    def _flipped(self, x: np.ndarray, rng: Any) -> np.ndarray:
        if self.horizontal_flip and rng.random_sample() < 0.5:
            x = flip_axis(x, self.col_axis)
        if self.vertical_flip and rng.random_sample() < 0.5:
            x = flip_axis(x, self.row_axis)
        return x

    @renamed(x="X")
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
                X = np.stack([self.random_transform(one) for _ in range(rounds) for one in X])
            finally:
                self._rng = flowing
        learnt = statistics(
            X,
            before=self._by_itself,
            scale=self.featurewise_std_normalization,
            whiten=self.zca_whitening,
            over=() if self._is_of_1_0 else (self.row_axis, self.col_axis),
        )
        self.mean = learnt.mean if self.featurewise_center else None
        self.std = learnt.std if self.featurewise_std_normalization else None
        self.principal_components = learnt.whitening
        if self.std is not None and self._changes_images:
            warn_of_constant_pixels(self.std)

    @property
    def _changes_images(self) -> bool:
        names = (*_MAPPED, "channel_shift_range", "horizontal_flip", "vertical_flip")
        return any(getattr(self, name) not in (0.0, _NO_ZOOM) for name in names)

    def _by_itself(self, x: np.ndarray) -> np.ndarray:
        """Images (n, ...), each preprocessed and standardised by itself."""
        if self.preprocessing_function is not None:
            made = [np.asarray(self.preprocessing_function(one.copy())) for one in x]
            wrong = [one.shape for one in made if one.shape != x.shape[1:]]
            if wrong:
                raise DataError(
                    "ImageDataGenerator: preprocessing_function: expected an image of the shape "
                    f"{x.shape[1:]}, as it was given, returned {wrong[0]}"
                )
            x = np.stack(made).astype(np.float64)
        if self.rescale is not None:
            x = x * self.rescale
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
            assert self.std is not None  # `_check_fit` comes before
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
        batch = super().next()
        if self.y is None:
            return {self.input_name: batch}
        return dict(zip((self.input_name, self.output_name), batch, strict=True))


def _endless_batches(
    count: int, batch_size: int, shuffle: bool, rng: np.random.RandomState
) -> Iterator[tuple[int, np.ndarray]]:
    """(place in the epoch, rows), epoch after epoch."""
    warned = False
    while True:
        order = rng.permutation(count) if shuffle else np.arange(count)
        for start in range(0, count, batch_size):
            yield start, order[start : start + batch_size]
        if not warned and threading.current_thread() is threading.main_thread():
            warned = True  # a training that asks for batches does it in a thread of its own
            _log.warning(
                "ImageDataGenerator.flow: each image was given once, and the batches begin again, "
                "as in Keras 1.0; in Keras 0.3 they ended here: a loop over them needs a break"
            )


def _generator(seed: int | None) -> np.random.RandomState:
    """A generator of its own, so that threads that draw elsewhere change nothing."""
    return np.random.RandomState(np.random.randint(2**31 - 1) if seed is None else seed)


def _array(data: Any) -> Any:
    """Return data that have a shape (an array, an HDF5Matrix) as they are; else an array."""
    return data if hasattr(data, "shape") else np.asarray(data)


explain_missing(ImageDataGenerator, OF_IMAGE_GENERATORS)
