"""Pooling: one pass over whole arrays for each place in the window.

A place in the window meets only the windows in which it is a real element, so nothing is padded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from graphc.compiler.interpret.rows import Attrs, Function

Region = tuple


def _places(attrs: Attrs, sizes: Sequence[int]) -> Iterator[tuple[Region, Region]]:
    """For each place in the window, in C order: the windows that have a real element there, and
    those elements."""
    axes = list(zip(sizes, attrs["window"], attrs["strides"], attrs["padding"], strict=True))
    for place in itertools.product(*(range(axis[1]) for axis in axes)):
        windows, elements = [], []
        for offset, (size, extent, stride, (low, high)) in zip(place, axes, strict=True):
            shift = offset - low  # window w has element w * stride + shift at this place
            first = max(0, -(shift // stride))
            count = (size + low + high - extent) // stride + 1
            last = min(count, (size - 1 - shift) // stride + 1)
            if last <= first:
                break
            windows.append(slice(first, last))
            start = first * stride + shift
            elements.append(slice(start, (last - 1) * stride + shift + 1, stride))
        else:
            yield (..., *windows), (..., *elements)


def _pooled_shape(attrs: Attrs, shape: Sequence[int]) -> tuple[int, ...]:
    axes = zip(shape[2:], attrs["window"], attrs["strides"], attrs["padding"], strict=True)
    counts = ((size + sum(pad) - extent) // stride + 1 for size, extent, stride, pad in axes)
    return (*shape[:2], *counts)


def _maxima(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    """The maximum of each window, NaN if it has one."""
    largest = np.full(_pooled_shape(attrs, x.shape), -np.inf, x.dtype)
    for windows, elements in _places(attrs, x.shape[2:]):
        np.maximum(largest[windows], x[elements], out=largest[windows])
    return largest


def _first_maxima(attrs: Attrs, x: np.ndarray) -> Iterator[tuple[Region, Region, np.ndarray]]:
    """For each place: its windows, its elements, and which of them are the first NaN of their
    window, or else its first maximum."""
    largest = _maxima(attrs, x)
    has_nan = bool(np.isnan(largest).any())
    undecided = np.ones(largest.shape, bool)
    for windows, elements in _places(attrs, x.shape[2:]):
        first = x[elements] == largest[windows]
        if has_nan:
            first |= np.isnan(x[elements])
        first &= undecided[windows]
        undecided[windows] ^= first
        yield windows, elements, first


def _max_pool(attrs: Attrs, x: np.ndarray, values: np.ndarray) -> np.ndarray:
    if values is x:  # max pooling proper needs the maxima, not where they are
        return _maxima(attrs, x)
    read = np.empty(_pooled_shape(attrs, x.shape), values.dtype)
    for windows, elements, first in _first_maxima(attrs, x):
        np.copyto(read[windows], values[elements], where=first)
    return read


def _max_unpool(attrs: Attrs, x: np.ndarray, cotangents: np.ndarray) -> np.ndarray:
    total = np.zeros(x.shape, x.dtype)
    for windows, elements, first in _first_maxima(attrs, x):
        np.add(total[elements], cotangents[windows], out=total[elements], where=first)
    return total


def _sum_pool(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    total = np.zeros(_pooled_shape(attrs, x.shape), x.dtype)
    for windows, elements in _places(attrs, x.shape[2:]):
        total[windows] += x[elements]
    return total


def _sum_unpool(attrs: Attrs, cotangents: np.ndarray) -> np.ndarray:
    total = np.zeros((*cotangents.shape[:2], *attrs["size"]), cotangents.dtype)
    for windows, elements in _places(attrs, attrs["size"]):
        total[elements] += cotangents[windows]
    return total


WINDOWS: dict[str, Function] = {
    "max_pool": _max_pool,
    "max_unpool": _max_unpool,
    "sum_pool": _sum_pool,
    "sum_unpool": _sum_unpool,
}
