"""Sample weights: given directly, by the classes of the targets, or all 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc import backend as K
from graphc.engine.data.input_arrays import as_arrays, as_numbers, prepare, read_or_store
from graphc.engine.data.stored import Data, Samples, StoredArray
from graphc.engine.data.targets import SAMPLE_WEIGHT_MODES, Target, for_each_output
from graphc.engine.topology.shapes import KnownShape
from graphc.errors import ArgumentError, DataError
from graphc.public.callers import warn

# What to do where weights have another number of axes than this.
_OTHER_RANK = {
    1: "A weight for each step needs compile(..., sample_weight_mode='temporal')",
    2: "sample_weight_mode='temporal' takes a weight for each step, e.g. np.repeat(w[:, np.newaxis]"
    ", steps, axis=1)",
}

# Samples whose targets are looked at together where they are read from a file.
_AT_ONCE = 4096


def prepare_weights(
    arrays: Sequence[Data],
    targets: Sequence[Target],
    sample_weight: object,
    class_weight: object,
) -> list[Data]:
    """Return the sample weights of each output for prepared targets."""
    names = [target.name for target in targets]
    sample_weight, class_weight = _none_if_empty(sample_weight), _none_if_empty(class_weight)
    if isinstance(class_weight, str):
        warn(
            f"class_weight={class_weight!r} counts for nothing, as in Keras, where only a dict "
            "from class to weight did; give one, e.g. {0: 1.0, 1: 5.0}"
        )
        class_weight = None
    if sample_weight is not None and class_weight is not None:
        class_weight = None
        warn(
            "class_weight and sample_weight were both given, and only one counts: that of the "
            "samples, as in Keras; multiply the classes' weights into it for both"
        )
    by_sample = standardize_sample_weights(sample_weight, names)
    by_class = standardize_class_weights(class_weight, names)
    return [
        standardize_weights(
            *(y, given, classes, "temporal" if target.temporal else None),
            name=target.name,
            dtype=target.weights.dtype,
        )
        for y, target, given, classes in zip(arrays, targets, by_sample, by_class, strict=True)
    ]


def _none_if_empty(weights: object) -> object:
    """Return None for an empty dict, which is Keras' default in places."""
    return None if isinstance(weights, Mapping | list | tuple) and not weights else weights


def standardize_sample_or_class_weights(
    x_weight: object, output_names: Sequence[str], weight_type: str
) -> list[Any]:
    """Return the weights of each output, or None: one for a single output, a list, or a dict.

    Args:
        x_weight: the weights as `fit` takes them.
        output_names: of the model.
        weight_type: 'sample_weight' or 'class_weight'.

    Raises:
        ArgumentError, DataError, KeywordError: a number of weights or a name that does not fit.
    """
    if weight_type == "class_weight":
        return standardize_class_weights(x_weight, output_names)
    if weight_type == "sample_weight":
        return standardize_sample_weights(x_weight, output_names)
    raise ArgumentError(
        f"weight_type: expected 'sample_weight' or 'class_weight', received {weight_type!r}"
    )


def standardize_sample_weights(sample_weight: object, output_names: Sequence[str]) -> list[Any]:
    """Return the sample weights of each output, or None; see
    `standardize_sample_or_class_weights`."""
    sample_weight = _none_if_empty(sample_weight)
    if sample_weight is None or isinstance(sample_weight, Mapping):
        return for_each_output(sample_weight, output_names, "sample_weight")
    return as_arrays(sample_weight, output_names, "sample_weight")


def standardize_class_weights(class_weight: object, output_names: Sequence[str]) -> list[Any]:
    """Return the class weights of each output, or None; see
    `standardize_sample_or_class_weights`."""
    class_weight = _none_if_empty(class_weight)
    of_classes = isinstance(class_weight, Mapping) and not set(class_weight) & set(output_names)
    alone = of_classes or not isinstance(class_weight, Mapping | list | tuple)
    if len(output_names) == 1 and alone:
        return [class_weight]
    if of_classes and isinstance(class_weight, Mapping):
        raise ArgumentError(
            f"class_weight: expected a dict by output ({', '.join(output_names)}), each with a "
            f"dict from class to weight, received the keys {', '.join(map(repr, class_weight))}"
        )
    return for_each_output(class_weight, output_names, "class_weight", shared=False)


def standardize_weights(
    y: Data,
    sample_weight: object = None,
    class_weight: Mapping[Any, Any] | None = None,
    sample_weight_mode: str | None = None,
    *,
    name: str = "the output",
    dtype: str | None = None,
) -> Data:
    """Return a weight for each sample of targets, or for each step: (samples,) or (samples, time).

    Args:
        y: the targets, (samples, ...).
        sample_weight: the weights themselves.
        class_weight: class -> weight; the class is the largest column of `y`, or its only one.
        sample_weight_mode: None, or 'temporal' for targets (samples, time, ...) whose steps have
            weights of their own.
        name: of the output, for messages.
        dtype: of the result, floatX by default.

    Raises:
        ArgumentError, DataError: a mode, weights or classes that do not fit.
    """
    if sample_weight_mode not in SAMPLE_WEIGHT_MODES:
        raise ArgumentError(
            f"sample_weight_mode of {name}: expected None or 'temporal', received "
            f"{sample_weight_mode!r}"
        )
    temporal = sample_weight_mode == "temporal"
    if temporal and y.ndim < 3:
        raise DataError(
            f"sample_weight of {name}: sample_weight_mode='temporal' needs targets of (samples, "
            f"time, ...), received the shape {y.shape}"
        )
    shape = y.shape[: 2 if temporal else 1]
    dtype = dtype or K.floatx()
    if sample_weight is not None:
        return _given(sample_weight, (None, *shape[1:]), dtype, f"sample_weight of {name}")
    if class_weight is not None:
        return _of_classes(y, temporal, class_weight, f"class_weight of {name}").astype(dtype)
    return np.ones(shape, dtype)


def _given(weights: object, shape: KnownShape, dtype: str, what: str) -> Data:
    def check(received: tuple[int, ...]) -> None:
        if len(received) != len(shape):
            raise DataError(
                f"{what}: expected {len(shape)} axes, {shape}, received {len(received)}: "
                f"{received}. {_OTHER_RANK[len(shape)]}"
            )

    def read(block: object, samples: Samples | None) -> np.ndarray:
        numbers = as_numbers(block, 1, what)  # a vector stays one, to be told of as it is
        check(numbers.shape)
        return prepare(numbers, shape, dtype, what, samples)

    return read_or_store(weights, shape, read, what)


def _of_classes(y: Data, temporal: bool, class_weight: object, what: str) -> np.ndarray:
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            f"{what}: expected a dict from class to weight, received {class_weight!r}"
        )
    if y.ndim > 2 or temporal:
        raise DataError(
            f"{what}: needs targets with one class a sample, received shape {y.shape}; with "
            "sample_weight_mode='temporal' give sample_weight of (samples, time)"
        )
    labels = _labels(y)
    classes, positions = np.unique(labels, return_inverse=True)
    missing = [label for label in classes.tolist() if label not in class_weight]
    if missing:
        raise DataError(
            f"{what}: the targets have the class {_shown(missing[0])}, which is not in the dict "
            f"(it has {', '.join(map(repr, class_weight))}); give every class a weight"
        )
    given = [class_weight[label] for label in classes.tolist()]
    if not all(isinstance(one, int | float | np.number) and np.isfinite(one) for one in given):
        raise DataError(f"{what}: expected finite weights, received {dict(class_weight)!r}")
    return np.array(given, dtype="float64")[positions]


def _labels(y: Data) -> np.ndarray:
    """Yield the classes of the samples; of stored targets only some are in memory at a time."""
    if isinstance(y, StoredArray):
        starts = range(0, len(y), _AT_ONCE)
        return np.concatenate([_labels(y[start : start + _AT_ONCE]) for start in starts])
    if y.ndim == 1:
        return y
    return y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]


def _shown(label: float) -> str:
    return str(int(label)) if label == int(label) else str(label)
