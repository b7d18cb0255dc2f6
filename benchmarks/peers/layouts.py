"""Keras 1.0's weights in the layouts of the peers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.peers.workloads import Arrays


def gru(weights: Sequence[np.ndarray]) -> Arrays:
    """W, U, b of z, r and h in turn: [W (features, 3 units), U_zr (units, 2 units), U_h, b]."""
    W, U, b = (list(weights[k::3]) for k in range(3))
    return [np.hstack(W), np.hstack(U[:2]), U[2], np.hstack(b)]


def lstm(weights: Sequence[np.ndarray]) -> Arrays:
    """W, U, b of i, c, f and o in turn: [W (features, 4 units), U, b], of i, f, c, o."""
    ordered = [[weights[3 * gate + k] for gate in (0, 2, 1, 3)] for k in range(3)]
    return [np.hstack(matrices) for matrices in ordered]


def correlation(kernel: np.ndarray) -> np.ndarray:
    """Kernels (filters, channels, ...) of a convolution, flipped for a cross-correlation."""
    return np.ascontiguousarray(np.flip(kernel, range(2, kernel.ndim)))


def channels_last(kernel: np.ndarray) -> np.ndarray:
    """(filters, channels, ...) as (..., channels, filters), flipped for a cross-correlation."""
    flipped = correlation(kernel)
    return np.ascontiguousarray(np.moveaxis(flipped, (0, 1), (-1, -2)))


def rows_moved(matrix: np.ndarray, shape: Sequence[int], order: Sequence[int]) -> np.ndarray:
    """The matrix behind a flatten of `shape`, for data whose axes are in another order."""
    return np.ascontiguousarray(
        matrix.reshape(*shape, -1).transpose(*order, len(shape)).reshape(matrix.shape)
    )


CNN_CHANNELS_LAST = ((32, 12, 12), (1, 2, 0))
ACCEL_CHANNELS_FIRST = ((3, 1649, 20), (0, 2, 1))
"""`rows_moved` for the first dense layer: features are flattened with other axes first. The three
parts of accel lie one behind the other."""
