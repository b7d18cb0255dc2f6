"""Arrays for a model's inputs: conversion as Keras did it, and checks of shape and value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.engine.data.stored import Data, ReadBlock, Samples, StoredArray, is_stored
from graphc.engine.topology.shapes import KnownShape, known_shape
from graphc.errors import DataError, errors_at
from graphc.releases import renamed
from graphc.rows.stored import rows_of

_PAD = (
    "sequences of different lengths are made equally long by "
    "graphc.preprocessing.sequence.pad_sequences"
)

_FEW = 4096
"""Numbers that are multiplied faster than looked at one by one, on one thread."""

_SQUARES = {
    (np.dtype(source), target): min(
        float(np.finfo(source).max), float(np.finfo(target).max) ** (1 if source == target else 2)
    )
    for source, target in (("float32", "float32"), ("float64", "float64"), ("float64", "float32"))
}
"""Bound of a sum of squares up to which each number is finite in the type that it becomes."""


def as_arrays(data: object, names: Sequence[str], what: str) -> list[object]:
    """Return the data for each name, given as one array, a list in order, or a dict by name.

    Raises DataError where the number of arrays or a name does not fit. Further keys of a dict are
    ignored, so that one dict can hold the inputs and the targets.
    """
    if type(data) is np.ndarray and len(names) == 1:
        return [data]
    if data is None:
        raise DataError(f"{what}: expected data for {', '.join(names)}, received None")
    if isinstance(data, Mapping):
        for name in names:
            if name not in data:
                raise DataError(
                    f"{what}: the dict has no entry {name!r}; it has {', '.join(map(repr, data))}"
                )
        return [data[name] for name in names]
    if len(names) == 1:
        # [array] is a list of one input; any other list holds the samples themselves.
        if isinstance(data, list) and len(data) == 1 and _is_array(data[0]):
            return [data[0]]
        return [data]
    if not isinstance(data, list | tuple) or len(data) != len(names):
        received = f"{len(data)} arrays" if isinstance(data, list | tuple) else "one array"
        raise DataError(
            f"{what}: expected a list of {len(names)} arrays ({', '.join(names)}), "
            f"received {received}"
        )
    return list(data)


def _is_array(value: object) -> bool:
    return bool(getattr(value, "shape", ()))


@renamed(check_batch_axis="check_batch_dim")
def standardize_input_data(
    data: object,
    names: Sequence[str],
    shapes: Sequence[KnownShape | None] | None = None,
    check_batch_dim: bool = True,
    exception_prefix: str = "",
) -> list[np.ndarray]:
    """Return the data for each name as arrays of numbers; dtypes stay as they are.

    Args:
        data: one array for a single name, a list in order, or a dict by name.
        names: what the arrays are for.
        shapes: what is expected of each, the samples first, ``None`` for any size; 1-D arrays
            become (n, 1) where two axes are expected, and where nothing is.
        check_batch_dim: whether the number of samples is checked too.
        exception_prefix: in front of the name in messages.

    Raises:
        DataError: an array that is missing, is not numbers, or has another shape.
    """
    if not names and not data:
        return []
    arrays = []
    wanted = [None] * len(names) if shapes is None else shapes
    found = as_arrays(data, names, f"{exception_prefix} data".strip())
    for value, name, shape in zip(found, names, wanted, strict=True):
        what = f"{exception_prefix} {name}".strip()
        array = as_numbers(value, 2 if shape is None else len(shape), what)
        if shape is not None:
            check_shape(array.shape, tuple(shape), what, check_batch_dim)
        arrays.append(array)
    return arrays


def prepare(
    value: object, shape: KnownShape, dtype: str, what: str, samples: Samples | None = None
) -> np.ndarray:
    """Convert a value to an array of a shape and dtype, and check every number.

    1-D arrays become (n, 1). Floats, ints, bools and lists are converted; DataError for what has
    no number of the dtype (NaN, infinity, a fraction for an integer input), for an empty array and
    for a shape that does not fit. `samples` are the numbers of the samples, if not from 0 on.
    """
    array = as_numbers(value, len(shape), what)
    check_shape(array.shape, shape, what)
    return _converted(array, dtype, what, samples)


def prepare_input(value: object, node: g.Node, what: str) -> Data:
    """Return the samples for an input node: an array, or a stored one that is read batch by
    batch."""
    shape = known_shape(node)
    if not is_stored(value):
        return prepare(value, shape, node.dtype, what)

    def read(block: object, samples: Samples | None = None) -> np.ndarray:
        return prepare(block, shape, node.dtype, what, samples)

    return read_or_store(value, shape, read, what)


def read_or_store(
    value: object,
    shape: KnownShape,
    read: ReadBlock,
    what: str,
    check: Callable[[tuple[int, ...]], None] | None = None,
) -> Data:
    """Return `read(value)` for a value in memory, and a `StoredArray` for one in a file.

    What is in a file has its shape checked at once, by `check` before all.
    """
    if not is_stored(value):
        return read(value, None)
    stored = tuple(value.shape)
    if 0 in stored:
        raise DataError(f"{what}: the array is empty, shape {stored}; there is nothing to use")
    if len(stored) == 1 and len(shape) != 1:
        stored = (*stored, 1)
    if check is not None:
        check(stored)
    check_shape(stored, shape, what)
    with errors_at(what):
        return StoredArray(rows_of(value), stored[1:], read, what)


def as_numbers(value: object, ndim: int, what: str) -> np.ndarray:
    """Return a value as an array of numbers; one of shape (n,) becomes (n, 1).

    `ndim` is the rank that is wanted: 1-D arrays stay where it is 1. DataError for what is not
    numbers, and for an empty array.
    """
    array = value if type(value) is np.ndarray else _as_array(value, what)
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{what}: expected numbers, received dtype {array.dtype} "
            f"({type(value).__name__}); {_numbers_of(value, array)}"
        )
    if array.ndim == 0:
        raise DataError(
            f"{what}: expected an array with an axis for the samples, received {value!r}"
        )
    if array.size == 0:
        raise DataError(f"{what}: the array is empty, shape {array.shape}; there is nothing to use")
    return array[:, np.newaxis] if array.ndim == 1 and ndim != 1 else array


def _as_array(value: object, what: str) -> np.ndarray:
    if isinstance(value, g.Node):
        raise DataError(f"{what}: expected an array, received the node {value!r}")
    g.refuse_foreign_array(value, what)
    # Plain arrays have no mask; NumPy imports its module of masks at its first use.
    if hasattr(value, "mask") and np.ma.is_masked(value):
        raise DataError(
            f"{what}: the array has masked elements, which would count as numbers; fill them first "
            "with .filled(value)"
        )
    try:
        return np.asarray(value)
    except ValueError as error:
        raise DataError(
            f"{what}: the list cannot be made an array, its parts have different lengths "
            f"({error}); {_PAD}"
        ) from error


def _numbers_of(value: object, array: np.ndarray) -> str:
    """Return advice on how to convert a value that is no array of numbers."""
    if hasattr(value, "__next__"):
        return "a generator goes to fit_generator, evaluate_generator or predict_generator"
    if isinstance(value, str):
        return "read the file first, e.g. with np.load or np.loadtxt"
    if array.ndim and any(isinstance(one, list | tuple | np.ndarray) for one in array.flat):
        return _PAD
    if array.dtype.kind in "US":
        return "classes that are texts get numbers by np.unique(y, return_inverse=True)[1]"
    return "convert with numpy's astype"


def check_shape(
    received: tuple[int, ...], expected: KnownShape, what: str, samples: bool = False
) -> None:
    """Raise DataError, with the likely fix, unless the sizes agree; with `samples` the number of
    samples counts too."""
    first = 0 if samples else 1
    if received[first:] == expected[first:] and len(received) == len(expected):
        return
    if len(received) == len(expected) and all(
        size is None or size == got
        for size, got in zip(expected[first:], received[first:], strict=True)
    ):
        return
    if len(received) != len(expected):
        message = (
            f"{what}: expected {len(expected)} axes, {expected}, received {len(received)}: "
            f"{received}."
        )
    else:
        axes = range(first, len(expected))
        axis = next(k for k in axes if expected[k] not in (None, received[k]))
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
            return f" Either {leave_out}, or axis 1 of the data, of {expected[1]}, is missing."
    if received == (expected[-1], 1) and len(expected) == 2:
        return " If this is a single sample, give it the axis of the samples: x[np.newaxis]."
    if len(received) == len(expected) + 1 and received[2:] == expected[1:]:
        return (
            f" If this is a list of {received[0]} arrays: a single one is expected here; the "
            "model has one input, or one output, for it."
        )
    if len(received) == len(expected) + 1 and received[-1] == 1:
        return " Remove the last axis, x[..., 0]."
    sizes = [size for size in expected[1:] if size is not None]
    if len(sizes) == len(expected) - 1 and np.prod(received[1:]) == np.prod(sizes):
        return f" The samples have as many numbers: x.reshape((-1, {str(tuple(sizes))[1:-1]}))."
    return ""


def _converted(
    array: np.ndarray, dtype: str, what: str, samples: Samples | None = None
) -> np.ndarray:
    if dtype.startswith("float"):
        if _few_and_finite(array, dtype):
            return np.ascontiguousarray(array, dtype=dtype)
        with np.errstate(over="ignore"):
            converted = np.ascontiguousarray(array, dtype=dtype)
        if array.dtype.kind == "f":
            wrong = ~np.isfinite(converted)
            if wrong.any():
                found, where = first_position(wrong, samples)
                problem = (
                    f"is {array[found]}"
                    if not np.isfinite(array[found])
                    else f"is {array[found]}, too large for {dtype}"
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
        found, where = first_position(~fits, samples)
        raise DataError(
            f"{what}: takes {dtype}, and the value at index {where} is {array[found]}; expected "
            f"whole numbers from {limits[0]} to {limits[1]}"
        )
    return np.ascontiguousarray(array, dtype=dtype)


def _few_and_finite(array: np.ndarray, dtype: str) -> bool:
    """Return True where an array is small and one sum shows its numbers finite in a type of floats:
    that of their squares, in which none cancels another. False where it leaves that open."""
    known = _SQUARES.get((array.dtype, dtype))
    return known is not None and array.size <= _FEW and bool(np.vdot(array, array) <= known)


def first_position(
    mask: np.ndarray, samples: Samples | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the position of the first true element, in the array and among all samples."""
    found = tuple(int(i) for i in np.argwhere(mask)[0])
    return found, found if samples is None else (int(samples[found[0]]), *found[1:])


def check_lengths(arrays: Sequence[Data], names: Sequence[str]) -> int:
    """Return the number of samples, which all arrays share. DataError names two that differ."""
    count = len(arrays[0])
    for array, name in zip(arrays, names, strict=True):
        if len(array) != count:
            raise DataError(
                f"expected as many samples in every array: {names[0]} has {count}, {name} has "
                f"{len(array)}"
            )
    return count


@renamed(inputs="X", targets="Y", weights="W")
def check_array_lengths(
    X: Sequence[np.ndarray], Y: Sequence[np.ndarray], W: Sequence[np.ndarray]
) -> None:
    """Raise DataError unless inputs, targets and weights all have as many samples."""
    kinds = (("input", X), ("target", Y), ("weight", W))
    named = [(array, f"{kind} {k}") for kind, several in kinds for k, array in enumerate(several)]
    if named:
        check_lengths([array for array, _ in named], [name for _, name in named])
