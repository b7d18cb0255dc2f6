"""Products and windows, from their definitions, with error bounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from tests.campaigns.graphs import pointwise_rules as pw
from tests.campaigns.graphs.bounded import EXTENDED, Bounded, Rounding, whole
from tests.campaigns.graphs.movement_rules import padded
from tests.campaigns.graphs.reduction_rules import reduce_last, summed

Pairs = Sequence[tuple[int, int]]


# ---- products ----------------------------------------------------------------------------------


def matmul(x: Bounded, y: Bounded, rounding: Rounding) -> Bounded:
    """Return products of matrices: every product of two elements, then their sums."""
    left = x.moved(lambda a: a[..., :, None, :])
    right = y.moved(lambda a: np.swapaxes(a, -1, -2)[..., None, :, :])
    return _sum_of_products(left, right, rounding)


def _sum_of_products(left: Bounded, right: Bounded, rounding: Rounding) -> Bounded:
    shape = np.broadcast_shapes(left.shape, right.shape)
    pair = (x.moved(lambda a: np.broadcast_to(a, shape)) for x in (left, right))
    return summed(pw.binary("mul", *pair, rounding), rounding)


def windows_of(
    size: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Return for each window (in C order) the flat position of each of its taps, and which of them
    are elements, not padding; and how many windows there are an axis."""
    counts = tuple(
        (n + sum(pad) - ((extent - 1) * hole + 1)) // stride + 1
        for n, extent, stride, pad, hole in zip(
            size, window, strides, padding, dilation, strict=True
        )
    )
    taps, real = [], []
    for place in itertools.product(*map(range, counts)):
        for tap in itertools.product(*map(range, window)):
            source = [
                p * stride + t * hole - low
                for p, t, stride, hole, (low, _) in zip(
                    place, tap, strides, dilation, padding, strict=True
                )
            ]
            inside = all(0 <= s < n for s, n in zip(source, size, strict=True))
            real.append(inside)
            flat = 0
            for s, n in zip(source, size, strict=True):
                flat = flat * n + s
            taps.append(flat if inside else 0)
    shape = (math.prod(counts), math.prod(window))
    return np.array(taps, int).reshape(shape), np.array(real, bool).reshape(shape), counts


def conv(
    image: Bounded,
    kernel: Bounded,
    strides: Sequence[int],
    padding: Pairs,
    input_dilation: Sequence[int],
    kernel_dilation: Sequence[int],
    rounding: Rounding,
) -> Bounded:
    """Return the cross-correlation of (n, c, *spatial) with (f, c, *kernel)."""
    dims = image.value.ndim - 2
    zeros = (0,) * (dims + 2)
    holes = (0, 0, *(hole - 1 for hole in input_dilation))
    spaced = padded(image, zeros, zeros, holes, 0.0)
    taps, real, counts = windows_of(
        spaced.shape[2:], kernel.shape[2:], strides, padding, kernel_dilation
    )
    n, c = spaced.shape[:2]
    f = kernel.shape[0]

    def patches(array: np.ndarray) -> np.ndarray:
        found = array.reshape(n, c, -1)[:, :, taps] * real
        return found.transpose(0, 2, 1, 3).reshape(n, 1, len(taps), -1)

    left = Bounded(image.dtype, patches(np.where(np.isfinite(spaced.value), spaced.value, 0)),
                   patches(np.where(spaced.known, spaced.error, 0)))  # fmt: skip
    right = kernel.moved(lambda a: a.reshape(1, f, 1, -1))
    found = _sum_of_products(left, right, rounding)
    # What is not finite may meet a zero of the padding, or not.
    unsure = ~np.isfinite(spaced.value) | ~spaced.known
    touched = patches(unsure.astype(float)).any(-1)
    touched = np.broadcast_to(touched, found.shape)
    error = np.where(touched, np.inf, found.error)
    if not np.isfinite(kernel.value).all():
        error = np.full(found.shape, np.inf)
    shape = (n, f, *counts)
    return Bounded(image.dtype, found.value.reshape(shape), error.reshape(shape))


# ---- pooling -----------------------------------------------------------------------------------


class Pooling:
    """The windows of a pooling over a spatial size."""

    def __init__(self, size: Sequence[int], window: Sequence[int], strides: Sequence[int],
                 padding: Pairs):  # fmt: skip
        self.size, self.extent = tuple(size), math.prod(window)
        self.taps, self.real, self.counts = windows_of(
            size, window, strides, padding, (1,) * len(window)
        )

    def patches(self, x: Bounded) -> Bounded:
        return x.moved(lambda a: a.reshape(*a.shape[:2], -1)[:, :, self.taps])

    def pooled(self, op: str, x: Bounded, rounding: Rounding) -> Bounded:
        """Return the sum, the maximum, or the place of the maximum of each window."""
        rows = self.patches(x)
        fill = EXTENDED(0) if op == "sum" else EXTENDED(-np.inf)
        value = np.where(self.real, rows.value, fill)
        error = np.where(self.real, rows.error, 0)
        found = reduce_last(op, Bounded(x.dtype, value, error), rounding)
        if op == "argmax":
            # Of windows without anything above -inf the first element, not padding.
            lowest = (value == -np.inf).all(-1)
            first = np.broadcast_to(self.real.argmax(-1), lowest.shape)
            found = whole("int32", np.where(lowest, first, found.value), found.known)
        return found.moved(self._in_place)

    def _in_place(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(*array.shape[:2], *self.counts)

    def picked(self, positions: Bounded, x: Bounded) -> Bounded:
        """Return each window's element at its place."""
        rows = self.patches(x)
        flat = positions.moved(lambda a: a.reshape(*a.shape[:2], -1, 1))
        found = rows.moved(lambda a: np.take_along_axis(a, flat.value.astype(int), -1))
        error = np.where(flat.known, found.error, np.inf)
        return Bounded(x.dtype, found.value, error).moved(self._in_place)

    def unpooled(self, positions: Bounded | None, y: Bounded, rounding: Rounding) -> Bounded:
        """Return what each element of the input gets: the sum of the windows whose place it is at,
        or without places of all windows that have it."""
        n, c = y.shape[:2]
        flat = y.moved(lambda a: a.reshape(n * c, -1))
        shape = (n * c, math.prod(self.size))
        value, error = np.zeros(shape, EXTENDED), np.zeros(shape)
        chosen = None if positions is None else positions.moved(lambda a: a.reshape(n * c, -1))
        for row, cell in itertools.product(range(n * c), range(shape[1])):
            hits = (self.taps == cell) & self.real
            possible = hits.any(-1)
            hit = possible
            if chosen is not None:
                hit = hits[np.arange(len(hits)), chosen.value[row]]
                if (possible & ~chosen.known[row]).any():
                    error[row, cell] = np.inf
            terms = Bounded(y.dtype, flat.value[row][hit], flat.error[row][hit])
            total = summed(terms, rounding)
            value[row, cell] = total.value
            error[row, cell] += total.error
        return Bounded(y.dtype, value, error).moved(lambda a: a.reshape(n, c, *self.size))
