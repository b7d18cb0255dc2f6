"""Metrics: (targets, predictions) -> a scalar, the mean over all predictions of a batch.

The objectives are metrics too; a model logs the mean of their values.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc import backend as K
from graphc.compiler.graph import Node
from graphc.lookup import get_function
from graphc.objectives import OBJECTIVES


def binary_accuracy(y_true: Node, y_pred: Node) -> Node:
    """The share of elements with t = round(p)."""
    return K.mean(K.equal(y_true, K.round(y_pred)))


def categorical_accuracy(y_true: Node, y_pred: Node) -> Node:
    """The share of rows whose largest target and largest prediction are at one place."""
    return K.mean(K.equal(K.argmax(y_true, axis=-1), K.argmax(y_pred, axis=-1)))


def sparse_categorical_accuracy(y_true: Node, y_pred: Node) -> Node:
    """The share of predictions whose largest element is at the class number of the target.

    Args:
        y_true: as many class numbers as there are predictions, e.g. (samples, 1).
        y_pred: (..., classes).
    """
    predicted = K.flatten(K.argmax(y_pred, axis=-1))
    return K.mean(K.equal(K.cast(K.flatten(y_true), "int64"), predicted))


METRICS: dict[str, Callable[[Node, Node], Node]] = {
    "binary_accuracy": binary_accuracy,
    "categorical_accuracy": categorical_accuracy,
    "sparse_categorical_accuracy": sparse_categorical_accuracy,
    **OBJECTIVES,
}


def get(identifier: str | Callable[[Node, Node], Node]) -> Callable[[Node, Node], Node]:
    """A metric by its name; a function is returned as it is.

    ``'accuracy'`` and ``'acc'`` stand for one of several and are resolved by a model's `compile`,
    from the output and its loss.

    Raises:
        UnknownNameError: the name is not in `METRICS`.
        ArgumentError: neither a name nor a function.
    """
    return get_function("metric", identifier, METRICS)
