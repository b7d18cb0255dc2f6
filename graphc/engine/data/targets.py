"""Targets: what each output is trained on; conversion, and checks against the loss."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from graphc import metrics, objectives
from graphc.compiler import graph as g
from graphc.engine.data.input_arrays import (
    as_arrays,
    as_numbers,
    first_position,
    prepare,
    read_or_store,
)
from graphc.engine.data.stored import Data, Samples, StoredArray
from graphc.engine.topology.layer_node import Mask
from graphc.engine.topology.shapes import KnownShape, known_shape
from graphc.errors import ArgumentError, DataError, KeywordError, suggestion

_log = logging.getLogger("graphc")

_CROSSENTROPIES = (objectives.binary_crossentropy, objectives.categorical_crossentropy)

_ROUNDING = 1e-5
"""The distance from 0 to 1 that a probability may have by rounding: some 100 times float32's
precision, for what is averaged, interpolated or scaled."""

Objective = Callable[[g.Node, g.Node], g.Node]


SAMPLE_WEIGHT_MODES = (None, "temporal")


@dataclass(frozen=True)
class Target:
    """One output in training.

    Attributes:
        name: of the output, its layer's name.
        output: the node that predicts.
        loss: the objective.
        y_true: the input node of the targets.
        weights: the input node of the sample weights: (batch,), with 'temporal' (batch, time).
        temporal: whether each step has a weight of its own.
        mask: (batch, time), false at the steps that do not count; None where all do.
        factor: of this output's loss in the total.
    """

    name: str
    output: g.Node
    loss: Objective
    y_true: g.Node
    weights: g.Node
    temporal: bool
    factor: float
    mask: Mask = None


def for_each_output(
    value: object,
    names: Sequence[str],
    what: str,
    default: object = None,
    shared: bool = True,
) -> list[Any]:
    """Return a value for every output, given as one for all, a list in order, or a dict by name."""
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in names]
        if unknown:
            raise KeywordError(
                f"{what}: no output is named {unknown[0]!r}. {suggestion(str(unknown[0]), names)}"
            )
        missing = [name for name in names if name not in value]
        if missing and what == "loss":
            raise ArgumentError(f"loss: the dict has nothing for the output {missing[0]!r}")
        return [value.get(name, default) for name in names]
    if isinstance(value, list | tuple):
        if len(value) != len(names):
            raise ArgumentError(
                f"{what}: expected {len(names)} values, one for each of the outputs "
                f"{', '.join(names)}, received {len(value)}"
            )
        return list(value)
    if value is None:
        return [default] * len(names)
    if not shared:
        raise ArgumentError(f"{what}: expected a list or a dict by output, received {value!r}")
    return [value] * len(names)


_SPARSE_SCORES = inspect.unwrap(objectives.sparse_categorical_crossentropy)


def takes_labels(objective: Objective) -> bool:
    """Return True if targets are class numbers rather than values of the output's shape."""
    # A metric wraps the scores that it is the mean of. Each step asks, and `inspect.unwrap` takes
    # some 6 us, a tenth of a small model's step, mostly for chains without an end.
    scores = objective
    while (inner := getattr(scores, "__wrapped__", None)) is not None:
        scores = inner
    return scores is _SPARSE_SCORES


def takes_output_shape(objective: Objective) -> bool:
    """Return True if targets have the shape of the output; a user's own objective may take any."""
    if objective is metrics.sparse_categorical_accuracy or takes_labels(objective):
        return False
    return getattr(objective, "__module__", None) in (objectives.__name__, metrics.__name__)


def prepare_targets(y: object, targets: Sequence[Target]) -> list[Data]:
    """Return the targets of each output as arrays. Raises DataError if they do not fit the loss."""
    data = as_arrays(y, [target.name for target in targets], "targets")
    return [_prepare_target(one, target) for one, target in zip(data, targets, strict=True)]


def _prepare_target(value: object, target: Target) -> Data:
    what = f"targets of {target.name}"
    shape, output = known_shape(target.y_true), known_shape(target.output)

    def check(received: tuple[int, ...]) -> None:
        _check_kind(received, target.loss, output, what)

    def read(block: object, samples: Samples | None) -> np.ndarray:
        numbers = as_numbers(block, len(shape), what)
        check(numbers.shape)
        array = prepare(numbers, shape, target.y_true.dtype, what, samples)
        if takes_labels(target.loss):
            _check_labels(array, output[-1], what, samples)
        return array

    return read_or_store(value, shape, read, what, check)


def check_probabilities(
    arrays: Sequence[Data], weights: Sequence[Data], targets: Sequence[Target], warned_of: set[str]
) -> list[Data]:
    """Return the targets; those of a crossentropy are checked to lie within 0 to 1, stored ones
    when they are read.

    What has weight 0 may be anything. Outside, binary_crossentropy has no minimum, which is an
    error. There is a line in the log alone where programs of that time rely on it: labels of -1 and
    1; categorical_crossentropy, a log-likelihood weighted by the targets; a mask of the output,
    which is known in the graph alone and may leave values out.

    Args:
        arrays, weights: prepared, for each output.
        warned_of: the outputs of which the log has a line; added to.

    Raises:
        DataError: a target of binary_crossentropy outside.
    """
    checked: list[Data] = []
    for array, weight, target in zip(arrays, weights, targets, strict=True):
        if target.loss in _CROSSENTROPIES:
            check = partial(_check_range, weight, target, warned_of)
            if isinstance(array, StoredArray):
                array = array.checked_by(check)
            else:
                check(array, None)
        checked.append(array)
    return checked


def _check_range(
    weights: Data, target: Target, warned_of: set[str], array: np.ndarray, samples: Samples | None
) -> None:
    low, high = -_ROUNDING, 1 + _ROUNDING
    if array.min() >= low and array.max() <= high:
        return
    counted = weights[:] if samples is None else weights.take(np.asarray(samples), axis=0)
    counted = counted.reshape(*counted.shape, *[1] * (array.ndim - counted.ndim))
    outside = ((array < low) | (array > high)) & (counted != 0)
    if not outside.any():
        return
    found, where = first_position(outside, samples)
    name = target.loss.__name__
    problem = (
        f"targets of {target.name}: {name} expects values from 0 to 1, and received "
        f"{array[found]:.7g} at sample {where[0]}, index {where}; {int(outside.sum())} of "
        f"{outside.size} values are outside"
    )
    labels = bool((np.abs(array) == 1).all())
    if target.loss is objectives.binary_crossentropy and target.mask is None and not labels:
        raise DataError(
            f"{problem}, where this loss has no minimum. Scale them (of images y / 255, of labels "
            "-1 and 1 (y + 1) / 2), give samples that are not to count the sample_weight 0, or, if "
            "this is meant, write the loss as a function of your own"
        )
    if target.name in warned_of:
        return
    warned_of.add(target.name)
    remedy = (
        "labels of -1 and 1 are (y + 1) / 2 as probabilities, and hinge is a loss for them"
        if labels
        else "if that is not meant, scale them, or give samples that are not to count the "
        "sample_weight 0"
    )
    _log.warning("%s; they weigh log-likelihoods here. %s", problem, remedy)


def check_loss_and_target_compatibility(
    targets: Sequence[np.ndarray],
    losses: Sequence[str | Objective],
    output_shapes: Sequence[KnownShape],
) -> None:
    """Raise DataError, which says which loss would fit, for targets that are not of a loss' kind.

    Args:
        targets: an array for each output.
        losses: the loss of each output, a function or its name.
        output_shapes: the shape of each output, the batch first.
    """
    for k, (y, loss, shape) in enumerate(zip(targets, losses, output_shapes, strict=True)):
        _check_kind(np.shape(y), objectives.get(loss), tuple(shape), f"targets {k}")


def _check_kind(shape: tuple[int, ...], loss: Objective, expected: KnownShape, what: str) -> None:
    """Raise DataError for class numbers in place of one-hot rows, or the reverse, and name the loss
    that fits."""
    if loss is objectives.categorical_crossentropy and shape[-1] == 1:
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
    if takes_labels(loss) and shape[-1] != 1 and shape[-1] == expected[-1]:
        raise DataError(
            f"{what}: sparse_categorical_crossentropy takes class numbers, expected "
            f"{(*expected[:-1], 1)}, received {shape}. If these are one-hot rows, use "
            "loss='categorical_crossentropy', or pass y.argmax(axis=-1)"
        )
    fits = len(shape) == len(expected) and all(
        size is None or size == got for size, got in zip(expected[1:], shape[1:], strict=True)
    )
    if takes_output_shape(loss) and not fits:
        raise DataError(
            f"{what}: {loss.__name__} takes targets of the output's shape, expected "
            f"{expected}, received {shape}.{_likely_fix(shape, expected)}"
        )


def _likely_fix(shape: tuple[int, ...], expected: KnownShape) -> str:
    if len(shape) == 2 and len(expected) == 3:
        return (
            " The output has a value for each step; if each sequence has one target, end with a "
            "recurrent layer without return_sequences, or Flatten."
        )
    if len(shape) == 3 and len(expected) == 2:
        return (
            " The output has no steps; if each step has a target, give the last recurrent layer "
            "return_sequences=True, and put TimeDistributed around a Dense after it."
        )
    hint = ""
    if shape[-1] == 1 and len(shape) == len(expected):
        hint = (
            " If these are class numbers, use loss='sparse_categorical_crossentropy', or make "
            "one-hot rows with to_categorical(y)."
        )
    return f"{hint} Does the last layer have as many units as a target has numbers?"


def _check_labels(
    labels: np.ndarray, classes: int | None, what: str, samples: Samples | None
) -> None:
    if classes is None:
        return
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        sample = where[0] if samples is None else int(samples[where[0]])
        raise DataError(
            f"{what}: class numbers run from 0 to {classes - 1}, one for each column of the "
            f"output; the value at sample {sample} is {labels[where]}. Count classes from 0, or "
            "give the last layer more units"
        )
