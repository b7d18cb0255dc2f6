"""Targets and sample weights: conversion, and checks against the loss they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc import objectives
from graphc.engine.feeds import as_arrays, as_numbers, prepare
from graphc.engine.losses import Target, for_each_output, takes_labels, takes_output_shape
from graphc.engine.shapes import known_shape
from graphc.errors import ArgumentError, DataError


def prepare_targets(y: object, targets: Sequence[Target]) -> list[np.ndarray]:
    """The targets of each output as arrays. DataError where they do not fit the loss."""
    data = as_arrays(y, [target.name for target in targets], "targets")
    return [_prepare_target(one, target) for one, target in zip(data, targets, strict=True)]


def _prepare_target(value: object, target: Target) -> np.ndarray:
    what = f"targets of {target.name}"
    numbers = as_numbers(value, target.y_true.ndim, what)
    _check_kind(numbers.shape, target, what)
    array = prepare(numbers, target.y_true, what)
    if takes_labels(target.loss):
        _check_labels(array, target.output.shape[-1], what)
    return array


def _check_kind(shape: tuple[int, ...], target: Target, what: str) -> None:
    """Class numbers where one-hot rows are needed, and the reverse: say which loss fits."""
    expected = known_shape(target.output)
    if target.loss is objectives.categorical_crossentropy and shape[-1] == 1:
        raise DataError(
            f"{what}: categorical_crossentropy takes one column for each class, expected "
            f"{expected}, received {shape}. "
            + (
                "An output of one column is for binary_crossentropy"
                if expected[-1] == 1
                else "If these are class numbers, make one-hot rows with to_categorical(y), or use "
                "loss='sparse_categorical_crossentropy'"
            )
        )
    if takes_labels(target.loss) and shape[-1] != 1 and shape[-1] == expected[-1]:
        raise DataError(
            f"{what}: sparse_categorical_crossentropy takes class numbers, expected "
            f"{(*expected[:-1], 1)}, received {shape}. If these are one-hot rows, use "
            "loss='categorical_crossentropy', or pass y.argmax(axis=-1)"
        )
    fits = len(shape) == len(expected) and all(
        size is None or size == got for size, got in zip(expected[1:], shape[1:], strict=True)
    )
    if takes_output_shape(target.loss) and not fits:
        hint = ""
        if shape[-1] == 1 and len(shape) == len(expected):
            hint = (
                " If these are class numbers, use loss='sparse_categorical_crossentropy', or make "
                "one-hot rows with to_categorical(y)."
            )
        raise DataError(
            f"{what}: {target.loss.__name__} takes targets of the output's shape, expected "
            f"{expected}, received {shape}.{hint} Does the last layer have as many units as a "
            "target has numbers?"
        )


def _check_labels(labels: np.ndarray, classes: object, what: str) -> None:
    if not isinstance(classes, int):
        return
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DataError(
            f"{what}: class numbers run from 0 to {classes - 1}, one for each column of the "
            f"output; the value at sample {where[0]} is {labels[where]}. Count classes from 0, or "
            "give the last layer more units"
        )


def prepare_weights(
    arrays: Sequence[np.ndarray],
    targets: Sequence[Target],
    sample_weight: object,
    class_weight: object,
) -> list[np.ndarray]:
    """The weights of each output: given, from the classes of its targets, or all 1."""
    if isinstance(class_weight, Mapping) and not class_weight:
        class_weight = None  # Keras' default in places
    if sample_weight is not None and class_weight is not None:
        raise ArgumentError(
            "class_weight and sample_weight were both given, and only one can count; multiply the "
            "class weights into sample_weight, and give that alone"
        )
    names = [target.name for target in targets]
    if sample_weight is None or isinstance(sample_weight, Mapping):
        by_sample = for_each_output(sample_weight, names, "sample_weight")
    else:
        by_sample = as_arrays(sample_weight, names, "sample_weight")
    by_class = _by_output(class_weight, names)
    return [_weights_of(*row) for row in zip(arrays, targets, by_sample, by_class, strict=True)]


def _by_output(class_weight: object, names: Sequence[str]) -> list:
    of_classes = isinstance(class_weight, Mapping) and not set(class_weight) & set(names)
    if len(names) == 1 and (of_classes or not isinstance(class_weight, Mapping | list | tuple)):
        return [class_weight]
    if of_classes and class_weight:
        raise ArgumentError(
            f"class_weight: expected a dict by output ({', '.join(names)}), each with a dict from "
            f"class to weight, received the keys {', '.join(map(repr, class_weight))}"
        )
    return for_each_output(class_weight, names, "class_weight", shared=False)


def _weights_of(
    y: np.ndarray, target: Target, sample_weight: object, class_weight: object
) -> np.ndarray:
    shape = y.shape[: target.weights.ndim]
    if sample_weight is not None:
        what = f"sample_weight of {target.name}"
        given = prepare(sample_weight, target.weights, what)
        if given.shape[1:] != shape[1:]:
            raise DataError(f"{what}: expected shape {shape}, received {given.shape}")
        return given
    if class_weight is not None:
        return _class_weights(y, target, class_weight).astype(target.weights.dtype)
    return np.ones(shape, target.weights.dtype)


def _class_weights(y: np.ndarray, target: Target, class_weight: object) -> np.ndarray:
    what = f"class_weight of {target.name}"
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            f"{what}: expected a dict from class to weight, received {class_weight!r}"
        )
    if y.ndim > 2 or target.temporal:
        raise DataError(
            f"{what}: needs targets with one class a sample, received shape {y.shape}; with "
            "sample_weight_mode='temporal' give sample_weight of (samples, time)"
        )
    labels = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
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
    weights = np.array(given, dtype="float64")
    return weights[positions]


def _shown(label: float) -> str:
    return str(int(label)) if label == int(label) else str(label)
