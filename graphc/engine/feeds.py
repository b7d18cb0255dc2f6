"""Arrays for a model's inputs: conversion as Keras did it, and checks of shape and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.engine.shapes import KnownShape, known_shape
from graphc.errors import DataError, suggestion


def as_arrays(data: object, names: Sequence[str], what: str) -> list[object]:
    """The data of each name: one array for a single name, a list in order, or a dict by name.

    Raises DataError where the number of arrays or a name does not fit. Further keys of a dict are
    ignored, so that one dict can hold the inputs and the targets.
    """
    if data is None:
        raise DataError(f"{what}: expected data for {', '.join(names)}, received None")
    if isinstance(data, Mapping):
        for name in names:
            if name not in data:
                raise DataError(
                    f"{what}: the dict has no entry {name!r}. {suggestion(name, map(str, data))}"
                )
        return [data[name] for name in names]
    if len(names) == 1:
        # [array] is a list of one input; any other list holds the samples themselves.
        wrapped = isinstance(data, list) and len(data) == 1 and isinstance(data[0], np.ndarray)
        return [data[0] if wrapped else data]
    if not isinstance(data, list | tuple) or len(data) != len(names):
        received = f"{len(data)} arrays" if isinstance(data, list | tuple) else "one array"
        raise DataError(
            f"{what}: expected a list of {len(names)} arrays ({', '.join(names)}), "
            f"received {received}"
        )
    return list(data)


def prepare(value: object, node: g.Node, what: str) -> np.ndarray:
    """A value as an array of the dtype and shape of an input node, with every number checked.

    1-D arrays become (n, 1). Floats, ints, bools and lists are converted; DataError for what has
    no number of the dtype (NaN, infinity, a fraction for an integer input), for an empty array and
    for a shape that does not fit.
    """
    array = as_numbers(value, node.ndim, what)
    check_shape(array.shape, known_shape(node), what)
    return _converted(array, node.dtype, what)


def as_numbers(value: object, ndim: int, what: str) -> np.ndarray:
    """A value as an array of numbers, as it is but for a 1-D array, which becomes (n, 1).

    `ndim` is the rank that is wanted: 1-D arrays stay where it is 1. DataError for what is not
    numbers, and for an empty array.
    """
    if isinstance(value, g.Node):
        raise DataError(f"{what}: expected an array, received the node {value!r}")
    g.refuse_device_array(value, what)
    if np.ma.is_masked(value):
        raise DataError(
            f"{what}: the array has masked elements, which would count as numbers; fill them first "
            "with .filled(value)"
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(
            f"{what}: the list cannot be made an array, its parts have different lengths ({error})"
        ) from error
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{what}: expected numbers, received dtype {array.dtype} "
            f"({type(value).__name__}); convert with numpy's astype"
        )
    if array.ndim == 0:
        raise DataError(
            f"{what}: expected an array with an axis for the samples, received {value!r}"
        )
    if array.size == 0:
        raise DataError(f"{what}: the array is empty, shape {array.shape}; there is nothing to use")
    return array[:, np.newaxis] if array.ndim == 1 and ndim != 1 else array


def check_shape(received: tuple[int, ...], expected: KnownShape, what: str) -> None:
    """Raise DataError, with the likely fix, unless the sizes agree."""
    if len(received) == len(expected) and all(
        size is None or size == got for size, got in zip(expected[1:], received[1:], strict=True)
    ):
        return
    if len(received) != len(expected):
        message = (
            f"{what}: expected {len(expected)} axes, {expected}, received {len(received)}: "
            f"{received}."
        )
    else:
        axis = next(k for k in range(1, len(expected)) if expected[k] not in (None, received[k]))
        message = (
            f"{what}: axis {axis}: expected {expected[axis]}, received {received[axis]} "
            f"(expected shape {expected}, received {received})."
        )
    raise DataError(f"{message}{_likely_fix(received, expected)}")


def _likely_fix(received: tuple[int, ...], expected: KnownShape) -> str:
    if len(received) == len(expected) - 1:
        leave_out = f"input_shape counts the batch axis (leave it out: input_shape={received[1:]})"
        if received == expected[1:]:
            return f" Either {leave_out}, or this is a single sample (give it one: x[np.newaxis])."
        if received[1:] == expected[2:]:
            return f" It seems that {leave_out}."
    if received == (expected[-1], 1) and len(expected) == 2:
        return " If this is a single sample, give it the axis of the samples: x[np.newaxis]."
    if len(received) == len(expected) + 1 and received[-1] == 1:
        return " Remove the last axis, x[..., 0]."
    sizes = [size for size in expected[1:] if size is not None]
    if len(sizes) == len(expected) - 1 and np.prod(received[1:]) == np.prod(sizes):
        return f" The samples have as many numbers: x.reshape((-1, {str(tuple(sizes))[1:-1]}))."
    return ""


def _converted(array: np.ndarray, dtype: str, what: str) -> np.ndarray:
    if dtype.startswith("float"):
        with np.errstate(over="ignore"):
            converted = np.ascontiguousarray(array, dtype=dtype)
        if array.dtype.kind == "f":
            wrong = ~np.isfinite(converted)
            if wrong.any():
                where = _first(wrong)
                problem = (
                    f"is {array[where]}"
                    if not np.isfinite(array[where])
                    else f"is {array[where]}, too large for {dtype}"
                )
                raise DataError(
                    f"{what}: the value at sample {where[0]}, index {where}, {problem}; "
                    f"{int(wrong.sum())} of {wrong.size} values are not finite. Remove or replace "
                    "them, e.g. np.nan_to_num(x)"
                )
        return converted
    if dtype == "bool":
        limits = (0, 1)
    else:
        limits = (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if array.dtype.kind == "f":
        # The largest integers are no floats and would be rounded up; the next power of two is one.
        wide = array.astype("float64", copy=False)
        fits = (wide >= limits[0]) & (wide < float(limits[1] + 1)) & (wide == np.floor(wide))
    else:
        fits = (array >= limits[0]) & (array <= limits[1])
    if not fits.all():
        where = _first(~fits)
        raise DataError(
            f"{what}: takes {dtype}, and the value at index {where} is {array[where]}; expected "
            f"whole numbers from {limits[0]} to {limits[1]}"
        )
    return np.ascontiguousarray(array, dtype=dtype)


def _first(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0])


def check_lengths(arrays: Sequence[np.ndarray], names: Sequence[str]) -> int:
    """The number of samples, which all arrays share. DataError names two that differ."""
    count = len(arrays[0])
    for array, name in zip(arrays, names, strict=True):
        if len(array) != count:
            raise DataError(
                f"expected as many samples in every array: {names[0]} has {count}, {name} has "
                f"{len(array)}"
            )
    return count
