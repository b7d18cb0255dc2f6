"""Statistics of a set of images: mean, deviation and correlation of their pixels."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

SMALLEST_STD = 1e-7  # added to a standard deviation that divides
_SMALLEST_VARIANCE = 1e-6  # added to the variances that whitening divides by
_CHUNK = 256  # images that are in memory at once, in float64

_log = logging.getLogger("graphc")


class Statistics(NamedTuple):
    """`mean` and `std` of an image's shape, or of what broadcasts to it; `whitening` (pixels,
    pixels), or None."""

    mean: np.ndarray
    std: np.ndarray
    whitening: np.ndarray | None


def statistics(
    images: np.ndarray,
    before: Callable[[np.ndarray], np.ndarray],
    scale: bool,
    whiten: bool,
    over: tuple[int, ...] = (),
) -> Statistics:
    """The statistics of images, which are read in chunks; all in float64.

    Args:
        images: (n, *an image's shape): an array, or what has its shape and slices.
        before: applied to each chunk first.
        scale: whether images will be divided by the deviation before they are whitened.
        whiten: whether to find the whitening: the symmetric W for which the covariance of x W is
            the identity.
        over: the axes of an image that mean and deviation are taken over too, and have size 1.
    """

    def mean_of(change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """The mean over images of what `change` sums for a chunk of them."""
        chunks = (images[k : k + _CHUNK] for k in range(0, len(images), _CHUNK))
        total: np.ndarray = sum(
            (change(before(np.asarray(chunk, np.float64))) for chunk in chunks), np.zeros(())
        )
        mean: np.ndarray = total / len(images)
        return mean

    def summed(x: np.ndarray) -> np.ndarray:
        total: np.ndarray = x.sum(axis=0)
        mean: np.ndarray = total.mean(axis=over, keepdims=True) if over else total
        return mean

    mean = mean_of(summed)
    std = np.sqrt(mean_of(lambda x: summed((x - mean) ** 2)))
    if not whiten:
        return Statistics(mean, std, None)
    # A mean that stays in the images moves the result, but is no part of their covariance.
    divisor = std + SMALLEST_STD if scale else np.ones(mean.shape)

    def products(x: np.ndarray) -> np.ndarray:
        rows = ((x - mean) / divisor).reshape(len(x), -1)
        product: np.ndarray = rows.T @ rows
        return product

    variances, directions = np.linalg.eigh(mean_of(products))
    # Rounding leaves variances of nothing a little below 0.
    factors = 1 / np.sqrt(np.maximum(variances, 0) + _SMALLEST_VARIANCE)
    return Statistics(mean, std, (directions * factors) @ directions.T)


def warn_of_constant_pixels(std: np.ndarray) -> None:
    """Say in the log how many pixels a change of an image may blow up."""
    if constant := int(np.sum(std < SMALLEST_STD)):
        _log.warning(
            "ImageDataGenerator.fit: %d of %d pixels are the same in all images; where a change of "
            "an image brings another value there, it is divided by %g. Fit with augment=True, or "
            "give featurewise_std_normalization=False",
            constant,
            std.size,
            SMALLEST_STD,
        )
