"""Convolution and pooling as sums over windows, in NumPy; images are (n, channels, *spatial)."""

from __future__ import annotations

import numpy as np


def channels_last(x):
    return np.moveaxis(x, 1, -1)


def convolved(x, W, strides, lows, counts):
    """out[n, f, p] = sum over c, q of x[n, c, p * stride - low + q] W[f, c, last - q]."""
    out = np.zeros((x.shape[0], W.shape[0], *counts))
    window = W.shape[2:]
    for p in np.ndindex(*counts):
        for q in np.ndindex(*window):
            place = [a * s - low + d for a, s, low, d in zip(p, strides, lows, q, strict=True)]
            if all(0 <= at < size for at, size in zip(place, x.shape[2:], strict=True)):
                last = [k - 1 - d for k, d in zip(window, q, strict=True)]
                out[(..., *p)] += x[(..., *place)] @ W[(..., *last)].T
    return out


def pooled(x, window, strides, lows, counts, read):
    """`read` over the elements of x in each window."""
    out = np.zeros((*x.shape[:2], *counts))
    for p in np.ndindex(*counts):
        part = x
        for axis, (a, s, low, k) in enumerate(zip(p, strides, lows, window, strict=True), start=2):
            start = a * s - low
            part = part.take(range(max(start, 0), min(start + k, x.shape[axis])), axis)
        out[(..., *p)] = read(part, axis=tuple(range(2, x.ndim)))
    return out


def up(number, by):
    return -(-number // by)


def valid_counts(spatial, window, strides):
    return [up(L - k + 1, s) for L, k, s in zip(spatial, window, strides, strict=True)]


def same_counts(spatial, strides):
    return [up(L, s) for L, s in zip(spatial, strides, strict=True)]
