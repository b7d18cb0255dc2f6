"""Pooling: one pass over whole arrays for each tap of the window.

A tap meets only the windows in which it is an element of the input, so nothing is padded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphc.compiler.interpret.signature import Attrs, Function

Region = tuple[Any, ...]


def _taps(attrs: Attrs, sizes: Sequence[int]) -> Iterator[tuple[int, Region, Region]]:
    """Yield for each tap of the window, in C order: its number, the windows in which it is an
    element of the input, and those elements."""
    axes = list(zip(sizes, attrs["window"], attrs["strides"], attrs["padding"], strict=True))
    for number, tap in enumerate(itertools.product(*(range(axis[1]) for axis in axes))):
        windows, elements = [], []
        for offset, (size, extent, stride, (low, high)) in zip(tap, axes, strict=True):
            shift = offset - low  # window w has element w * stride + shift at this tap
            first = max(0, -(shift // stride))
            count = (size + low + high - extent) // stride + 1
            last = min(count, (size - 1 - shift) // stride + 1)
            if last <= first:
                break
            windows.append(slice(first, last))
            start = first * stride + shift
            elements.append(slice(start, (last - 1) * stride + shift + 1, stride))
        else:
            yield number, (..., *windows), (..., *elements)


def _pooled_shape(attrs: Attrs, shape: Sequence[int]) -> tuple[int, ...]:
    axes = zip(shape[2:], attrs["window"], attrs["strides"], attrs["padding"], strict=True)
    counts = ((size + sum(pad) - extent) // stride + 1 for size, extent, stride, pad in axes)
    return (*shape[:2], *counts)


def _max_pool(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    """The maximum of each window, NaN if it has one."""
    largest = np.full(_pooled_shape(attrs, x.shape), -np.inf, x.dtype)
    for _, windows, elements in _taps(attrs, x.shape[2:]):
        np.maximum(largest[windows], x[elements], out=largest[windows])
    return largest


def _argmax_pool(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    largest = _max_pool(attrs, x)
    has_nan = bool(np.isnan(largest).any())
    undecided = np.ones(largest.shape, bool)
    result = np.zeros(largest.shape, np.int32)
    for number, windows, elements in _taps(attrs, x.shape[2:]):
        first = x[elements] == largest[windows]
        if has_nan:
            first |= np.isnan(x[elements])
        first &= undecided[windows]
        undecided[windows] ^= first
        np.copyto(result[windows], number, where=first)
    return result


def _gather_pool(attrs: Attrs, argmax: np.ndarray, values: np.ndarray) -> np.ndarray:
    read = np.zeros(argmax.shape, values.dtype)
    for number, windows, elements in _taps(attrs, values.shape[2:]):
        np.copyto(read[windows], values[elements], where=argmax[windows] == number)
    return read


def _max_unpool(attrs: Attrs, argmax: np.ndarray, cotangents: np.ndarray) -> np.ndarray:
    total = np.zeros((*cotangents.shape[:2], *attrs["size"]), cotangents.dtype)
    for number, windows, elements in _taps(attrs, attrs["size"]):
        here = argmax[windows] == number
        np.add(total[elements], cotangents[windows], out=total[elements], where=here)
    return total


def _sum_pool(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    total = np.zeros(_pooled_shape(attrs, x.shape), x.dtype)
    for _, windows, elements in _taps(attrs, x.shape[2:]):
        total[windows] += x[elements]
    return total


def _sum_unpool(attrs: Attrs, cotangents: np.ndarray) -> np.ndarray:
    total = np.zeros((*cotangents.shape[:2], *attrs["size"]), cotangents.dtype)
    for _, windows, elements in _taps(attrs, attrs["size"]):
        total[elements] += cotangents[windows]
    return total


WINDOWS: dict[str, Function] = {
    "max_pool": _max_pool,
    "argmax_pool": _argmax_pool,
    "gather_pool": _gather_pool,
    "max_unpool": _max_unpool,
    "sum_pool": _sum_pool,
    "sum_unpool": _sum_unpool,
}
